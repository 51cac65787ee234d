// SPDX-License-Identifier: GPL-2.0-only
/* The generic netlink family: requests come in, are checked and handed to verbs.c; DUMP of everything. */
#include <linux/module.h>
#include "verbs.h"

static int (*const verbs[])(struct sluice_net *sn, struct genl_info *info, const char **why) = {
	[FLOW_CMD_HELLO] = verb_hello,
	[FLOW_CMD_SET] = verb_set,
	[FLOW_CMD_DEL] = verb_del,
	[FLOW_CMD_DUMP] = verb_dump,
	[FLOW_CMD_SUBSCRIBE] = verb_subscribe,
	[FLOW_CMD_DTMF] = verb_dtmf,
	[FLOW_CMD_SEND] = verb_send,
	[FLOW_CMD_TRACE] = verb_trace,
};

/* ---- requests ---- */

static bool is_known(struct sluice_net *sn, u32 portid)
{
	return xa_load(&sn->clients, portid);
}

/* The core lets pass what is left over behind the last attribute that fits. */
static int check_whole(struct genl_info *info)
{
	return __nla_validate((void *)((u8 *)info->genlhdr + GENL_HDRLEN),
			      nlmsg_len(info->nlhdr) - GENL_HDRLEN, FLOW_A_MAX, read_policy,
			      NL_VALIDATE_TRAILING, info->extack);
}

/* Keys are not left in freed memory, nor sent back with what netlink has to say of a request. */
static void wipe(struct genl_info *info)
{
	memzero_explicit((u8 *)info->genlhdr + GENL_HDRLEN, nlmsg_len(info->nlhdr) - GENL_HDRLEN);
}

static int request(struct sk_buff *skb, struct genl_info *info)
{
	struct sluice_net *sn = sluice_net_of(genl_info_net(info));
	u8 cmd = info->genlhdr->cmd;
	const char *why = NULL;
	int err = check_whole(info);

	if (!err && cmd != FLOW_CMD_HELLO && !is_known(sn, info->snd_portid)) {
		why = "HELLO comes first";
		err = -EPROTO;
	}
	if (!err)
		err = verbs[cmd](sn, info, &why);
	if (cmd == FLOW_CMD_SET)
		wipe(info);
	if (err && why && info->extack)
		info->extack->_msg = why;
	return err;
}

struct sk_buff *netlink_answer(const struct genl_info *info)
{
	struct sk_buff *msg = nlmsg_new(REPORT_OCTETS, GFP_KERNEL);

	if (!msg)
		return NULL;
	if (genlmsg_put(msg, info->snd_portid, info->snd_seq, &netlink_family, 0,
			info->genlhdr->cmd) &&
	    !report_u32(msg, FLOW_A_STATUS, 0))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

int netlink_reply(struct sk_buff *answer, struct genl_info *info)
{
	nlmsg_end(answer, nlmsg_hdr(answer));
	return genlmsg_reply(answer, info);
}

/* ---- DUMP of everything ---- */

struct dump {
	u64 next; /* the lowest id that was not reported yet */
	enum {
		DUMP_FLOWS,
		DUMP_TOTALS,
		DUMP_DONE
	} at;
};

static int dump_start(struct netlink_callback *cb)
{
	struct dump *d = (void *)cb->ctx;

	BUILD_BUG_ON(sizeof(*d) > sizeof(cb->ctx));
	if (!is_known(sluice_net_of(sock_net(cb->skb->sk)), NETLINK_CB(cb->skb).portid)) {
		if (cb->extack)
			NL_SET_ERR_MSG(cb->extack, "HELLO comes first");
		return -EPROTO;
	}
	cb->min_dump_alloc = REPORT_TOTALS_OCTETS;
	*d = (struct dump){};
	return 0;
}

static void *dump_begin(struct sk_buff *msg, struct netlink_callback *cb)
{
	void *head = genlmsg_put(msg, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				 &netlink_family, NLM_F_MULTI, FLOW_CMD_DUMP);

	if (!head || !report_u32(msg, FLOW_A_STATUS, 0))
		return head;
	genlmsg_cancel(msg, head);
	return NULL;
}

/* What does not fit is taken back, and comes with the next piece. */
static int dump_end(struct sk_buff *msg, void *head, int err)
{
	if (err)
		genlmsg_cancel(msg, head);
	else
		genlmsg_end(msg, head);
	return err;
}

static int dump_flows(struct sk_buff *msg, struct netlink_callback *cb, struct sluice_net *sn)
{
	struct dump *d = (void *)cb->ctx;
	unsigned long id = d->next;
	struct sluice_flow *f;
	int err = 0;

	mutex_lock(&sn->lock);
	xa_for_each_start(&sn->flows, id, f, id) {
		void *head = dump_begin(msg, cb);

		err = head ? dump_end(msg, head, report_flow(msg, f)) : -EMSGSIZE;
		if (err)
			break;
		d->next = id + 1;
		if (!d->next) /* there is no higher one */
			break;
	}
	mutex_unlock(&sn->lock);
	return err;
}

static int dump_totals(struct sk_buff *msg, struct netlink_callback *cb, struct sluice_net *sn)
{
	void *head = dump_begin(msg, cb);

	return head ? dump_end(msg, head, report_totals(msg, sn)) : -EMSGSIZE;
}

static int dump(struct sk_buff *msg, struct netlink_callback *cb)
{
	struct sluice_net *sn = sluice_net_of(sock_net(msg->sk));
	struct dump *d = (void *)cb->ctx;
	int err = 0;

	if (d->at == DUMP_FLOWS) {
		err = dump_flows(msg, cb, sn);
		if (!err)
			d->at = DUMP_TOTALS;
	}
	if (!err && d->at == DUMP_TOTALS) {
		err = dump_totals(msg, cb, sn);
		if (!err)
			d->at = DUMP_DONE;
	}
	return msg->len ? msg->len : err;
}

/* ---- life ---- */

/* Sizes are checked by read_policy; attributes that nobody knows are no error, which is what strict would make of them. */
#define LIBERAL (GENL_DONT_VALIDATE_STRICT | GENL_DONT_VALIDATE_DUMP_STRICT)
#define REQUEST(what)                                                                              \
	{                                                                                          \
		.cmd = what, .doit = request, .flags = GENL_UNS_ADMIN_PERM, .validate = LIBERAL    \
	}

static const struct genl_ops ops[] = {
	REQUEST(FLOW_CMD_HELLO),
	REQUEST(FLOW_CMD_SET),
	REQUEST(FLOW_CMD_DEL),
	{
		.cmd = FLOW_CMD_DUMP,
		.doit = request,
		.start = dump_start,
		.dumpit = dump,
		.flags = GENL_UNS_ADMIN_PERM,
		.validate = LIBERAL,
	},
	REQUEST(FLOW_CMD_SUBSCRIBE),
	REQUEST(FLOW_CMD_DTMF),
	REQUEST(FLOW_CMD_SEND),
	REQUEST(FLOW_CMD_TRACE),
};

struct genl_family netlink_family __ro_after_init = {
	.name = "sluice",
	.version = FLOW_VERSION,
	.maxattr = FLOW_A_MAX,
	.policy = read_policy,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
};

static int closed(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct netlink_notify *n = data;

	if (event == NETLINK_URELEASE && n->protocol == NETLINK_GENERIC)
		xa_erase(&sluice_net_of(n->net)->clients, n->portid);
	return NOTIFY_DONE;
}

static struct notifier_block closing = { .notifier_call = closed };

int netlink_register(void)
{
	int err = netlink_register_notifier(&closing);

	if (err)
		return err;
	compat_liberal_up_to(&netlink_family, FLOW_CMD_MAX);
	err = genl_register_family(&netlink_family);
	if (err)
		netlink_unregister_notifier(&closing);
	return err;
}

void netlink_unregister(void)
{
	genl_unregister_family(&netlink_family);
	netlink_unregister_notifier(&closing);
}
