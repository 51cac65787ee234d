/* SPDX-License-Identifier: Apache-2.0 */
/* Ports and networks. A port is a device that packets come from and go to; a network is one address
 * of ours on a port, with its range of media ports. Several networks may share a port.
 * Made at start by the main thread and constant from then on, except what is marked. */
#ifndef SLUICE_DP_PORT_H
#define SLUICE_DP_PORT_H

#include <stdatomic.h>
#include <string.h>
#include <rte_mbuf.h>
#include <rte_spinlock.h>
#include "base/log.h"
#include "conf/conf.h"
#include "relay/types.h"
#include "share.h"

#define QUEUES_MAX   8
#define PORTS_MAX    16
#define NETWORKS_MAX 64 /* addresses: STEER_ADDRESSES */
#define PLACES       256

enum port_kind {
	PORT_AF_XDP,
	PORT_AF_PACKET,
	PORT_PCI,
	PORT_VDEV
};

struct punt;
struct stray;

struct port {
	const char *spec; /* as the configuration says it; borrowed */
	enum port_kind kind;
	uint16_t id;       /* DPDK's number */
	uint16_t n_queues; /* to receive and to send */
	struct share share;
	rte_spinlock_t sending[QUEUES_MAX]; /* taken where workers share a queue */
	uint16_t mtu;
	int fd[QUEUES_MAX]; /* sockets to wait on; -1: a device without one */
	unsigned ifindex;   /* the kernel's interface: the device itself, or the first TAP that
			     * stands for it */
	_Atomic u64 mac;    /* our hardware address, first octet lowest; the agent follows it */
	struct punt *punt;  /* way to the kernel for what is not media; NULL: it sees that itself */
	struct stray *stray; /* AF_XDP: fragments that the steering program leaves to the kernel */
	int link;            /* AF_XDP: holds the steering program attached; -1: none */
	bool open;
	bool sums;       /* it makes the checksums of IPv4 and UDP of what it sends */
	char driver[96]; /* "AF_XDP on eth0 (native, copy mode)" */
	char why[192];   /* why this and nothing faster; may be empty */
};

/* A network of the configuration has one of these for each of its addresses. */
struct network {
	const struct conf_network *conf; /* borrowed */
	struct port *port;
	u8 ip[16]; /* the first 4 of IPv4, the others 0 */
	u8 family; /* 4, 6 */
	u8 index;  /* in ports.network */
	bool main; /* its first one, which stands for it where networks are listed */
	u16 vlan;  /* 0: none */
	u16 media_lo, media_hi;
	unsigned ifindex; /* whose routes and neighbours count */
};

struct ports {
	struct port port[PORTS_MAX];
	unsigned n;
	struct network network[NETWORKS_MAX]; /* same order as in the configuration */
	unsigned n_networks;
	unsigned n_workers;
	u8 place[PLACES];         /* index + 1 in network[] by the hash of an address; 0: none */
	struct rte_mempool *pool; /* of every packet, so that none is copied from port to port */
	int mute;                 /* see mute.h; -1: not needed */
};

/* Where the search for an address begins. A quarter of the places is taken at most. */
static inline unsigned ports_place(const void *ip, unsigned family)
{
	u32 last;
	memcpy(&last, (const u8 *)ip + (family == 4 ? 0 : 12), sizeof(last));
	return (last * 0x9e3779b1u) >> 24;
}

/* Megabytes that EAL has to have for them. */
unsigned ports_memory(const struct conf *conf);
/* Opens every device of the configuration; EAL is up. `how` is conf.media.device or what the
 * command line says instead. On failure the reason is logged and ports_close() is still due. */
int ports_open(struct ports *p, const struct conf *conf, enum conf_engine how, struct log *log);
void ports_close(struct ports *p); /* needs no privileges */
/* One line a network: which data path is active, and why. */
void ports_tell(const struct ports *p, struct log *log);

/* The network that has this address, or NULL. Every packet asks. */
static inline const struct network *ports_network(const struct ports *p, const void *ip,
						  unsigned family)
{
	for (unsigned i = ports_place(ip, family); p->place[i]; i = (i + 1) % PLACES) {
		const struct network *n = &p->network[p->place[i] - 1];
		if (n->family == family && memcmp(n->ip, ip, family == 4 ? 4 : 16) == 0)
			return n;
	}
	return NULL;
}

u64 port_mac_pack(const void *octets);

/* ---- port_kernel.c: interfaces that the kernel has ---- */
/* Fills ifindex, mtu, mac. 0 or -errno. */
int port_interface(struct port *port);
/* Receive queues of the interface, at least 1. */
unsigned port_interface_queues(const char *name);
/* These leave nothing behind on failure and say why in port->why. */
int port_open_xdp(struct ports *p, struct port *port, const char *program);
int port_open_packet(struct ports *p, struct port *port);
/* ---- port.c, for the above, and where there is no configuration ---- */
/* One more address of a network on `port`. -E2BIG, -EADDRINUSE. */
int ports_add(struct ports *p, struct port *port, const struct conf_network *c,
	      const struct addr *a);
int port_setup(struct ports *p, struct port *port); /* configures and starts port->id */

#endif
