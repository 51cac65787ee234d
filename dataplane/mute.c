/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include "base/log.h"
#include "mute.h"
#include "port.h"

#define CHAIN      "media"
#define PRIORITY   -300 /* raw: before connection tracking learns of it */
#define MUTE_OWNER 0x2  /* NFT_TABLE_F_OWNER, Linux 5.12 */
#define MSGS_MAX   (NETWORKS_MAX + 4)

struct batch {
	struct nl_msg *msg[MSGS_MAX];
	unsigned n;
	int failed;
};

static struct nl_msg *add(struct batch *b, int type, int flags, uint8_t family)
{
	struct nfgenmsg nf = { .nfgen_family = family, .version = NFNETLINK_V0 };
	struct nl_msg *m = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);
	if (type == NFNL_MSG_BATCH_BEGIN || type == NFNL_MSG_BATCH_END)
		nf.res_id = htons(NFNL_SUBSYS_NFTABLES);
	if (!m || b->n == MSGS_MAX || nlmsg_append(m, &nf, sizeof(nf), NLMSG_ALIGNTO) < 0) {
		b->failed = 1;
		nlmsg_free(m);
		return NULL;
	}
	nlmsg_hdr(m)->nlmsg_seq = b->n + 1;
	b->msg[b->n++] = m;
	return m;
}

static struct nl_msg *add_nft(struct batch *b, int type, int flags)
{
	return add(b, NFNL_SUBSYS_NFTABLES << 8 | type, flags | NLM_F_ACK, NFPROTO_INET);
}

static void put_be32(struct nl_msg *m, int type, uint32_t v)
{
	nla_put_u32(m, type, htonl(v));
}

/* ---- expressions: what `nft` writes as "iif 2 ip daddr 192.0.2.1 udp dport 16384-32767 drop" ----
 */

struct expr {
	struct nlattr *elem, *data;
};

static struct expr expr_begin(struct nl_msg *m, const char *name)
{
	struct expr e;
	e.elem = nla_nest_start(m, NFTA_LIST_ELEM);
	nla_put_string(m, NFTA_EXPR_NAME, name);
	e.data = nla_nest_start(m, NFTA_EXPR_DATA);
	return e;
}

static void expr_end(struct nl_msg *m, struct expr e)
{
	nla_nest_end(m, e.data);
	nla_nest_end(m, e.elem);
}

static void load_meta(struct nl_msg *m, uint32_t key)
{
	struct expr e = expr_begin(m, "meta");
	put_be32(m, NFTA_META_KEY, key);
	put_be32(m, NFTA_META_DREG, NFT_REG_1);
	expr_end(m, e);
}

static void load_payload(struct nl_msg *m, uint32_t base, uint32_t at, uint32_t len)
{
	struct expr e = expr_begin(m, "payload");
	put_be32(m, NFTA_PAYLOAD_DREG, NFT_REG_1);
	put_be32(m, NFTA_PAYLOAD_BASE, base);
	put_be32(m, NFTA_PAYLOAD_OFFSET, at);
	put_be32(m, NFTA_PAYLOAD_LEN, len);
	expr_end(m, e);
}

static void compare(struct nl_msg *m, uint32_t op, const void *value, int len)
{
	struct expr e = expr_begin(m, "cmp");
	put_be32(m, NFTA_CMP_SREG, NFT_REG_1);
	put_be32(m, NFTA_CMP_OP, op);
	struct nlattr *data = nla_nest_start(m, NFTA_CMP_DATA);
	nla_put(m, NFTA_DATA_VALUE, len, value);
	nla_nest_end(m, data);
	expr_end(m, e);
}

static void drop(struct nl_msg *m)
{
	struct expr e = expr_begin(m, "immediate");
	put_be32(m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	struct nlattr *data = nla_nest_start(m, NFTA_IMMEDIATE_DATA);
	struct nlattr *verdict = nla_nest_start(m, NFTA_DATA_VERDICT);
	put_be32(m, NFTA_VERDICT_CODE, NF_DROP);
	nla_nest_end(m, verdict);
	nla_nest_end(m, data);
	expr_end(m, e);
}

static void add_rule(struct batch *b, const char *table, const struct network *n)
{
	struct nl_msg *m = add_nft(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	uint32_t iif = n->port->ifindex;
	uint16_t lo = htons(n->media_lo), hi = htons(n->media_hi);
	bool six = n->family == 6;
	if (!m)
		return;
	nla_put_string(m, NFTA_RULE_TABLE, table);
	nla_put_string(m, NFTA_RULE_CHAIN, CHAIN);
	struct nlattr *list = nla_nest_start(m, NFTA_RULE_EXPRESSIONS);
	load_meta(m, NFT_META_IIF);
	compare(m, NFT_CMP_EQ, &iif, 4);
	load_meta(m, NFT_META_NFPROTO);
	compare(m, NFT_CMP_EQ, &(uint8_t){ six ? NFPROTO_IPV6 : NFPROTO_IPV4 }, 1);
	load_payload(m, NFT_PAYLOAD_NETWORK_HEADER, six ? 24 : 16, six ? 16 : 4);
	compare(m, NFT_CMP_EQ, n->ip, six ? 16 : 4);
	load_meta(m, NFT_META_L4PROTO);
	compare(m, NFT_CMP_EQ, &(uint8_t){ IPPROTO_UDP }, 1);
	load_payload(m, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	compare(m, NFT_CMP_GTE, &lo, 2);
	compare(m, NFT_CMP_LTE, &hi, 2);
	drop(m);
	nla_nest_end(m, list);
}

static void fill(struct batch *b, const struct ports *p, const char *table)
{
	add(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC);
	struct nl_msg *m = add_nft(b, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
	if (m) {
		nla_put_string(m, NFTA_TABLE_NAME, table);
		put_be32(m, NFTA_TABLE_FLAGS, MUTE_OWNER);
	}
	m = add_nft(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	if (m) {
		nla_put_string(m, NFTA_CHAIN_TABLE, table);
		nla_put_string(m, NFTA_CHAIN_NAME, CHAIN);
		struct nlattr *hook = nla_nest_start(m, NFTA_CHAIN_HOOK);
		put_be32(m, NFTA_HOOK_HOOKNUM, NF_INET_PRE_ROUTING);
		put_be32(m, NFTA_HOOK_PRIORITY, (uint32_t)PRIORITY);
		nla_nest_end(m, hook);
		nla_put_string(m, NFTA_CHAIN_TYPE, "filter");
	}
	for (unsigned i = 0; i < p->n_networks; i++)
		if (p->network[i].port->kind == PORT_AF_PACKET)
			add_rule(b, table, &p->network[i]);
	add(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC);
}

/* 0 when each message but the two of the batch was acknowledged. */
static int answers(int fd, unsigned wanted)
{
	_Alignas(struct nlmsghdr) char buf[8192];
	while (wanted) {
		ssize_t got = recv(fd, buf, sizeof(buf), 0);
		if (got < 0)
			return -errno;
		int n = (int)got;
		for (struct nlmsghdr *h = (void *)buf; nlmsg_ok(h, n); h = nlmsg_next(h, &n)) {
			const struct nlmsgerr *e = nlmsg_data(h);
			if (h->nlmsg_type != NLMSG_ERROR)
				continue;
			if (e->error)
				return e->error;
			wanted--;
		}
	}
	return 0;
}

static int submit(int fd, const struct batch *b)
{
	struct iovec iov[MSGS_MAX];
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr mh = { .msg_name = &kernel,
			     .msg_namelen = sizeof(kernel),
			     .msg_iov = iov,
			     .msg_iovlen = b->n };
	struct timeval patience = { .tv_sec = 2 };
	for (unsigned i = 0; i < b->n; i++)
		iov[i] = (struct iovec){ nlmsg_hdr(b->msg[i]), nlmsg_hdr(b->msg[i])->nlmsg_len };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (sendmsg(fd, &mh, 0) < 0)
		return -errno;
	return answers(fd, b->n - 2);
}

int mute_open(const struct ports *p, int wanted, struct log *log)
{
	char table[32];
	struct batch b = { .n = 0 };
	if (!wanted)
		return -1;
	snprintf(table, sizeof(table), "sluice-dp-%d", (int)getpid());
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	int err = fd < 0 ? -errno : 0;
	if (!err)
		fill(&b, p, table);
	if (!err && b.failed)
		err = -ENOMEM;
	if (!err)
		err = submit(fd, &b);
	for (unsigned i = 0; i < b.n; i++)
		nlmsg_free(b.msg[i]);
	if (!err)
		return fd;
	log_warn(log, "port",
		 "the kernel sees media of AF_PACKET ports and may answer it with ICMP port "
		 "unreachable, "
		 "as no nftables table can be made (%s): drop UDP to the media ports in prerouting",
		 strerror(-err));
	if (fd >= 0)
		close(fd);
	return -1;
}
