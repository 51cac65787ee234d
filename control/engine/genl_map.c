/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "engine/genl_map.h"
#include "engine/tlv_priv.h"

#define MSG_HDRLEN (NLMSG_HDRLEN + GENL_HDRLEN)

/* ---- requests ---- */

/* Lists that are torn have one, too: then the kernel is asked for a single flow, and says what is wrong. */
static bool has_id(const u8 *at, size_t left)
{
	while (left) {
		struct nlattr a;
		if (left < NLA_HDRLEN)
			return true;
		memcpy(&a, at, sizeof(a));
		if (a.nla_len < NLA_HDRLEN || (size_t)NLA_ALIGN(a.nla_len) > left)
			return true;
		if ((a.nla_type & NLA_TYPE_MASK) == FLOW_A_ID)
			return true;
		at += NLA_ALIGN(a.nla_len);
		left -= (size_t)NLA_ALIGN(a.nla_len);
	}
	return false;
}

/* A query is answered by a message of its own, and by an error where there is none. ECHO means nothing to the
 * kernel; it comes back with the error, and so tells it from one that nobody waits for. */
static u16 request_flags(const u8 *msg, size_t n, u16 flags)
{
	u8 cmd = n < MSG_HDRLEN ? 0 : msg[NLMSG_HDRLEN];

	switch (cmd) {
	case FLOW_CMD_DUMP:
		if (!has_id(msg + MSG_HDRLEN, n - MSG_HDRLEN))
			return NLM_F_REQUEST | NLM_F_DUMP;
		return NLM_F_REQUEST | NLM_F_ECHO;
	case FLOW_CMD_HELLO:
	case FLOW_CMD_DEL:
	case FLOW_CMD_TRACE:
		return NLM_F_REQUEST | NLM_F_ECHO;
	default:
		return (u16)(NLM_F_REQUEST | (flags & NLM_F_ACK));
	}
}

void genl_map_request(void *out, const void *in, size_t n, u16 family)
{
	u8 *at = out;

	if (out != in)
		memcpy(out, in, n);
	while (n >= NLMSG_HDRLEN) {
		struct nlmsghdr h;
		memcpy(&h, at, sizeof(h));
		if (h.nlmsg_len < NLMSG_HDRLEN || h.nlmsg_len > n)
			return;
		if (h.nlmsg_type >= NLMSG_MIN_TYPE) {
			h.nlmsg_type = family;
			h.nlmsg_flags = request_flags(at, h.nlmsg_len, h.nlmsg_flags);
			memcpy(at, &h, sizeof(h));
		}
		if (NLMSG_ALIGN(h.nlmsg_len) >= n)
			return;
		at += NLMSG_ALIGN(h.nlmsg_len);
		n -= NLMSG_ALIGN(h.nlmsg_len);
	}
}

/* What the kernel books for a datagram: its head, and the room that it was made with, in powers of two. Errors of
 * requests that want no answer come, too. A dump goes on as it is read. */
static size_t answer_octets(u8 cmd)
{
	switch (cmd) {
	case FLOW_CMD_HELLO:
	case FLOW_CMD_DEL:
	case FLOW_CMD_DUMP:
		return 8192 + 512;
	default:
		return 1024;
	}
}

size_t genl_map_answers(const void *in, size_t n)
{
	const u8 *at = in;
	size_t all = 0;

	while (n >= MSG_HDRLEN) {
		struct nlmsghdr h;
		memcpy(&h, at, sizeof(h));
		if (h.nlmsg_len < NLMSG_HDRLEN || h.nlmsg_len > n)
			break;
		all += answer_octets(at[NLMSG_HDRLEN]);
		if (NLMSG_ALIGN((size_t)h.nlmsg_len) >= n)
			break;
		at += NLMSG_ALIGN((size_t)h.nlmsg_len);
		n -= NLMSG_ALIGN((size_t)h.nlmsg_len);
	}
	return all;
}

/* ---- replies ---- */

struct reply {
	struct tlv_out o;
	u16 family;
	struct genl_news *news;
};

static const struct nlattr *find(const u8 *at, size_t n, int type)
{
	return nla_find((const struct nlattr *)(const void *)at, (int)n, type);
}

static int put_status(struct reply *r, u32 seq, u8 cmd, int status, const u8 *attrs, size_t n)
{
	const char *why = status ? tlv_text(find(attrs, n, NLMSGERR_ATTR_MSG)) : NULL;

	tlv_begin(&r->o, cmd, 0, seq);
	tlv_put_u32(&r->o, FLOW_A_STATUS, (u32)status);
	if (why)
		tlv_put_str(&r->o, FLOW_A_REASON, why);
	return tlv_end(&r->o);
}

static int take_error(struct reply *r, const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	size_t n = h->nlmsg_len - NLMSG_HDRLEN, echoed = 0;
	u8 cmd = FLOW_CMD_UNSPEC;

	if (n < sizeof(*e))
		return -EBADMSG;
	n -= sizeof(*e);
	/* Without CAP_ACK errors have all of the request behind its header. */
	if (!(h->nlmsg_flags & NLM_F_CAPPED)) {
		if (e->msg.nlmsg_len < NLMSG_HDRLEN)
			return -EBADMSG;
		echoed = NLMSG_ALIGN((size_t)e->msg.nlmsg_len) - NLMSG_HDRLEN;
		if (echoed > n)
			return -EBADMSG;
		if (echoed >= GENL_HDRLEN)
			cmd = *(const u8 *)(e + 1);
	}
	bool dump = (e->msg.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	if (!dump && !(e->msg.nlmsg_flags & (NLM_F_ACK | NLM_F_ECHO)))
		return 0; /* errors come unasked, too */
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		n = echoed;
	return put_status(r, h->nlmsg_seq, cmd, e->error > 0 ? -EPROTO : e->error,
			  (const u8 *)(e + 1) + echoed, n - echoed);
}

/* The end of a dump was said by the message with the counters. Here it is said why that did not come. */
static int take_done(struct reply *r, const struct nlmsghdr *h)
{
	size_t n = h->nlmsg_len - NLMSG_HDRLEN;
	int status;

	if (n < sizeof(status))
		return n ? -EBADMSG : 0;
	memcpy(&status, NLMSG_DATA(h), sizeof(status));
	if (status >= 0)
		return 0;
	return put_status(r, h->nlmsg_seq, FLOW_CMD_DUMP, status,
			  (const u8 *)NLMSG_DATA(h) + sizeof(status),
			  h->nlmsg_flags & NLM_F_ACK_TLVS ? n - sizeof(status) : 0);
}

static int take_message(struct reply *r, const struct nlmsghdr *h)
{
	const struct genlmsghdr *g = NLMSG_DATA(h);
	const u8 *attrs = (const u8 *)h + MSG_HDRLEN;

	if (h->nlmsg_len < MSG_HDRLEN)
		return -EBADMSG;
	size_t n = h->nlmsg_len - MSG_HDRLEN;
	size_t room = NLMSG_ALIGN((size_t)h->nlmsg_len);
	if (room > r->o.cap - r->o.n)
		return -EMSGSIZE;
	u8 *to = (u8 *)r->o.p + r->o.n;
	struct nlmsghdr out = *h;
	out.nlmsg_type = NLMSG_MIN_TYPE;
	if (g->cmd == FLOW_CMD_DUMP && find(attrs, n, FLOW_A_DROPS) && !find(attrs, n, FLOW_A_ID)) {
		out.nlmsg_type = NLMSG_DONE;
		out.nlmsg_flags |= NLM_F_MULTI;
	}
	memset(to + h->nlmsg_len, 0, room - h->nlmsg_len);
	memcpy(to, h, h->nlmsg_len);
	memcpy(to, &out, sizeof(out));
	r->o.n += room;
	return 0;
}

/* What the kernel tells everybody about families. */
static void take_control(struct reply *r, const struct nlmsghdr *h)
{
	const struct genlmsghdr *g = NLMSG_DATA(h);

	if (h->nlmsg_len < MSG_HDRLEN || g->cmd != CTRL_CMD_DELFAMILY)
		return;
	const struct nlattr *id =
		find((const u8 *)h + MSG_HDRLEN, h->nlmsg_len - MSG_HDRLEN, CTRL_ATTR_FAMILY_ID);
	if (id && nla_len(id) == sizeof(u16) && nla_get_u16(id) == r->family)
		r->news->gone = true;
}

static int take(struct reply *r, const struct nlmsghdr *h)
{
	if (h->nlmsg_type == r->family)
		return take_message(r, h);
	switch (h->nlmsg_type) {
	case NLMSG_ERROR:
		return take_error(r, h);
	case NLMSG_DONE:
		return take_done(r, h);
	case NLMSG_OVERRUN:
		r->news->lost = true;
		return 0;
	case GENL_ID_CTRL:
		take_control(r, h);
		return 0;
	default:
		return 0;
	}
}

ssize_t genl_map_reply(void *out, size_t cap, const void *in, size_t n, u16 family,
		       struct genl_news *news)
{
	struct reply r = { .family = family, .news = news };
	const u8 *at = in;

	tlv_out_init(&r.o, out, cap);
	while (n) {
		const struct nlmsghdr *h = (const void *)at;
		if (n < NLMSG_HDRLEN || h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > n)
			return -EBADMSG;
		int rc = take(&r, h);
		if (rc)
			return rc;
		size_t step = NLMSG_ALIGN((size_t)h->nlmsg_len);
		step = step < n ? step : n;
		at += step;
		n -= step;
	}
	return (ssize_t)r.o.n;
}
