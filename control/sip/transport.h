/* SPDX-License-Identifier: Apache-2.0 */
/* All transports of a shard as one: UDP sockets (udp.h), streams (stream.h), steering to the shard that owns
 * a message, and sending on connections that another shard owns. sip_io of the core is transport_send().
 * WebSocket will be one more shell beside stream.c; nothing above knows the difference. */
#ifndef SLUICE_SIP_TRANSPORT_H
#define SLUICE_SIP_TRANSPORT_H

#include "sip/sip.h"
#include "sip/stream.h"
#include "sip/udp.h"

struct transport;

struct transport_network {
	const char *name;
	struct addr local[2];    /* IPv4, IPv6, port 0; family 0: none */
	uint16_t port, tls_port; /* 0: not listened on */
	bool udp, tcp;
	uint8_t dscp;
	const char *certificate, *key, *ca; /* with tls_port */
	bool demand_certificate;
};

struct transport_options {
	struct loop *loop;
	struct log *log;
	const struct transport_network *networks;
	unsigned n_networks;
	uint8_t shard, n_shards;
	struct stream_options limits; /* only its numbers are read */
	int (*peer_of)(void *arg, const struct sip_hop *from);
	/* The name that a neighbour's certificate must have and the context to call it with; NULL name: it is
	 * known by its address and has to show none. */
	const char *(*tls_name)(void *arg, int peer);
	/* A message of this shard's. */
	void (*receive)(void *arg, const struct sip_hop *from, char *buf, size_t len);
	void (*garbage)(void *arg, const struct sip_hop *from, char *buf, size_t len, int error);
	void (*broken)(void *arg, const struct sip_hop *to);
	/* A message of another shard's (`send` false), or to be sent on a connection of another's (true):
	 * copy it and post it there, to end in transport_foreign(). */
	void (*foreign)(void *arg, unsigned shard, bool send, const struct sip_hop *hop, const char *buf,
			size_t len);
	void *arg;
};

struct transport *transport_new(const struct transport_options *o); /* NULL + errno, logged */
void transport_free(struct transport *t);
int transport_send(void *transport, const struct sip_hop *to, struct str data); /* sip_io.send */
void transport_foreign(struct transport *t, bool send, const struct sip_hop *hop, char *buf, size_t len);
void transport_counters(const struct transport *t, void (*fn)(void *arg, const char *name, uint64_t v),
			void *arg);

#endif
