/* SPDX-License-Identifier: Apache-2.0 */
/* SIP over TCP and TLS on one shard: listeners (SO_REUSEPORT), connections in both directions, their timers
 * and bounds. A connection belongs to the shard that made it; its id names that shard, so that any
 * shard's core can send on it (transport.h carries it over).
 *
 * Bounds (security.md 4.2 as options): connections of one source and new ones per second, a part of all
 * slots kept free for known neighbours, first message, handshake and whole-message timers that dribbling
 * does not restart, an idle timer, octets waiting to be sent. A source that is no neighbour is closed at
 * accept, before a byte is read; on Linux a socket filter drops its SYN before that. */
#ifndef SLUICE_SIP_STREAM_H
#define SLUICE_SIP_STREAM_H

#include "base/log.h"
#include "base/loop.h"
#include "sip/hop.h"
#include "sip/tls.h"

struct stream;
struct sock_fprog;

struct stream_listen {
	struct addr local; /* with port */
	uint16_t network;
	uint8_t dscp;
	struct tls_context *tls; /* NULL: TCP */
};

enum stream_verdict {
	STREAM_REFUSED,
	STREAM_TAKEN, /* its address is enough */
	STREAM_PROVEN /* its certificate bears its name */
};

struct stream_route {
	struct addr local;       /* to come from; its port does not count. family 0: any */
	uint8_t dscp;
	struct tls_context *tls; /* with SIP_TLS */
	const char *name;        /* that the peer's certificate must bear */
};

struct stream_options {
	struct loop *loop;
	struct log *log;
	const struct stream_listen *listen; /* may be gone after stream_new() */
	unsigned n_listen;
	uint8_t shard;
	uint32_t max_connections; /* 0: 4096. A fifth is kept for known neighbours' */
	uint32_t per_source;      /* 0: 32 */
	uint32_t rate_per_source; /* new ones a second, 0: 10 */
	uint32_t first_message_ms, handshake_ms, message_ms, idle_ms, connect_ms; /* 0: 5 s, 5 s, 10 s, 120 s, 4 s */
	size_t send_buffer;       /* 0: 256 KiB */
	/* Who is this source? SIP_NO_PEER: closed. */
	int (*peer_of)(void *arg, const struct sip_hop *from);
	/* TLS: the context to accept this source with, instead of its listener's; NULL: that one. */
	struct tls_context *(*context)(void *arg, const struct sip_hop *from);
	/* TLS: may the peer with this connection's certificate be that neighbour? Asked after the handshake of
	 * an accepted connection. */
	enum stream_verdict (*verify)(void *arg, const struct sip_hop *from, const struct tls *t);
	/* For a connection of ours: fill in how it is made. False: there is no way. */
	bool (*dial)(void *arg, const struct sip_hop *to, struct stream_route *route);
	/* A whole message; `from->conn` names the connection. */
	void (*receive)(void *arg, const struct sip_hop *from, char *buf, size_t len);
	/* Framing is lost: answer if that can be done (400), the connection is closed after what was sent. */
	void (*garbage)(void *arg, const struct sip_hop *from, char *buf, size_t len, int error);
	/* A connection that `sender` sent on is gone or never came up: what it carried is lost. Never from
	 * inside stream_send(). */
	void (*broken)(void *arg, unsigned sender, const struct sip_hop *to);
	void *arg;
};

struct stream *stream_new(const struct stream_options *o); /* NULL + errno, logged */
void stream_free(struct stream *s);
/* `to->conn`: that connection or -ENOTCONN. Without: a live one to the same network, transport, address,
 * port and neighbour, else a new one; what is queued goes out when it is up, `broken` comes if not. 0,
 * -ENOTCONN, -ENOBUFS (send buffer full: the connection is closed; or no slot is free), -ENETUNREACH,
 * -ENOMEM. `sender` is the shard whose core says it: 0..63. */
int stream_send(struct stream *s, unsigned sender, const struct sip_hop *to, struct str data);
/* RFC 5923: may this connection stand for another port of its address, if it asks for that? True once, when
 * its client has proven its name. */
bool stream_ask_alias(struct stream *s, uint32_t conn);
/* As if `sender` had sent on it: it hears of its end. False: there is no such connection. */
bool stream_watch(struct stream *s, uint32_t conn, unsigned sender);
/* What is queued still goes out. */
void stream_hang_up(struct stream *s, uint32_t conn);
static inline unsigned stream_shard(uint32_t conn)
{
	return (conn >> 24) - 1;
}
/* Who may connect to a network's address of a family (source_filter.h); NULL: user space decides alone. 0 or
 * the first -errno. */
int stream_filter(struct stream *s, uint16_t network, uint8_t family, const struct sock_fprog *filter);
size_t stream_connections(const struct stream *s);
void stream_counters(const struct stream *s, void (*fn)(void *arg, const char *name, uint64_t v),
		     void *arg);

#endif
