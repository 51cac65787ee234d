/* SPDX-License-Identifier: Apache-2.0 */
/* OPTIONS, INFO, MESSAGE, NOTIFY, PUBLISH, REFER, SUBSCRIBE: what the other side gets to see of them and of
 * their answers. */
#include "policy_priv.h"
#include "sip/field.h"

static enum crossing of_request(enum sip_method m)
{
	switch (m) {
	case SIP_OPTIONS:
		return CROSS_OPTIONS;
	case SIP_INFO:
		return CROSS_INFO;
	case SIP_MESSAGE:
		return CROSS_MESSAGE;
	case SIP_NOTIFY:
		return CROSS_NOTIFY;
	case SIP_PUBLISH:
		return CROSS_PUBLISH;
	case SIP_REFER:
		return CROSS_REFER;
	default:
		return CROSS_SUBSCRIBE;
	}
}

static enum crossing of_answer(enum sip_method m, unsigned status)
{
	if (status >= 300)
		return CROSS_OTHER_FAIL;
	switch (m) {
	case SIP_OPTIONS:
		return CROSS_OPTIONS_2XX;
	case SIP_PUBLISH:
		return CROSS_PUBLISH_2XX;
	case SIP_REFER:
		return CROSS_REFER_2XX;
	case SIP_SUBSCRIBE:
		return CROSS_SUBSCRIBE_2XX;
	default:
		return CROSS_OTHER_2XX;
	}
}

/* ---- what must be in it ---- */

/* RFC 6665 8.2.1. The state of an unsolicited NOTIFY may be missing: it has none. */
static unsigned check_event(const struct sip_msg *m)
{
	struct sip_sub_state st;
	struct sip_event e;

	if (sip_event_parse(sip_value(m, SIP_HDR_EVENT), &e) || e.package.n > 64)
		return 489;
	if (m->method == SIP_NOTIFY && sip_hdr_first(m, SIP_HDR_SUBSCRIPTION_STATE) &&
	    sip_sub_state_parse(sip_value(m, SIP_HDR_SUBSCRIPTION_STATE), &st))
		return 400;
	return 0;
}

static unsigned check(const struct sip_msg *m)
{
	switch (m->method) {
	case SIP_NOTIFY:
	case SIP_PUBLISH:
	case SIP_SUBSCRIBE:
		return check_event(m);
	default:
		return 0;
	}
}

/* ---- Event ---- */

/* Package and id; other parameters name dialogs. */
static void put_event(struct buf *b, const struct policy_ask *a)
{
	struct sip_event e;
	uint32_t n;

	if (sip_event_parse(sip_value(a->m, SIP_HDR_EVENT), &e))
		return;
	buf_lit(b, "Event: ");
	buf_put(b, e.package);
	if (str_caseeq(e.package, STR("refer"))) {
		if (e.id.n && a->refer_id && !str_u32(e.id, UINT32_MAX, &n) &&
		    (n = a->refer_id(a->refer_arg, n)))
			buf_fmt(b, ";id=%u", n);
	} else if (e.id.n && e.id.n <= 64 && text_is_token(e.id)) {
		buf_lit(b, ";id=");
		buf_put(b, e.id);
	}
	buf_lit(b, "\r\n");
}

static bool has_event(enum sip_method m)
{
	return m == SIP_NOTIFY || m == SIP_PUBLISH || m == SIP_SUBSCRIBE;
}

/* ---- both ways ---- */

static int put_names(const struct policy_ask *a, struct buf *mem, struct policy_request *out)
{
	struct policy_invite names;
	int err = identity_names(a->m, a->core, a->to, mem, &names);

	if (err)
		return err;
	out->ruri = names.ruri;
	out->from = names.from;
	out->to = names.to;
	out->contact_user = names.contact_user;
	return 0;
}

unsigned policy_request(const struct policy_ask *a, struct buf *mem, struct policy_request *out)
{
	unsigned status = check(a->m);
	size_t mark;

	*out = (struct policy_request){ 0 };
	if (!status && !a->inside && put_names(a, mem, out))
		status = 404;
	if (!status)
		status = body_cross(a->m, a->to, mem, out);
	mark = mem->n;
	if (!status && a->m->method == SIP_REFER)
		status = refer_cross(a, mem);
	if (status)
		return status;
	if (has_event(a->m->method))
		put_event(mem, a);
	header_cross(mem, a->m, of_request(a->m->method) | (a->nameless ? CROSS_NAMELESS : 0), 0,
		     a->to);
	out->headers = written(mem, mark);
	return buf_ok(mem) ? 0 : 513;
}

/* As for calls, but for what such a request is owed: lists that go with the status, and the state of what it is
 * about. */
unsigned policy_answer_status(unsigned status)
{
	switch (status) {
	case 405:
	case 406:
	case 415:
	case 423:
	case 481:
	case 489:
		return status;
	default:
		return status < 300 ? status : policy_final(status, NULL, NULL);
	}
}

struct str policy_answer(const struct sip_msg *m, const struct conf_trunk *to, struct buf *mem)
{
	size_t mark = mem->n;

	if (m)
		header_cross(mem, m, of_answer(m->method, m->status), m->status, to);
	return buf_ok(mem) ? written(mem, mark) : STR_NONE;
}
