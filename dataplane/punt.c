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
#include <linux/if_tun.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>
#include <rte_ring.h>
#include "punt.h"

#define RING_SIZE 1024
#define AT_ONCE   64

struct punt {
	int fd;
	struct rte_ring *up, *down;
	struct rte_mempool *pool;
	struct loop *loop;
	struct loop_fd tap;
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

static int link_up(struct nl_sock *sk, struct port *port, const char *name)
{
	struct rtnl_link *link = NULL, *change = rtnl_link_alloc();
	u64 mac = atomic_load(&port->mac);
	struct nl_addr *addr = nl_addr_build(AF_LLC, &mac, 6);
	int err = change && addr ? rtnl_link_get_kernel(sk, 0, name, &link) : -NLE_NOMEM;
	if (!err) {
		port->ifindex = (unsigned)rtnl_link_get_ifindex(link);
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

static int add_address(struct nl_sock *sk, unsigned ifindex, const struct network *n)
{
	struct rtnl_addr *a = rtnl_addr_alloc();
	struct nl_addr *ip = nl_addr_build(AF_INET, &n->ip, 4);
	int err = a && ip ? 0 : -NLE_NOMEM;
	if (!err) {
		nl_addr_set_prefixlen(ip, n->conf->prefix_len);
		rtnl_addr_set_ifindex(a, (int)ifindex);
		err = rtnl_addr_set_local(a, ip);
	}
	if (!err)
		err = rtnl_addr_add(sk, a, 0);
	nl_addr_put(ip);
	rtnl_addr_put(a);
	return err;
}

static int configure(struct ports *ports, struct port *port, const char *name, struct log *log)
{
	struct nl_sock *sk = nl_socket_alloc();
	int err = sk ? nl_connect(sk, NETLINK_ROUTE) : -NLE_NOMEM;
	if (!err)
		err = link_up(sk, port, name);
	for (unsigned i = 0; i < ports->n_networks && !err; i++)
		if (ports->network[i].port == port)
			err = add_address(sk, port->ifindex, &ports->network[i]);
	nl_socket_free(sk);
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

int punt_open(struct ports *ports, struct port *port, struct log *log)
{
	char name[IF_NAMESIZE] = "";
	for (unsigned i = ports->n_networks; i-- > 0;)
		if (ports->network[i].port == port)
			snprintf(name, sizeof(name), "sl-%s", ports->network[i].conf->name);
	struct punt *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	port->punt = p;
	p->pool = ports->pool;
	p->up = ring("up", port, RING_F_SC_DEQ); /* several workers */
	p->down = ring("down", port, RING_F_SP_ENQ | RING_F_SC_DEQ);
	p->fd = p->up && p->down ? tap_open(name) : -ENOMEM;
	if (p->fd < 0) {
		log_error(log, "port", "%s: no TAP for it: %s", name, strerror(-p->fd));
		return p->fd;
	}
	return configure(ports, port, name, log);
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
	if (p->fd >= 0)
		close(p->fd);
	empty(p->up);
	empty(p->down);
	free(p);
}

/* Kernel to worker. A few at a time; level-triggered, so the rest comes with the next round. */
static void on_tap(void *arg, uint32_t events)
{
	struct punt *p = arg;
	unsigned n = 0;
	(void)events;
	while (n < AT_ONCE) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(p->pool);
		ssize_t len =
			m ? read(p->fd, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m)) : -1;
		if (len <= 0) {
			rte_pktmbuf_free(m);
			break;
		}
		m->data_len = (uint16_t)len;
		m->pkt_len = (uint32_t)len;
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
	p->loop = loop;
	p->wake = wake;
	p->arg = arg;
	p->tap = (struct loop_fd){ p->fd, EPOLLIN, on_tap, p };
	return loop_fd_add(loop, &p->tap);
}

void punt_detach(struct punt *p)
{
	if (p && p->tap.ready)
		loop_fd_del(p->loop, &p->tap);
}

void punt_run(struct punt *p)
{
	void *m;
	for (unsigned i = 0; i < RING_SIZE && rte_ring_dequeue(p->up, &m) == 0; i++) {
		ssize_t n = write(p->fd, rte_pktmbuf_mtod((struct rte_mbuf *)m, void *),
				  rte_pktmbuf_data_len((struct rte_mbuf *)m));
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
