/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <linux/sockios.h>
#include <netlink/route/link.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include "eal.h"
#include "filter.h"
#include "port.h"
#include "stray.h"
#include "xdp/steer.h"

#define XDP_MTU_MAX    3498 /* one page less the headroom and tail room of XDP */
#define FRAME_SIZE     3584 /* of AF_PACKET's rings: the kernel joins fragments of IPv4 before */
#define BLOCK_SIZE     (16 * FRAME_SIZE)
#define PACKET_MTU_MAX (FRAME_SIZE - 32 - 14) /* a frame less its header and Ethernet's */

int port_interface(struct port *port)
{
	struct rtnl_link *link = NULL;
	struct nl_sock *sk = nl_socket_alloc();
	int err = sk ? nl_connect(sk, NETLINK_ROUTE) : -NLE_NOMEM;
	if (err == 0)
		err = rtnl_link_get_kernel(sk, 0, port->spec, &link);
	if (err == 0) {
		unsigned mtu = rtnl_link_get_mtu(link);
		struct nl_addr *mac = rtnl_link_get_addr(link);
		port->ifindex = (unsigned)rtnl_link_get_ifindex(link);
		port->mtu = mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)mtu;
		if (mac && nl_addr_get_len(mac) == 6)
			port->mac = port_mac_pack(nl_addr_get_binary_addr(mac));
		rtnl_link_put(link);
	}
	nl_socket_free(sk);
	return err ? -ENODEV : 0;
}

unsigned port_interface_queues(const char *name)
{
	struct ethtool_channels ch = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq ifr = { .ifr_data = (void *)&ch };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	/* ethtool's answer has no attribute in libnl; a driver without channels has one queue. */
	int err = fd < 0 ? -1 : ioctl(fd, SIOCETHTOOL, &ifr);
	if (fd >= 0)
		close(fd);
	unsigned n = err ? 1 : ch.combined_count + ch.rx_count;
	return n ? n : 1;
}

#define GONE_STEP_MS  10
#define GONE_GUESS_MS 60
#define GONE_MAX_MS   1000

/* DPDK's drivers keep their sockets to themselves and offer no interrupt to wait on: what appeared
 * of that family since `below` is the new device's. */
static unsigned find_sockets(struct port *port, int family, const bool before[])
{
	unsigned n = 0;
	for (int fd = 3; fd < FD_SETSIZE && n < QUEUES_MAX; fd++) {
		int domain = 0;
		socklen_t len = sizeof(domain);
		if (!before[fd] && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
		    domain == family)
			port->fd[n++] = fd;
	}
	return n;
}

static void list_sockets(bool before[FD_SETSIZE])
{
	for (int fd = 0; fd < FD_SETSIZE; fd++) {
		int domain;
		socklen_t len = sizeof(domain);
		before[fd] = getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0;
	}
}

static int plug(struct ports *p, struct port *port, const char *name, const char *args)
{
	int err = rte_eal_hotplug_add("vdev", name, args);
	if (err)
		return err;
	err = rte_eth_dev_get_port_by_name(name, &port->id);
	if (err)
		return err;
	port->open = true;
	return port_setup(p, port);
}

static void unplug(struct port *port, const char *name)
{
	if (port->open) {
		rte_eth_dev_stop(port->id);
		rte_eth_dev_close(port->id);
		port->open = false;
	}
	rte_eal_hotplug_remove("vdev", name);
	for (int q = 0; q < QUEUES_MAX; q++)
		port->fd[q] = -1;
}

/* Reasons that are better found out before DPDK stumbles over them. */
static int xdp_possible(struct port *port)
{
	unsigned queues = port_interface_queues(port->spec);
	port->why[0] = '\0';
	if (port->mtu > XDP_MTU_MAX) {
		snprintf(port->why, sizeof(port->why), "MTU %u is over %d", port->mtu, XDP_MTU_MAX);
		return -EMSGSIZE;
	}
	if (queues > QUEUES_MAX) {
		snprintf(port->why, sizeof(port->why),
			 "%u receive queues, at most %d are served: ethtool -L %s combined %d",
			 queues, QUEUES_MAX, port->spec, QUEUES_MAX);
		return -E2BIG;
	}
	port->n_queues = (uint16_t)queues;
	return steer_clear(port->ifindex, port->why, sizeof(port->why));
}

static int xdp_steer(struct ports *p, struct port *port)
{
	port->link = steer_take_over(port->ifindex, port->why, sizeof(port->why));
	int err = port->link < 0 ? port->link : 0;
	for (unsigned i = 0; i < p->n_networks && !err; i++) {
		const struct network *n = &p->network[i];
		struct steer_address a = { .family = n->family };
		struct steer_range r = { n->media_lo, n->media_hi };
		memcpy(a.ip, n->ip, sizeof(a.ip));
		if (n->port == port)
			err = steer_add(port->link, &a, r);
	}
	if (err && !port->why[0])
		snprintf(port->why, sizeof(port->why), "steering: %s", strerror(-err));
	return err;
}

static void xdp_describe(struct port *port)
{
	struct xdp_options opt = { 0 };
	socklen_t len = sizeof(opt);
	getsockopt(port->fd[0], SOL_XDP, XDP_OPTIONS, &opt, &len);
	snprintf(port->driver, sizeof(port->driver), "AF_XDP on %s (%s, %s, no huge pages)",
		 port->spec, steer_native(port->ifindex) ? "native" : "generic",
		 opt.flags & XDP_OPTIONS_ZEROCOPY ? "zero copy" : "copy mode");
}

static int open_xdp(struct ports *p, struct port *port, const char *program)
{
	char name[32], args[256];
	bool before[FD_SETSIZE];
	int err = xdp_possible(port);
	if (err)
		return err;
	snprintf(name, sizeof(name), "net_af_xdp%u", port->ifindex);
	/* Without the driver's busy polling, which is a system call for each look at an empty ring:
	 * that took 5.7 us of the CPU for a packet at 50,000 packets/s instead of 3.4, and the
	 * worker knows better when to wait. */
	snprintf(args, sizeof(args), "iface=%s,queue_count=%u,xdp_prog=%s,busy_budget=0",
		 port->spec, port->n_queues, program);
	list_sockets(before);
	err = plug(p, port, name, args);
	if (err) {
		snprintf(port->why, sizeof(port->why), "%s", eal_said());
	} else if (find_sockets(port, AF_XDP, before) < port->n_queues) {
		snprintf(port->why, sizeof(port->why), "the driver's sockets were not found");
		err = -ENOTSOCK;
	} else {
		err = xdp_steer(p, port);
	}
	if (!err) {
		err = stray_open(p, port);
		if (err)
			snprintf(port->why, sizeof(port->why), "packet socket: %s", strerror(-err));
	}
	if (!err) {
		xdp_describe(port);
		return 0;
	}
	char reason[sizeof(port->why)], ignored[sizeof(port->why)];
	memcpy(reason, port->why, sizeof(reason));
	stray_close(port->stray);
	port->stray = NULL;
	unplug(port, name);
	if (port->link >= 0)
		close(port->link);
	port->link = -1;
	steer_clear(port->ifindex, ignored, sizeof(ignored));
	memcpy(port->why, reason, sizeof(reason));
	return err;
}

static bool may_pass(int err)
{
	return err != -EMSGSIZE && err != -E2BIG && err != -EOPNOTSUPP;
}

/* Of a process that was killed the kernel takes the program and the sockets back a little later: then one waits for
 * that. Whatever else fails may be the same (drivers tell no reason) and is tried again, but not for long. */
int port_open_xdp(struct ports *p, struct port *port, const char *program)
{
	const struct timespec pause = { .tv_nsec = GONE_STEP_MS * 1000000l };
	bool busy = false;
	int err;
	for (unsigned ms = 0;; ms += GONE_STEP_MS) {
		err = open_xdp(p, port, program);
		busy |= err == -EBUSY;
		if (!err || !may_pass(err) || ms >= (busy ? GONE_MAX_MS : GONE_GUESS_MS))
			return err;
		nanosleep(&pause, NULL);
	}
}

int port_open_packet(struct ports *p, struct port *port)
{
	char name[32], args[256];
	bool before[FD_SETSIZE];
	port->kind = PORT_AF_PACKET;
	port->n_queues = 1;
	if (port->mtu > PACKET_MTU_MAX)
		port->mtu = PACKET_MTU_MAX; /* what is longer leaves in fragments */
	snprintf(name, sizeof(name), "net_af_packet%u", port->ifindex);
	snprintf(args, sizeof(args), "iface=%s,blocksz=%d,framesz=%d,framecnt=1024", port->spec,
		 BLOCK_SIZE, FRAME_SIZE);
	list_sockets(before);
	int err = plug(p, port, name, args);
	if (!err && find_sockets(port, AF_PACKET, before) < 1)
		err = -ENOTSOCK;
	if (!err)
		err = filter_media(p, port, port->fd[0]);
	if (err) {
		snprintf(port->why, sizeof(port->why), "%s", eal_said());
		unplug(port, name);
		return err;
	}
	snprintf(port->driver, sizeof(port->driver), "AF_PACKET on %s", port->spec);
	return 0;
}
