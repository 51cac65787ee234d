/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are no calls, from outside dialogs and from those of calls: what is answered here, and which
 * way the others go. */
#include "call/relay_priv.h"

#define ACCEPT "Accept: application/sdp\r\n"

/* OPTIONS that name nobody are how trunks ask whether we live. */
static void answer_options(struct calls *cs, struct sip_request *r)
{
	struct invite_reply reply = { .status = cs->draining ? 503 : 200 };
	char mem[256];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_lit(&b, "Allow: ");
	buf_put(&b, sip_allow);
	buf_lit(&b, "\r\n" ACCEPT);
	reply.headers = buf_str(&b);
	cs->n.options++;
	sip_request_reply(r, &reply);
}

/* What is passed on, or the status to refuse it with. */
static unsigned may_pass(const struct sip_msg *m)
{
	switch (m->method) {
	case SIP_OPTIONS:
	case SIP_MESSAGE:
	case SIP_NOTIFY:
	case SIP_PUBLISH:
	case SIP_REFER:
	case SIP_SUBSCRIBE:
		return 0;
	case SIP_INFO: /* RFC 6086 4.2.2: without its dialog */
		return 481;
	case SIP_METHOD_OTHER:
		return 501;
	default:
		return 405;
	}
}

void calls_request(void *arg, struct sip_request *r, const struct sip_msg *m,
		   const struct sip_core *core, const struct sip_hop *source)
{
	struct calls *cs = arg;
	const struct conf_route *way = policy_way(cs->conf, (unsigned)source->peer);
	struct relay_in in = { .request = r,
			       .msg = m,
			       .core = core,
			       .source = source,
			       .conf = cs->conf,
			       .from = &cs->conf->trunks[source->peer] };
	unsigned status = may_pass(m);

	if (m->method == SIP_OPTIONS && !core->ruri.user.n) {
		answer_options(cs, r);
	} else if (status) {
		cs->n.not_allowed++;
		relay_refuse(cs, &in, status);
	} else if (cs->draining) {
		relay_refuse(cs, &in, 503);
	} else if (!way) {
		relay_refuse(cs, &in, m->method == SIP_OPTIONS ? 404 : 403);
	} else {
		in.to = way->to;
		relay_pass(cs, &in);
	}
}

static enum call_note note_of(enum sip_method m)
{
	switch (m) {
	case SIP_INFO:
		return NOTE_INFO;
	case SIP_MESSAGE:
		return NOTE_MESSAGE;
	case SIP_NOTIFY:
		return NOTE_NOTIFY;
	case SIP_REFER:
		return NOTE_REFER;
	default:
		return NOTE_REQUEST;
	}
}

/* Who is about to come in has nobody yet to talk to. */
static void answer_third(struct call *c, const struct invite_event *e)
{
	(void)c;
	sip_request_reply(
		e->request,
		&(struct invite_reply){ .status = 500, .headers = STR("Retry-After: 5\r\n") });
}

void call_request(struct call *c, unsigned leg, const struct invite_event *e)
{
	struct relay_in in = { .request = e->request,
			       .msg = e->msg,
			       .core = e->core,
			       .conf = c->conf,
			       .from = call_leg_at(c, leg)->trunk,
			       .leg = leg };

	if (leg != CALL_THIRD) {
		in.to = c->leg[leg ^ 1].trunk;
		in.inv = c->leg[leg ^ 1].inv;
	}
	call_note(c, leg, 0, note_of(e->msg->method));
	if (leg == CALL_THIRD) {
		answer_third(c, e);
		return;
	}
	if (e->msg->method == SIP_REFER && transfer_refer(c, leg, e))
		return;
	if (dtmf_info(c, leg, e))
		return;
	/* Without memory NOTIFYs of it do not name it. */
	if (e->msg->method == SIP_REFER && !c->refers)
		c->refers = arena_alloc(c->arena, sizeof(*c->refers));
	in.refers = c->refers;
	in.call = c;
	if (in.inv)
		relay_pass(c->calls, &in);
	else
		relay_refuse(c->calls, &in, 481);
}
