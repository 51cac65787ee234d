/* SPDX-License-Identifier: Apache-2.0 */
/* Ports and networks. A port is a device that packets come from and go to; a network is one address
 * of ours on a port, with its range of media ports. Several networks may share a port.
 * Made at start by the main thread and constant from then on, except what is marked. */
#ifndef SLUICE_DP_PORT_H
#define SLUICE_DP_PORT_H

#include <stdatomic.h>
#include <rte_mbuf.h>
#include <rte_spinlock.h>
#include "base/log.h"
#include "conf/conf.h"
#include "relay/types.h"
#include "share.h"

#define QUEUES_MAX   8
#define NETWORKS_MAX 16 /* also ports; STEER_ADDRESSES */

enum port_kind {
	PORT_AF_XDP,
	PORT_AF_PACKET,
	PORT_PCI,
	PORT_VDEV
};

struct punt;

struct port {
	const char *spec; /* as the configuration says it; borrowed */
	enum port_kind kind;
	uint16_t id;       /* DPDK's number */
	uint16_t n_queues; /* to receive and to send */
	struct share share;
	rte_spinlock_t sending[QUEUES_MAX]; /* taken where workers share a queue */
	uint16_t mtu;
	int fd[QUEUES_MAX]; /* sockets to wait on; -1: a device without one */
	unsigned ifindex;   /* the kernel's interface whose routes and neighbours count: the device
			     * itself, or the TAP that stands for it */
	_Atomic u64 mac;    /* our hardware address, first octet lowest; the agent follows it */
	struct punt *punt;  /* way to the kernel for what is not media; NULL: it sees that itself */
	int link;           /* AF_XDP: holds the steering program attached; -1: none */
	bool open;
	char driver[96]; /* "AF_XDP on eth0 (native, copy mode)" */
	char why[192];   /* why this and nothing faster; may be empty */
};

struct network {
	const struct conf_network *conf; /* borrowed */
	struct port *port;
	u32 ip; /* network order */
};

struct ports {
	struct port port[NETWORKS_MAX];
	unsigned n;
	struct network network[NETWORKS_MAX]; /* same order as in the configuration */
	unsigned n_networks;
	unsigned n_workers;
	struct rte_mempool *pool; /* of every packet, so that none is copied from port to port */
	int mute;                 /* see mute.h; -1: not needed */
};

/* Megabytes that EAL has to have for them. */
unsigned ports_memory(const struct conf *conf);
/* Opens every device of the configuration; EAL is up. `how` is conf.media.device or what the
 * command line says instead. On failure the reason is logged and ports_close() is still due. */
int ports_open(struct ports *p, const struct conf *conf, enum conf_engine how, struct log *log);
void ports_close(struct ports *p); /* needs no privileges */
/* One line a network: which data path is active, and why. */
void ports_tell(const struct ports *p, struct log *log);

/* The network that has this address (network order), or NULL. */
struct network *ports_network(struct ports *p, u32 ip);

u64 port_mac_pack(const void *octets);

/* ---- port_kernel.c: interfaces that the kernel has ---- */
/* Fills ifindex, mtu, mac. 0 or -errno. */
int port_interface(struct port *port);
/* Receive queues of the interface, at least 1. */
unsigned port_interface_queues(const char *name);
/* These leave nothing behind on failure and say why in port->why. */
int port_open_xdp(struct ports *p, struct port *port, const char *program);
int port_open_packet(struct ports *p, struct port *port);
/* ---- port.c, for the above ---- */
int port_setup(struct ports *p, struct port *port); /* configures and starts port->id */

#endif
