/* SPDX-License-Identifier: Apache-2.0 */
/* What all files of the SIP core share: the core object, a message that came in, counters, names, texts, stateless
 * answers. The layers above, each with a header that includes the one below: trans_priv.h (transactions),
 * dialog_priv.h (dialogs, and who both sides are), exchange_priv.h (requests of ours and subscriptions) and
 * invite_priv.h (the INVITE usage). A file includes the highest that it uses. */
#ifndef SLUICE_SIP_CORE_PRIV_H
#define SLUICE_SIP_CORE_PRIV_H

#include "base/arena.h"
#include "base/table.h"
#include "sip/sip.h"

#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

/* ---- counters ---- */

#define SIP_COUNTERS(X)                                                                            \
	X(IN_KEEPALIVE, "in.keepalive")                                                            \
	X(IN_RETRANSMITTED, "in.retransmitted")                                                    \
	X(OUT_RETRANSMITTED, "out.retransmitted")                                                  \
	X(OUT_FAILED, "out.failed")                                                                \
	X(OUT_NEXT_TARGET, "out.next-target")                                                      \
	X(DROP_UNKNOWN_PEER, "drop.unknown-peer")                                                  \
	X(DROP_MALFORMED, "drop.malformed")                                                        \
	X(DROP_LIMITED, "drop.reject-limited")                                                     \
	X(DROP_VIA_COUNT, "drop.response-via-count")                                               \
	X(DROP_VIA_OTHER, "drop.response-via-other")                                               \
	X(DROP_STRAY_RESPONSE, "drop.response-stray")                                              \
	X(DROP_STRAY_ACK, "drop.ack-stray")                                                        \
	X(DROP_ABSORBED, "drop.absorbed")                                                          \
	X(DROP_UNEXPECTED, "drop.unexpected-event")                                                \
	X(DROP_LATE_REPLY, "drop.late-reply")                                                      \
	X(DROP_MEMORY, "drop.no-memory")                                                           \
	X(REJECT_STATELESS, "reject.stateless")                                                    \
	X(REJECT_MERGED, "reject.merged")                                                          \
	X(REJECT_OVERLOAD, "reject.overload")                                                      \
	X(REJECT_GLARE, "reject.glare")                                                            \
	X(LOGIN_SENT, "login.sent")                                                                \
	X(LOGIN_REFUSED, "login.refused")                                                          \
	X(CHALLENGE_SENT, "challenge.sent")                                                        \
	X(CHALLENGE_FAILED, "challenge.failed")                                                    \
	X(CHALLENGE_LIMITED, "challenge.limited")                                                  \
	X(TIMEOUT_CLIENT, "timeout.client")                                                        \
	X(TIMEOUT_ACK, "timeout.ack")                                                              \
	X(TIMEOUT_PRACK, "timeout.prack")                                                          \
	X(TIMEOUT_RING, "timeout.ring")                                                            \
	X(TIMEOUT_SESSION, "timeout.session")                                                      \
	X(SESSION_AGAIN, "session.again")                                                          \
	X(SESSION_REFUSED, "session.refused")                                                      \
	X(FORK_ENDED, "fork.ended")

enum sip_counter {
#define X(id, name) COUNT_##id,
	SIP_COUNTERS(X)
#undef X
	COUNT_COUNT
};

/* ---- the core ---- */

/* "[2001:db8::1]:65535" */
#define SENT_BY_MAX  64
#define REJECT_SLOTS 1024
#define NO_TCP_SLOTS 16
/* branch, sent-by, method */
#define STRANS_KEY_MAX (SIP_TOKEN_MAX + 320)

struct sent_by { /* host:port, as in our Via and Contact */
	uint16_t port;
	uint8_t host_len, len;
	char text[SENT_BY_MAX];
};

#define FAILURE_SLOTS 1024

struct failures { /* to prove who one is, in a minute */
	uint64_t since;
	uint32_t n;
};

struct net {
	struct sent_by by[2][2]; /* [IPv6][TLS]; len 0: none */
};

struct sip {
	struct loop *loop;
	struct log *log;
	struct sip_io io;
	struct sip_user user;
	struct sip_timers timers;
	struct net *networks;
	unsigned n_networks;
	uint8_t shard, n_shards;
	size_t max_transactions, transactions;
	struct sip_oc oc;
	struct table servers; /* struct strans, by branch, sent-by and method */
	struct table merges;  /* struct strans without To tag, by From tag, Call-ID and CSeq */
	struct table clients; /* struct ctrans, by branch */
	struct ctrans
		*on_streams;  /* those whose request went by a stream and has no response yet */
	struct table dialogs; /* struct dialog, by our tag */
	uint64_t counter[COUNT_COUNT];
	uint64_t in_method[SIP_METHOD_COUNT], out_method[SIP_METHOD_COUNT];
	uint64_t in_class[7], out_class[7];
	struct { /* who refused TCP when a request was too long for UDP */
		struct addr addr;
		uint64_t until;
	} no_tcp[NO_TCP_SLOTS];
	unsigned no_tcp_next;
	uint64_t reject_key[2];
	uint64_t rejected[REJECT_SLOTS]; /* when a source of this slot was last answered statelessly
					  */
	struct challenger *challengers;
	struct failures failures[FAILURE_SLOTS];
	char out[SIP_DATAGRAM_MAX];     /* the message being written */
	char aux[2 * SIP_DATAGRAM_MAX]; /* pieces of it: Via lines, route sets */
};

/* A message that passed the parser and the checks of sip_msg_core(). */
struct incoming {
	const struct sip_msg *m;
	const struct sip_core *c;
	struct sip_hop source;
	/* Of a request: the name of its server transaction, by strans_identify(). */
	uint64_t key_hash, merge_hash;
	size_t key_len;
	char key[STRANS_KEY_MAX];
};

static inline void count(struct sip *s, enum sip_counter c)
{
	s->counter[c]++;
}

/* What we call ourselves toward a hop. */
static inline const struct sent_by *sip_sent_by(const struct sip *s, const struct sip_hop *hop)
{
	return &s->networks[hop->network].by[hop->addr.family == 6][hop->transport == SIP_TLS];
}

/* Traces, counts and sends; a failure is logged, counted and returned. */
int sip_transmit(struct sip *s, const struct sip_hop *to, struct str data);
/* The same for a request: a connection that is gone is replaced by another (18.1.1). */
int sip_transmit_request(struct sip *s, struct sip_hop *to, struct str data);
/* 64*T1: Timers B, F, H, J, L, M and the wait for an ACK. */
static inline uint64_t sip_64_t1(const struct sip *s)
{
	return 64ull * s->timers.t1_ms;
}

/* Do we speak overload control (RFC 7339) with this neighbour? */
static inline bool sip_speaks_oc(const struct sip *s, int peer)
{
	return s->oc.speaks && peer >= 0 && s->oc.speaks(s->oc.arg, peer);
}

void count_in(struct sip *s, const struct sip_msg *m);
void count_out(struct sip *s, struct str data);

/* ---- names that carry the shard ---- */

#define IDENT_LEN  22 /* two hex digits of the shard, 100 random bits in base32 */
#define COOKIE     "z9hG4bK"
#define COOKIE_LEN 7
#define BRANCH_LEN (COOKIE_LEN + IDENT_LEN)

void ident_random(struct sip *s, char out[IDENT_LEN]);
/* The same for the same two strings: the To tag of a stateless answer (8.2.7). */
void ident_hashed(struct sip *s, struct str a, struct str b, char out[IDENT_LEN]);
int ident_shard(struct str id); /* -1: not one of ours */

/* ---- texts ---- */

/* What a message says of the session timer (RFC 4028): session.c. */
struct session_said {
	uint32_t expires_s, min_s; /* 0: nothing */
	uint8_t refresher;         /* enum sip_refresher */
	bool supported;
	bool early; /* it came before there was a session, and is about none */
};
void session_read(const struct sip_msg *m, struct session_said *said);

/* What a response copies from its request (8.2.6.2), or depends on. */
struct echo {
	struct str via;    /* whole lines, received and rport filled in */
	struct str routes; /* Record-Route, whole lines */
	struct str from, to, call_id, cseq, timestamp;
	struct str user;             /* of a sip: Request-URI, for our Contact */
	bool tagged;                 /* `to` has a tag */
	struct session_said session; /* of INVITE and UPDATE */
};

struct response {
	struct invite_reply reply;
	struct str tag;            /* put into To unless it has one and status is 100 */
	bool dialog;               /* with Record-Route, Contact and Allow */
	bool allow;                /* even a 1xx */
	const struct sip_hop *hop; /* whom the Contact is for */
	struct str contact_user;
	struct str lines; /* of extensions: the core's own */
};

/* Fills `e` from the message; Via and Record-Route lines are written into s->aux. `c` is NULL where
 * the message did not pass sip_msg_core(): a Via that cannot be read is repeated as it came, and what
 * is missing stays empty. False without a Via or a CSeq. */
bool echo_read(struct sip *s, struct echo *e, const struct sip_msg *m, const struct sip_core *c,
	       const struct sip_hop *source);
/* Where a response goes: RFC 3261 18.2.2, RFC 3581 4; on a stream the connection of the request. */
struct sip_hop response_hop(const struct sip_via *v, const struct sip_hop *source);
/* The port to connect to when that connection is gone. */
uint16_t response_port(const struct sip_via *v, enum sip_transport t);
void response_put(struct sip *s, struct buf *b, const struct echo *e, const struct response *r);

void put_via(struct sip *s, struct buf *b, const struct sip_hop *to, const char branch[BRANCH_LEN]);
void put_contact(struct sip *s, struct buf *b, const struct sip_hop *to, struct str user);
void put_cseq(struct buf *b, uint32_t num, struct str method);
void put_line(struct buf *b, const char *name, struct str value);
void put_allow(struct buf *b);
void put_param(struct buf *b, struct str name, struct str val);

/* ---- stateless answers ---- */

/* Never to an ACK. `headers` as in invite_reply. */
void reject(struct sip *s, const struct incoming *in, unsigned status, struct str headers);
/* 500 with a Retry-After of up to 10 s: 12.2.2, 14.2. */
#define RETRY_AFTER_LEN 24
struct str retry_after(struct sip *s, char mem[RETRY_AFTER_LEN]);
void reject_later(struct sip *s, const struct incoming *in);
/* 501 or 405 with Allow. */
void reject_method(struct sip *s, const struct incoming *in);
/* To what the parser refused: at most one per source and second. */
void reject_malformed(struct sip *s, const struct sip_msg *m, const struct sip_hop *source,
		      int err);

#endif
