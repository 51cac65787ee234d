/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "engine/tlv_priv.h"

#define MSG_HDRLEN (NLMSG_HDRLEN + GENL_HDRLEN)

#define FIXED(size)                                                                                \
	{                                                                                          \
		.type = NLA_UNSPEC, .minlen = size, .maxlen = size                                 \
	}
#define TEXT                                                                                       \
	{                                                                                          \
		.type = NLA_STRING, .minlen = 1                                                    \
	}

static const struct nla_policy top_policy[FLOW_A_MAX + 1] = {
	[FLOW_A_VERSION] = FIXED(4),   [FLOW_A_EPOCH] = FIXED(8),    [FLOW_A_CAPS] = FIXED(4),
	[FLOW_A_STATUS] = FIXED(4),    [FLOW_A_REASON] = TEXT,       [FLOW_A_ID] = FIXED(8),
	[FLOW_A_GEN] = FIXED(4),       [FLOW_A_IDLE] = FIXED(4),     [FLOW_A_EVENT] = FIXED(4),
	[FLOW_A_SIDE] = FIXED(4),      [FLOW_A_NAME] = TEXT,         [FLOW_A_COUNT] = FIXED(8),
	[FLOW_A_DRIVER] = TEXT,        [FLOW_A_WHY] = TEXT,          [FLOW_A_AGE] = FIXED(8),
	[FLOW_A_KIND] = FIXED(1),      [FLOW_A_DIGIT] = FIXED(1),    [FLOW_A_DURATION] = FIXED(4),
	[FLOW_A_COMPONENT] = FIXED(1), [FLOW_A_SRC_PORT] = FIXED(2),
};

/* ---- writing ---- */

void tlv_out_init(struct tlv_out *o, void *mem, size_t cap)
{
	*o = (struct tlv_out){ .p = mem, .cap = cap };
}

/* Room for n octets and their padding, which is zeroed. NULL: none, the message is given up. */
static void *reserve(struct tlv_out *o, size_t n)
{
	if (o->full || n > o->cap - o->n || NLMSG_ALIGN(n) > o->cap - o->n) {
		o->full = true;
		return NULL;
	}
	u8 *at = (u8 *)o->p + o->n;
	memset(at + n, 0, NLMSG_ALIGN(n) - n);
	o->n += NLMSG_ALIGN(n);
	return at;
}

static void begin(struct tlv_out *o, const struct nlmsghdr *nh, u8 cmd)
{
	o->msg = o->n;
	void *at = reserve(o, MSG_HDRLEN);
	if (!at)
		return;
	struct genlmsghdr gh = { .cmd = cmd, .version = FLOW_VERSION };
	memcpy(at, nh, sizeof(*nh));
	memcpy((u8 *)at + NLMSG_HDRLEN, &gh, sizeof(gh));
}

void tlv_begin(struct tlv_out *o, u8 cmd, u16 nlm_flags, u32 seq)
{
	struct nlmsghdr nh = { .nlmsg_type = NLMSG_MIN_TYPE,
			       .nlmsg_flags = nlm_flags,
			       .nlmsg_seq = seq };
	begin(o, &nh, cmd);
}

void tlv_begin_done(struct tlv_out *o, u32 seq)
{
	struct nlmsghdr nh = { .nlmsg_type = NLMSG_DONE,
			       .nlmsg_flags = NLM_F_MULTI,
			       .nlmsg_seq = seq };
	begin(o, &nh, FLOW_CMD_DUMP);
}

int tlv_end(struct tlv_out *o)
{
	if (o->full) {
		o->full = false;
		o->n = o->msg;
		return -EMSGSIZE;
	}
	struct nlmsghdr *nh = (void *)((u8 *)o->p + o->msg);
	nh->nlmsg_len = (u32)(o->n - o->msg);
	return 0;
}

static void *put_hole(struct tlv_out *o, int type, size_t len)
{
	if (len > UINT16_MAX - NLA_HDRLEN) {
		o->full = true;
		return NULL;
	}
	struct nlattr *a = reserve(o, NLA_HDRLEN + len);
	if (!a)
		return NULL;
	a->nla_type = (u16)type;
	a->nla_len = (u16)(NLA_HDRLEN + len);
	return (u8 *)a + NLA_HDRLEN;
}

void tlv_put(struct tlv_out *o, int type, const void *data, size_t len)
{
	void *at = put_hole(o, type, len);
	if (at && len)
		memcpy(at, data, len);
}

void tlv_put_u8(struct tlv_out *o, int type, u8 v)
{
	tlv_put(o, type, &v, sizeof(v));
}

void tlv_put_u32(struct tlv_out *o, int type, u32 v)
{
	tlv_put(o, type, &v, sizeof(v));
}

void tlv_put_u64(struct tlv_out *o, int type, u64 v)
{
	tlv_put(o, type, &v, sizeof(v));
}

void tlv_put_str(struct tlv_out *o, int type, const char *s)
{
	tlv_put(o, type, s, strlen(s) + 1);
}

size_t tlv_nest_begin(struct tlv_out *o, int type)
{
	size_t at = o->n;

	put_hole(o, type | NLA_F_NESTED, 0);
	return at;
}

void tlv_nest_end(struct tlv_out *o, size_t nest)
{
	if (!o->full && o->n - nest > UINT16_MAX)
		o->full = true;
	if (o->full)
		return;
	struct nlattr *a = (void *)((u8 *)o->p + nest);
	a->nla_len = (u16)(o->n - nest);
}

void tlv_put_drop(struct tlv_out *o, const char *name, u64 count, const char *why)
{
	size_t nest = tlv_nest_begin(o, FLOW_A_DROP);

	tlv_put_str(o, FLOW_A_NAME, name);
	tlv_put_u64(o, FLOW_A_COUNT, count);
	if (why)
		tlv_put_str(o, FLOW_A_WHY, why);
	tlv_nest_end(o, nest);
}

void tlv_put_port(struct tlv_out *o, const char *network, const char *driver, const char *why)
{
	size_t nest = tlv_nest_begin(o, FLOW_A_PORT);

	tlv_put_str(o, FLOW_A_NAME, network);
	tlv_put_str(o, FLOW_A_DRIVER, driver);
	tlv_put_str(o, FLOW_A_WHY, why);
	tlv_nest_end(o, nest);
}

/* ---- reading ---- */

/* Stricter than nla_ok(), which overlooks what follows the last good attribute: every attribute
 * and its padding lie inside. After this libnl's loops cannot leave the memory. */
static bool attrs_ok(const u8 *at, size_t left)
{
	while (left) {
		const struct nlattr *a = (const void *)at;
		if (left < NLA_HDRLEN || a->nla_len < NLA_HDRLEN ||
		    (size_t)NLA_ALIGN(a->nla_len) > left)
			return false;
		left -= (size_t)NLA_ALIGN(a->nla_len);
		at += NLA_ALIGN(a->nla_len);
	}
	return true;
}

static int parse(struct nlattr **tb, int max, const void *p, size_t n,
		 const struct nla_policy *policy)
{
	if (n > INT_MAX || !attrs_ok(p, n))
		return -EBADMSG;
	return nla_parse(tb, max, (struct nlattr *)p, (int)n, policy) < 0 ? -EBADMSG : 0;
}

bool tlv_nest_ok(const struct nlattr *nest)
{
	return attrs_ok(nla_data(nest), (size_t)nla_len(nest));
}

int tlv_parse_nest(struct nlattr **tb, int max, const struct nlattr *nest)
{
	return parse(tb, max, nla_data(nest), (size_t)nla_len(nest), NULL);
}

int tlv_next(const void **p, size_t *n, struct tlv_msg *m)
{
	if (!*n)
		return 0;
	const struct nlmsghdr *nh = *p;
	if (*n < MSG_HDRLEN || nh->nlmsg_len < MSG_HDRLEN || nh->nlmsg_len > *n)
		return -EBADMSG;
	if (nh->nlmsg_type < NLMSG_MIN_TYPE && nh->nlmsg_type != NLMSG_DONE)
		return -EBADMSG;
	const struct genlmsghdr *gh = NLMSG_DATA(nh);
	*m = (struct tlv_msg){ .seq = nh->nlmsg_seq,
			       .cmd = gh->cmd,
			       .version = gh->version,
			       .flags = nh->nlmsg_flags,
			       .done = nh->nlmsg_type == NLMSG_DONE };
	if (parse(m->attr, FLOW_A_MAX, (const u8 *)nh + MSG_HDRLEN, nh->nlmsg_len - MSG_HDRLEN,
		  top_policy) < 0)
		return -EBADMSG;
	size_t step = NLMSG_ALIGN(nh->nlmsg_len);
	step = step < *n ? step : *n;
	*p = (const u8 *)*p + step;
	*n -= step;
	return 1;
}

u8 tlv_u8(const struct tlv_msg *m, int type, u8 absent)
{
	const struct nlattr *a = m->attr[type];

	return a && nla_len(a) == 1 ? nla_get_u8(a) : absent;
}

u32 tlv_u32(const struct tlv_msg *m, int type, u32 absent)
{
	const struct nlattr *a = m->attr[type];

	return a && nla_len(a) == 4 ? nla_get_u32(a) : absent;
}

u64 tlv_u64(const struct tlv_msg *m, int type, u64 absent)
{
	const struct nlattr *a = m->attr[type];

	return a && nla_len(a) == 8 ? nla_get_u64(a) : absent;
}

const char *tlv_text(const struct nlattr *a)
{
	if (!a || !nla_len(a) || ((const char *)nla_data(a))[nla_len(a) - 1])
		return NULL;
	return nla_data(a);
}

const char *tlv_str(const struct tlv_msg *m, int type)
{
	return tlv_text(m->attr[type]);
}

void tlv_each_drop(const struct tlv_msg *m,
		   void (*fn)(void *arg, const char *name, u64 count, const char *why), void *arg)
{
	struct nlattr *at, *tb[FLOW_A_MAX + 1];
	int left;

	if (!m->attr[FLOW_A_DROPS] || !tlv_nest_ok(m->attr[FLOW_A_DROPS]))
		return;
	nla_for_each_nested(at, m->attr[FLOW_A_DROPS], left)
	{
		if (nla_type(at) != FLOW_A_DROP || tlv_parse_nest(tb, FLOW_A_MAX, at) < 0)
			continue;
		const char *name = tlv_text(tb[FLOW_A_NAME]);
		const char *why = tlv_text(tb[FLOW_A_WHY]);
		const struct nlattr *count = tb[FLOW_A_COUNT];
		if (name && count && nla_len(count) == 8)
			fn(arg, name, nla_get_u64(count), why ? why : "");
	}
}

void tlv_each_port(const struct tlv_msg *m,
		   void (*fn)(void *arg, const char *network, const char *driver, const char *why),
		   void *arg)
{
	struct nlattr *at, *tb[FLOW_A_MAX + 1];
	int left;

	if (!m->attr[FLOW_A_PORTS] || !tlv_nest_ok(m->attr[FLOW_A_PORTS]))
		return;
	nla_for_each_nested(at, m->attr[FLOW_A_PORTS], left)
	{
		if (nla_type(at) != FLOW_A_PORT || tlv_parse_nest(tb, FLOW_A_MAX, at) < 0)
			continue;
		const char *name = tlv_text(tb[FLOW_A_NAME]), *driver = tlv_text(tb[FLOW_A_DRIVER]);
		const char *why = tlv_text(tb[FLOW_A_WHY]);
		if (name && driver)
			fn(arg, name, driver, why ? why : "");
	}
}
