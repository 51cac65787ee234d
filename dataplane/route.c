/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include "route.h"

#define DISCARD_PORT 9 /* RFC 863 */

struct route {
	const struct ports *ports;
	struct nl_sock *ask, *hear;
	int poke[NETWORKS_MAX]; /* UDP sockets bound to the network's interface and address */
};

struct answer {
	u32 gateway;
	bool local, found;
};

static int on_answer(struct nl_msg *msg, void *arg)
{
	struct answer *a = arg;
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct nlattr *tb[RTA_MAX + 1];
	if (h->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(h, sizeof(struct rtmsg), tb, RTA_MAX, NULL) < 0)
		return NL_OK;
	const struct rtmsg *rm = nlmsg_data(h);
	a->found = rm->rtm_type == RTN_UNICAST && !tb[RTA_VIA];
	a->local = rm->rtm_type == RTN_LOCAL || rm->rtm_type == RTN_BROADCAST ||
		   rm->rtm_type == RTN_MULTICAST;
	if (tb[RTA_GATEWAY] && nla_len(tb[RTA_GATEWAY]) == 4)
		a->gateway = nla_get_u32(tb[RTA_GATEWAY]);
	return NL_OK;
}

static int ask(struct route *r, unsigned ifindex, u32 dst, struct answer *a)
{
	struct rtmsg rm = { .rtm_family = AF_INET, .rtm_dst_len = 32 };
	struct nl_msg *m = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST);
	int err = m ? 0 : -NLE_NOMEM;
	if (!err)
		err = nlmsg_append(m, &rm, sizeof(rm), NLMSG_ALIGNTO);
	if (!err)
		err = nla_put_u32(m, RTA_DST, dst);
	if (!err)
		err = nla_put_u32(m, RTA_OIF, ifindex);
	if (!err)
		err = nl_socket_modify_cb(r->ask, NL_CB_VALID, NL_CB_CUSTOM, on_answer, a);
	if (!err && nl_send_auto(r->ask, m) < 0)
		err = -NLE_FAILURE;
	nlmsg_free(m);
	return err ? err : nl_recvmsgs_default(r->ask);
}

static bool on_link(const struct network *net, u32 dst)
{
	unsigned len = net->conf->prefix_len;
	u32 mask = len ? htonl(UINT32_MAX << (32 - len)) : 0;
	return !((dst ^ net->ip) & mask);
}

/* Told which interface to use, the kernel calls a destination that no route of it leads to "on
 * link". The configuration knows better: its gateway is for those. */
int route_next_hop(struct route *r, const struct network *net, u32 dst, u32 *via)
{
	struct answer a = { 0 };
	u32 gateway = 0;
	int err = ask(r, net->port->ifindex, dst, &a);
	if (net->conf->gateway.family == 4)
		memcpy(&gateway, net->conf->gateway.ip, 4);
	if (!err && a.local)
		return -ENETUNREACH;
	if (!err && a.gateway)
		*via = a.gateway;
	else if (on_link(net, dst))
		*via = dst;
	else if (gateway)
		*via = gateway;
	else if (!err && a.found)
		*via = dst;
	else
		return -ENETUNREACH;
	return 0;
}

void route_poke(struct route *r, unsigned network, u32 via)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(DISCARD_PORT),
				  .sin_addr.s_addr = via };
	ssize_t n =
		sendto(r->poke[network], "", 0, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	(void)n; /* it is said again when the neighbour stays unknown */
}

static int make_poke(const struct network *net)
{
	char name[IF_NAMESIZE] = "";
	struct sockaddr_in me = { .sin_family = AF_INET, .sin_addr.s_addr = net->ip };
	int one = 1; /* also the TTL: nobody forwards it */
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!if_indextoname(net->port->ifindex, name) ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, sizeof(name)) ||
	    setsockopt(fd, IPPROTO_IP, IP_TTL, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&me, sizeof(me))) {
		int err = -errno;
		close(fd);
		return err;
	}
	/* It is never read: what comes back must not pile up. */
	shutdown(fd, SHUT_RD);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){ 0 }, sizeof(int));
	return fd;
}

int route_open(struct route **out, struct ports *ports, struct log *log)
{
	struct route *r = calloc(1, sizeof(*r));
	*out = r;
	if (!r)
		return -ENOMEM;
	r->ports = ports;
	for (unsigned i = 0; i < NETWORKS_MAX; i++)
		r->poke[i] = -1;
	r->ask = nl_socket_alloc();
	r->hear = nl_socket_alloc();
	if (!r->ask || !r->hear || nl_connect(r->ask, NETLINK_ROUTE) ||
	    nl_connect(r->hear, NETLINK_ROUTE) ||
	    nl_socket_add_memberships(r->hear, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_IFADDR, 0) ||
	    nl_socket_set_nonblocking(r->hear))
		return -EIO;
	nl_socket_disable_seq_check(r->hear);
	for (unsigned i = 0; i < ports->n_networks; i++) {
		r->poke[i] = make_poke(&ports->network[i]);
		if (r->poke[i] < 0) {
			log_error(log, "neigh", "%s: no socket on its interface: %s",
				  ports->network[i].conf->name, strerror(-r->poke[i]));
			return r->poke[i];
		}
	}
	return 0;
}

void route_close(struct route *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < NETWORKS_MAX; i++)
		if (r->poke[i] >= 0)
			close(r->poke[i]);
	nl_socket_free(r->ask);
	nl_socket_free(r->hear);
	free(r);
}

int route_fd(const struct route *r)
{
	return nl_socket_get_fd(r->hear);
}

void route_drain(struct route *r)
{
	char buf[8192];
	while (recv(route_fd(r), buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}
