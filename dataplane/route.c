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
	u8 gateway[16];
	int len; /* of an address */
	bool has_gateway, local, found;
};

static int family_of(const struct network *net)
{
	return net->family == 6 ? AF_INET6 : AF_INET;
}

static int len_of(const struct network *net)
{
	return net->family == 6 ? 16 : 4;
}

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
		   rm->rtm_type == RTN_MULTICAST || rm->rtm_type == RTN_ANYCAST;
	a->has_gateway = tb[RTA_GATEWAY] && nla_len(tb[RTA_GATEWAY]) == a->len;
	if (a->has_gateway)
		memcpy(a->gateway, nla_data(tb[RTA_GATEWAY]), (size_t)a->len);
	return NL_OK;
}

static int ask(struct route *r, const struct network *net, const u8 *dst, struct answer *a)
{
	struct rtmsg rm = { .rtm_family = (unsigned char)family_of(net),
			    .rtm_dst_len = (unsigned char)(len_of(net) * 8) };
	struct nl_msg *m = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST);
	int err = m ? 0 : -NLE_NOMEM;
	if (!err)
		err = nlmsg_append(m, &rm, sizeof(rm), NLMSG_ALIGNTO);
	if (!err)
		err = nla_put(m, RTA_DST, len_of(net), dst);
	if (!err)
		err = nla_put_u32(m, RTA_OIF, net->ifindex);
	if (!err)
		err = nl_socket_modify_cb(r->ask, NL_CB_VALID, NL_CB_CUSTOM, on_answer, a);
	if (!err && nl_send_auto(r->ask, m) < 0)
		err = -NLE_FAILURE;
	nlmsg_free(m);
	return err ? err : nl_recvmsgs_default(r->ask);
}

/* In the prefix of the network, which its further addresses need not be. */
static bool on_link(const struct network *net, const u8 *dst)
{
	bool six = net->family == 6;
	const u8 *ip = six ? net->conf->address6.ip : net->conf->address.ip;
	unsigned len = six ? net->conf->prefix_len6 : net->conf->prefix_len, whole = len / 8;
	if ((six ? net->conf->address6 : net->conf->address).family != net->family ||
	    memcmp(ip, dst, whole) != 0)
		return false;
	return len % 8 == 0 || !((ip[whole] ^ dst[whole]) >> (8 - len % 8));
}

/* Told which interface to use, the kernel calls a destination that no route of it leads to "on
 * link". The configuration knows better: its gateway is for those. */
int route_next_hop(struct route *r, const struct network *net, const u8 *dst, u8 *via)
{
	struct answer a = { .len = len_of(net) };
	const struct addr *gateway = net->family == 6 ? &net->conf->gateway6 : &net->conf->gateway;
	const u8 *next = NULL;
	int err = ask(r, net, dst, &a);
	if (!err && a.local)
		return -ENETUNREACH;
	if (!err && a.has_gateway)
		next = a.gateway;
	else if (on_link(net, dst))
		next = dst;
	else if (gateway->family == net->family)
		next = gateway->ip;
	else if (!err && a.found)
		next = dst;
	if (!next)
		return -ENETUNREACH;
	memcpy(via, next, 16);
	return 0;
}

struct endpoint {
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	};
	socklen_t len;
};

static struct endpoint endpoint(const struct network *net, const u8 *ip, u16 port)
{
	struct endpoint e = { .len = net->family == 6 ? sizeof(e.six) : sizeof(e.four) };
	if (net->family == 6) {
		e.six = (struct sockaddr_in6){ .sin6_family = AF_INET6,
					       .sin6_port = htons(port),
					       .sin6_scope_id = net->ifindex };
		memcpy(&e.six.sin6_addr, ip, 16);
	} else {
		e.four = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
		memcpy(&e.four.sin_addr, ip, 4);
	}
	return e;
}

void route_poke(struct route *r, const struct network *net, const u8 *via)
{
	struct endpoint to = endpoint(net, via, DISCARD_PORT);
	ssize_t n = sendto(r->poke[net->index], "", 0, MSG_DONTWAIT, &to.any, to.len);
	(void)n; /* it is said again when the neighbour stays unknown */
}

static int make_poke(const struct network *net)
{
	char name[IF_NAMESIZE] = "";
	bool six = net->family == 6;
	struct endpoint me = endpoint(net, net->ip, 0);
	int one = 1; /* also the TTL: nobody forwards it */
	int fd = socket(family_of(net), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!if_indextoname(net->ifindex, name) ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, sizeof(name)) ||
	    setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_UNICAST_HOPS : IP_TTL, &one,
		       sizeof(one)) ||
	    setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_FREEBIND : IP_FREEBIND, &one,
		       sizeof(one)) ||
	    bind(fd, &me.any, me.len)) {
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
	    nl_socket_add_memberships(r->hear, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_IFADDR,
				      RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV6_IFADDR, 0) ||
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
