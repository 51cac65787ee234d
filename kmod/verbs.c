// SPDX-License-Identifier: GPL-2.0-only
#include <net/addrconf.h>
#include <net/route.h>
#include "verbs.h"

/* Process context; what a verb does to flows it does under sn->lock. */

static struct sluice_flow *find(struct sluice_net *sn, u64 id)
{
	BUILD_BUG_ON(sizeof(long) < sizeof(id)); /* ids are the index of an xarray */
	return xa_load(&sn->flows, id);
}

/* ---- HELLO, SUBSCRIBE ---- */

#define SUBSCRIBERS_MAX 256 /* control has one for each thread */

int verb_hello(struct sluice_net *sn, struct genl_info *info, const char **why)
{
	const u32 caps = FLOW_CAP_IPV4 | FLOW_CAP_DTMF | FLOW_CAP_PUNT | FLOW_CAP_RESUME |
			 (sluice_srtp ? FLOW_CAP_SRTP : 0) |
			 (ipv6_mod_enabled() ? FLOW_CAP_IPV6 : 0);
	struct sk_buff *msg;
	int err;

	if (read_u32(info->attrs, FLOW_A_VERSION, 0) != FLOW_VERSION) {
		*why = "this engine speaks another version of the flow language";
		return -EPROTO;
	}
	msg = netlink_answer(info);
	if (!msg)
		return -ENOMEM;
	err = report_u32(msg, FLOW_A_VERSION, FLOW_VERSION);
	if (!err)
		err = report_u64(msg, FLOW_A_EPOCH, sn->epoch);
	if (!err)
		err = report_u32(msg, FLOW_A_CAPS, caps);
	/* Once more is no harm, and forgets no subscription. */
	if (!err && !xa_load(&sn->clients, info->snd_portid))
		err = xa_err(xa_store(&sn->clients, info->snd_portid, xa_mk_value(1), GFP_KERNEL));
	if (!err)
		return netlink_reply(msg, info);
	nlmsg_free(msg);
	return err;
}

/* Each of them is told of everything, in softirq. */
static bool is_one_too_many(struct sluice_net *sn, u32 who)
{
	unsigned long portid;
	unsigned int n = 0;
	void *entry;

	xa_for_each_marked(&sn->clients, portid, entry, XA_MARK_0)
		n++;
	return n >= SUBSCRIBERS_MAX && !xa_get_mark(&sn->clients, who, XA_MARK_0);
}

int verb_subscribe(struct sluice_net *sn, struct genl_info *info, const char **why)
{
	int err = 0;

	mutex_lock(&sn->lock);
	if (is_one_too_many(sn, info->snd_portid)) {
		*why = "there are as many who want events as there may be";
		err = -ENOSPC;
	} else {
		xa_set_mark(&sn->clients, info->snd_portid, XA_MARK_0);
	}
	mutex_unlock(&sn->lock);
	return err;
}

/* ---- SET ---- */

static bool is_ours(struct net *net, const struct flow_addr *a)
{
	struct in6_addr ip6;
	__be32 ip4;

	if (a->family == 4) {
		memcpy(&ip4, a->ip, sizeof(ip4));
		return inet_addr_type(net, ip4) == RTN_LOCAL;
	}
	memcpy(&ip6, a->ip, sizeof(ip6));
	return ipv6_mod_enabled() && ipv6_chk_addr(net, &ip6, NULL, 0);
}

/* NULL: there is nothing against its places. */
static const char *place_wrong(struct net *net, const struct flow *f)
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct flow_side *s = &f->side[i];

		if (!is_ours(net, &s->local))
			return "local address is none of this network namespace";
		if (!hook_port_is_media(s->local.port) ||
		    (s->local_rtcp && !hook_port_is_media(s->local_rtcp)))
			return "local port is outside parameter ports of the module";
	}
	return NULL;
}

static int set_new(struct sluice_net *sn, struct sluice_rule **rule, const char **why)
{
	struct sluice_flow *f;
	int err;

	if (READ_ONCE(sluice_drain)) {
		*why = "no new flows: parameter drain of the module";
		return -ESHUTDOWN;
	}
	if (sn->n_flows >= READ_ONCE(sluice_max_flows)) {
		*why = "there are as many flows as parameter max_flows of the module says";
		return -ENOMEM;
	}
	f = flow_new(sn, *rule);
	if (IS_ERR(f))
		return PTR_ERR(f);
	*rule = NULL;
	err = sluice_net_add(sn, f);
	if (err)
		flow_put(f);
	return err;
}

/* The rule is in force when this returns 0; else nothing has changed. */
static int set_again(struct sluice_net *sn, struct sluice_flow *f, struct sluice_rule **rule)
{
	int err = flow_expect(f, *rule);

	if (!err)
		err = table_set(sn, f, *rule);
	if (err)
		return err;
	flow_renew(f, *rule);
	*rule = NULL;
	event_due(f);
	return 0;
}

static int set(struct sluice_net *sn, struct sluice_rule **rule, const char **why)
{
	struct sluice_flow *f = find(sn, (*rule)->flow.id);
	u32 gen = (*rule)->flow.gen;
	int err;

	if (f && gen == f->rule->flow.gen)
		return 0;
	if (f && gen < f->rule->flow.gen) {
		*why = "generation is older than the one in force";
		return -ESTALE;
	}
	*why = place_wrong(sn->net, &(*rule)->flow);
	if (*why)
		return -EADDRNOTAVAIL;
	err = rule_keys(*rule, f ? f->rule : NULL);
	if (err) {
		*why = "SRTP keys of a suite that this kernel does not have";
		return err;
	}
	err = f ? set_again(sn, f, rule) : set_new(sn, rule, why);
	if (err == -EADDRINUSE)
		*why = "local port is in use by another flow";
	else if (err == -ENOSPC)
		*why = "local port is in use at too many other addresses";
	else if (err == -EDQUOT)
		*why = "user namespaces have as many flows as max_user_flows allows";
	return err;
}

int verb_set(struct sluice_net *sn, struct genl_info *info, const char **why)
{
	struct sluice_rule *rule = rule_new();
	int err;

	if (!rule)
		return -ENOMEM;
	err = read_flow(info->attrs, &rule->flow, why);
	if (!err) {
		mutex_lock(&sn->lock);
		err = set(sn, &rule, why);
		mutex_unlock(&sn->lock);
	}
	rule_free(rule); /* with its keys, where it was not taken */
	return err;
}

/* ---- DEL, DUMP of one ---- */

static int reply_flow(struct genl_info *info, struct sk_buff *msg, struct sluice_flow *f)
{
	int err = report_flow(msg, f);

	if (!err)
		return netlink_reply(msg, info);
	nlmsg_free(msg);
	return err;
}

static int answer_flow(struct sluice_net *sn, struct genl_info *info, bool remove)
{
	struct sk_buff *msg = netlink_answer(info);
	struct sluice_flow *f;
	int err = -ENOENT;

	if (!msg)
		return -ENOMEM;
	mutex_lock(&sn->lock);
	f = find(sn, read_u64(info->attrs, FLOW_A_ID, 0));
	if (f && remove) { /* the counters are final after that */
		refcount_inc(&f->refs);
		sluice_net_remove(sn, f);
	}
	if (f)
		err = reply_flow(info, msg, f);
	else
		nlmsg_free(msg);
	if (f && remove)
		flow_put(f);
	mutex_unlock(&sn->lock);
	return err;
}

int verb_del(struct sluice_net *sn, struct genl_info *info, const char **why)
{
	return answer_flow(sn, info, true);
}

int verb_dump(struct sluice_net *sn, struct genl_info *info, const char **why)
{
	return answer_flow(sn, info, false);
}

/* ---- DTMF, SEND ---- */

int verb_dtmf(struct sluice_net *sn, struct genl_info *info, const char **why)
{
	struct sluice_flow *f;
	struct read_dtmf d;
	int err = read_dtmf(info->attrs, &d, why);

	if (err)
		return err;
	mutex_lock(&sn->lock);
	f = find(sn, d.id);
	err = f ? path_play(&f->path[!d.side][RELAY_RTP], d.key, d.ms) : -ENOENT;
	mutex_unlock(&sn->lock);
	if (err == -EOPNOTSUPP)
		*why = "that side takes no telephone-event";
	else if (err == -EBUSY)
		*why = "too many keys wait to be played";
	return err;
}

int verb_send(struct sluice_net *sn, struct genl_info *info, const char **why)
{
	struct sluice_flow *f;
	struct read_send s;
	int err = read_send(info->attrs, &s, why);

	if (err)
		return err;
	mutex_lock(&sn->lock);
	f = find(sn, s.id);
	err = f ? path_send(&f->path[!s.side][s.component], s.to.family ? &s.to : NULL, s.payload,
			    s.len)
		: -ENOENT;
	mutex_unlock(&sn->lock);
	if (err == -EHOSTUNREACH)
		*why = "it is not known where that side's media goes";
	return err;
}

/* ---- TRACE ---- */

int verb_trace(struct sluice_net *sn, struct genl_info *info, const char **why)
{
	*why = "this engine keeps no packet heads; tcpdump sees its packets";
	return -EOPNOTSUPP;
}
