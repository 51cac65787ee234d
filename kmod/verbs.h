/* SPDX-License-Identifier: GPL-2.0-only */
/* The flow language between netlink.c (requests), verbs.c (what they do), read.c and report.c (attributes), event.c. */
#ifndef SLUICE_KMOD_VERBS_H
#define SLUICE_KMOD_VERBS_H

#include <net/genetlink.h>
#include "sluice.h"
#include "relay/fields.h"

/* ---- netlink.c ---- */

extern struct genl_family netlink_family;
/* An answer with FLOW_A_STATUS 0, to be filled. NULL: no memory. */
struct sk_buff *netlink_answer(const struct genl_info *info);
int netlink_reply(struct sk_buff *answer, struct genl_info *info); /* takes it */

/* ---- verbs.c: one request each; 0 or -errno, and *why for people, constant, or left as it is ---- */

int verb_hello(struct sluice_net *sn, struct genl_info *info, const char **why);
int verb_set(struct sluice_net *sn, struct genl_info *info, const char **why);
int verb_del(struct sluice_net *sn, struct genl_info *info, const char **why);
int verb_dump(struct sluice_net *sn, struct genl_info *info, const char **why);
int verb_subscribe(struct sluice_net *sn, struct genl_info *info, const char **why);
int verb_dtmf(struct sluice_net *sn, struct genl_info *info, const char **why);
int verb_send(struct sluice_net *sn, struct genl_info *info, const char **why);
int verb_trace(struct sluice_net *sn, struct genl_info *info, const char **why);

/* ---- read.c ---- */

struct read_dtmf {
	u64 id;
	u32 side, ms;
	u8 key;
};

struct read_send {
	u64 id;
	u32 side, len;
	const void *payload; /* in the message */
	struct flow_addr to; /* family 0: where the media goes */
	u8 component;
};

extern const struct nla_policy read_policy[FLOW_A_MAX + 1];
u8 read_u8(struct nlattr *const *attr, int type, u8 absent);
u32 read_u32(struct nlattr *const *attr, int type, u32 absent);
u64 read_u64(struct nlattr *const *attr, int type, u64 absent);
/* attr as read_policy has it. 0, -EINVAL, -EMSGSIZE and *why, the name of what is wrong. f is zeroed before. */
int read_flow(struct nlattr *const *attr, struct flow *f, const char **why);
int read_dtmf(struct nlattr *const *attr, struct read_dtmf *d, const char **why);
int read_send(struct nlattr *const *attr, struct read_send *s, const char **why);

/* ---- report.c: 0 or -EMSGSIZE, then some of it may have been written ---- */

int report_flow(struct sk_buff *msg, struct sluice_flow *f); /* the writer's; without keys */
int report_totals(struct sk_buff *msg, const struct sluice_net *sn);
int report_note(struct sk_buff *msg, const struct sluice_note *n);

#define REPORT_OCTETS        4096  /* a flow's is never longer */
#define REPORT_TOTALS_OCTETS 16384 /* nor are all counters with their texts */

static inline int report_u8(struct sk_buff *msg, int type, u8 v)
{
	return nla_put(msg, type, sizeof(v), &v);
}

static inline int report_u32(struct sk_buff *msg, int type, u32 v)
{
	return nla_put(msg, type, sizeof(v), &v);
}

/* Padded to 4 octets, as all of the flow language. */
static inline int report_u64(struct sk_buff *msg, int type, u64 v)
{
	return nla_put(msg, type, sizeof(v), &v);
}

#endif
