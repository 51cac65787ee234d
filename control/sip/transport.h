/* SPDX-License-Identifier: Apache-2.0 */
/* All transports of a shard as one: UDP sockets (udp.h), streams (stream.h), steering to the shard that owns
 * a message, and sending on connections that another shard owns. sip_io of the core is transport_send().
 * WebSocket will be one more shell beside stream.c; nothing above knows the difference.
 *
 * A connection is known by its id, which names its shard. A message for an address without a connection goes
 * to the shard that the hash of that address names, so that all shards share one connection to it; there too
 * the aliases of RFC 5923 are kept. What crosses shards is mail: `foreign` posts it, transport_foreign() takes
 * it. */
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
	const char *certificate, *key, *ca; /* PEM files, as in tls.h. TLS is listened on where there is one */
};

/* What TLS with a neighbour must know; index: its `peer`. */
struct transport_peer {
	const char *name;     /* for messages to people: "trunks.carrier" */
	const char *tls_name; /* that its certificate must bear: a name or an address. NULL: it is not called
			       * by TLS */
	bool demand;          /* it must also show its certificate when it calls us (RFC 5922) */
	const char *certificate, *key, *ca; /* NULL: those of the network */
	uint16_t network;
};

enum transport_mail_kind {
	MAIL_MESSAGE, /* came from hop and is the other shard's */
	MAIL_SEND,    /* to be sent to hop */
	MAIL_BROKEN,  /* what was sent to hop is lost; no text */
	MAIL_ALIAS    /* the connection `conn` stands for hop; no text */
};

/* To be copied and handed on as it is. */
struct transport_mail {
	struct sip_hop hop;
	uint32_t conn;
	uint8_t kind; /* enum transport_mail_kind */
	uint8_t from; /* the shard that MAIL_BROKEN goes back to */
};

struct transport_options {
	struct loop *loop;
	struct log *log;
	const struct transport_network *networks; /* the array may be gone after transport_new(), its strings not */
	unsigned n_networks;
	const struct transport_peer *peers; /* as above */
	unsigned n_peers;
	uint8_t shard, n_shards;      /* at most 64 */
	struct stream_options limits; /* only its numbers are read */
	uint32_t watch_ms;            /* look for new certificates every so often; 0: never */
	int (*peer_of)(void *arg, const struct sip_hop *from);
	/* A message of this shard's. */
	void (*receive)(void *arg, const struct sip_hop *from, char *buf, size_t len);
	void (*garbage)(void *arg, const struct sip_hop *from, char *buf, size_t len, int error);
	void (*broken)(void *arg, const struct sip_hop *to);
	/* Copy both and post them there, to end in transport_foreign() with SIP_PAD octets behind the text.
	 * 0 or -errno: it is lost. */
	int (*foreign)(void *arg, unsigned shard, const struct transport_mail *mail, const char *buf,
		       size_t len);
	void *arg;
};

struct transport *transport_new(const struct transport_options *o); /* NULL + errno, logged */
void transport_free(struct transport *t);
/* sip_io.send. What fails behind a shard's border comes later: `broken` for a request; a response on a
 * connection that is gone goes to its Via there (18.2.2). */
int transport_send(void *transport, const struct sip_hop *to, struct str data);
void transport_foreign(struct transport *t, const struct transport_mail *mail, char *buf, size_t len);
/* All who are somebody on this network: others are dropped in the kernel, where it can be done. Again whenever
 * that changes. */
void transport_known(struct transport *t, uint16_t network, const struct prefix *known, unsigned n);
/* Sheds new calls in the kernel (shed.h), or not any more: NULL. */
void transport_shed(struct transport *t, const struct shed *shed);
/* The certificates again, now. 0, or the first -errno: those that cannot be read stay as they are. */
int transport_reload(struct transport *t);
size_t transport_connections(const struct transport *t); /* of this shard */
/* When the first of the own certificates ends; seconds since 1970, 0: there is none. */
int64_t transport_expires(const struct transport *t);
void transport_counters(const struct transport *t, void (*fn)(void *arg, const char *name, uint64_t v),
			void *arg);

#endif
