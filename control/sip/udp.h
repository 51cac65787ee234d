/* SPDX-License-Identifier: Apache-2.0 */
/* SIP over UDP: one socket per local address and shard (SO_REUSEPORT), recvmmsg in, sendmmsg out at the
 * end of each round of the loop. What was read for another shard is handed to `foreign`. */
#ifndef SLUICE_SIP_UDP_H
#define SLUICE_SIP_UDP_H

#include "sip/sip.h"

struct udp;
struct sock_fprog;
struct shed;

struct udp_listen {
	struct addr local; /* with port; one of each family on a network */
	uint16_t network;
	uint8_t dscp;
};

struct udp_options {
	struct loop *loop;
	struct log *log;
	const struct udp_listen *listen; /* may be gone after udp_new() */
	unsigned n_listen;
	uint8_t shard, n_shards;
	/* Own datagrams: asked before anything else who the source is (same as sip_user.peer_of);
	 * SIP_NO_PEER drops it here, unparsed. */
	int (*peer_of)(void *arg, const struct sip_hop *from);
	void (*receive)(void *arg, const struct sip_hop *from, char *buf, size_t len);
	/* sip_steer() says another shard: copy it and post it there. */
	void (*foreign)(void *arg, unsigned shard, const struct sip_hop *from, const char *buf,
			size_t len);
	void *arg;
};

/* Binds every socket: needs the privilege for low ports only here. NULL + errno, logged with the address. */
struct udp *udp_new(const struct udp_options *o);
/* Closes; what is queued is sent first. */
void udp_free(struct udp *u);
/* From the network's address of that family. The data is copied. 0, -ENOBUFS, -EINVAL (longer than
 * SIP_DATAGRAM_MAX), -EAFNOSUPPORT: the network has no such address. */
int udp_send(struct udp *u, const struct sip_hop *to, struct str data);
/* Who may send to a network's address of a family (source_filter.h); NULL: user space decides alone. */
int udp_filter(struct udp *u, uint16_t network, uint8_t family, const struct sock_fprog *filter);
/* Sheds new calls in the kernel (shed.h), on IPv4, in place of those filters; NULL: no more, and they are
 * back. */
void udp_shed(struct udp *u, const struct shed *shed);
void udp_counters(const struct udp *u, void (*fn)(void *arg, const char *name, uint64_t v), void *arg);

#endif
