/* SPDX-License-Identifier: Apache-2.0 */
/* SIP over UDP: one socket per network and shard (SO_REUSEPORT), recvmmsg in, sendmmsg out at the
 * end of each round of the loop. What was read for another shard is handed to `foreign`. */
#ifndef SLUICE_SIP_UDP_H
#define SLUICE_SIP_UDP_H

#include "sip/sip.h"

struct udp;

struct udp_options {
	struct loop *loop;
	struct log *log;
	const struct addr *local; /* one per network, with port */
	const uint8_t *dscp;      /* one per network */
	unsigned n_networks;
	uint8_t shard, n_shards;
	/* Own datagrams: asked before anything else whether the source is somebody (same as
	 * sip_user.peer_of); false drops it here, unparsed. */
	bool (*known)(void *arg, unsigned network, const struct addr *source);
	void (*receive)(void *arg, unsigned network, const struct addr *source, char *buf, size_t len);
	/* sip_steer() says another shard: copy it and post it there. */
	void (*foreign)(void *arg, unsigned shard, unsigned network, const struct addr *source,
			const char *buf, size_t len);
	void *arg;
};

/* Binds every socket: needs the privilege for low ports only here. NULL + errno, logged with the address. */
struct udp *udp_new(const struct udp_options *o);
/* Closes; what is queued is sent first. */
void udp_free(struct udp *u);
/* The send of struct sip_io; arg is the struct udp. */
int udp_send(void *arg, unsigned network, const struct addr *to, struct str data);
void udp_counters(const struct udp *u, void (*fn)(void *arg, const char *name, uint64_t v), void *arg);

#endif
