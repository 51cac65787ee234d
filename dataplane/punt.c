/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>
#include <rte_ether.h>
#include <rte_ring.h>
#include "punt.h"

#define RING_SIZE 1024
#define AT_ONCE   64
#define LANES_MAX 16 /* VLANs of a port */
#define VLAN_ID   0xfff

/* One TAP. */
struct lane {
	struct punt *punt;
	struct loop_fd tap;
	u16 vlan;
};

struct punt {
	struct lane lane[LANES_MAX];
	unsigned n;
	struct rte_ring *up, *down;
	struct rte_mempool *pool;
	struct loop *loop;
	void (*wake)(void *arg);
	void *arg;
};

static int tap_open(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifr)) {
		int err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int link_up(struct nl_sock *sk, const struct port *port, const char *name, unsigned *ifindex)
{
	struct rtnl_link *link = NULL, *change = rtnl_link_alloc();
	u64 mac = atomic_load(&port->mac);
	struct nl_addr *addr = nl_addr_build(AF_LLC, &mac, 6);
	int err = change && addr ? rtnl_link_get_kernel(sk, 0, name, &link) : -NLE_NOMEM;
	if (!err) {
		*ifindex = (unsigned)rtnl_link_get_ifindex(link);
		rtnl_link_set_addr(change, addr);
		rtnl_link_set_mtu(change, port->mtu);
		rtnl_link_set_flags(change, IFF_UP);
		err = rtnl_link_change(sk, link, change, 0);
	}
	nl_addr_put(addr);
	rtnl_link_put(change);
	rtnl_link_put(link);
	return err;
}

static unsigned prefix_of(const struct network *n)
{
	return n->family == 6 ? n->conf->prefix_len6 : n->conf->prefix_len;
}

/* Nobody else was asked whether an IPv6 address is free (RFC 4862 5.4): we could not send before the answer. */
static int add_address(struct nl_sock *sk, unsigned ifindex, const struct network *n)
{
	bool six = n->family == 6;
	struct rtnl_addr *a = rtnl_addr_alloc();
	struct nl_addr *ip = nl_addr_build(six ? AF_INET6 : AF_INET, n->ip, six ? 16 : 4);
	int err = a && ip ? 0 : -NLE_NOMEM;
	if (!err) {
		nl_addr_set_prefixlen(ip, (int)prefix_of(n));
		rtnl_addr_set_ifindex(a, (int)ifindex);
		if (six)
			rtnl_addr_set_flags(a, IFA_F_NODAD);
		err = rtnl_addr_set_local(a, ip);
	}
	if (!err)
		err = rtnl_addr_add(sk, a, 0);
	nl_addr_put(ip);
	rtnl_addr_put(a);
	return err;
}

static int configure(struct ports *ports, struct port *port, const struct lane *l, const char *name,
		     struct log *log)
{
	struct nl_sock *sk = nl_socket_alloc();
	unsigned ifindex = 0;
	int err = sk ? nl_connect(sk, NETLINK_ROUTE) : -NLE_NOMEM;
	if (!err)
		err = link_up(sk, port, name, &ifindex);
	for (unsigned i = 0; i < ports->n_networks && !err; i++) {
		struct network *n = &ports->network[i];
		if (n->port != port || n->vlan != l->vlan)
			continue;
		n->ifindex = ifindex;
		err = add_address(sk, ifindex, n);
	}
	nl_socket_free(sk);
	if (!port->ifindex)
		port->ifindex = ifindex;
	if (err)
		log_error(log, "port", "%s: cannot be configured: %s", name, nl_geterror(err));
	return err ? -EIO : 0;
}

static struct rte_ring *ring(const char *dir, const struct port *port, unsigned flags)
{
	char name[RTE_RING_NAMESIZE];
	snprintf(name, sizeof(name), "%s%u", dir, port->id);
	return rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, flags);
}

static struct lane *lane_of(struct punt *p, u16 vlan)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->lane[i].vlan == vlan)
			return &p->lane[i];
	return NULL;
}

/* The TAP of this network's VLAN, named after the first network that is there. */
static int open_lane(struct ports *ports, struct port *port, const struct network *n,
		     struct log *log)
{
	struct punt *p = port->punt;
	char name[IF_NAMESIZE];
	snprintf(name, sizeof(name), "sl-%s", n->conf->name);
	int fd = p->n < LANES_MAX ? tap_open(name) : -E2BIG;
	if (fd < 0) {
		log_error(log, "port", "%s: no TAP for it: %s", name, strerror(-fd));
		return fd;
	}
	struct lane *l = &p->lane[p->n++];
	*l = (struct lane){ .punt = p, .tap.fd = fd, .vlan = n->vlan };
	return configure(ports, port, l, name, log);
}

int punt_open(struct ports *ports, struct port *port, struct log *log)
{
	struct punt *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	port->punt = p;
	p->pool = ports->pool;
	p->up = ring("up", port, RING_F_SC_DEQ); /* several workers */
	p->down = ring("down", port, RING_F_SP_ENQ | RING_F_SC_DEQ);
	int err = p->up && p->down ? 0 : -ENOMEM;
	for (unsigned i = 0; i < ports->n_networks && !err; i++) {
		const struct network *n = &ports->network[i];
		if (n->port == port && !lane_of(p, n->vlan))
			err = open_lane(ports, port, n, log);
	}
	return err;
}

static void empty(struct rte_ring *r)
{
	void *m;
	while (r && rte_ring_dequeue(r, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(r);
}

void punt_close(struct punt *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->n; i++)
		close(p->lane[i].tap.fd);
	empty(p->up);
	empty(p->down);
	free(p);
}

/* ---- kernel to worker ---- */

static struct rte_mbuf *read_frame(const struct lane *l)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(l->punt->pool);
	ssize_t len =
		m ? read(l->tap.fd, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m)) : -1;
	if (len <= 0) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	m->data_len = (uint16_t)len;
	m->pkt_len = (uint32_t)len;
	m->vlan_tci = l->vlan;
	if (l->vlan && rte_vlan_insert(&m)) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	return m;
}

/* A few at a time; level-triggered, so the rest comes with the next round. */
static void on_tap(void *arg, uint32_t events)
{
	const struct lane *l = arg;
	struct punt *p = l->punt;
	struct rte_mbuf *m;
	unsigned n = 0;
	(void)events;
	while (n < AT_ONCE && (m = read_frame(l))) {
		if (rte_ring_enqueue(p->down, m)) {
			rte_pktmbuf_free(m);
			break;
		}
		n++;
	}
	if (n)
		p->wake(p->arg);
}

int punt_attach(struct punt *p, struct loop *loop, void (*wake)(void *arg), void *arg)
{
	int err = 0;
	p->loop = loop;
	p->wake = wake;
	p->arg = arg;
	for (unsigned i = 0; i < p->n && !err; i++) {
		struct lane *l = &p->lane[i];
		l->tap = (struct loop_fd){ l->tap.fd, EPOLLIN, on_tap, l };
		err = loop_fd_add(loop, &l->tap);
	}
	return err;
}

void punt_detach(struct punt *p)
{
	for (unsigned i = 0; p && i < p->n; i++)
		if (p->lane[i].tap.ready)
			loop_fd_del(p->loop, &p->lane[i].tap);
}

/* ---- worker to kernel ---- */

/* The tag stands in the frame, or the device has taken it out. Frames of a VLAN that is no network's are nobody's. */
static const struct lane *take_tag_out(struct punt *p, struct rte_mbuf *m)
{
	bool stripped = m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED;
	if (!stripped && rte_vlan_strip(m))
		return lane_of(p, 0);
	return lane_of(p, m->vlan_tci & VLAN_ID);
}

void punt_run(struct punt *p)
{
	void *m;
	for (unsigned i = 0; i < RING_SIZE && rte_ring_dequeue(p->up, &m) == 0; i++) {
		const struct lane *l = take_tag_out(p, m);
		ssize_t n = l ? write(l->tap.fd, rte_pktmbuf_mtod((struct rte_mbuf *)m, void *),
				      rte_pktmbuf_data_len((struct rte_mbuf *)m))
			      : 0;
		(void)n; /* full or down: as on any interface, the frame is lost */
		rte_pktmbuf_free(m);
	}
}

bool punt_up(struct punt *p, struct rte_mbuf *m)
{
	return rte_ring_enqueue(p->up, m) == 0;
}

unsigned punt_down(struct punt *p, struct rte_mbuf **m, unsigned n)
{
	return rte_ring_empty(p->down) ? 0 : rte_ring_dequeue_burst(p->down, (void **)m, n, NULL);
}
