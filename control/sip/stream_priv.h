/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of stream.h share:
 * stream.c         the public functions, tables of connections, the task at the end of a round
 * stream_conn.c    the life of one connection
 * stream_io.c      octets in and out, plain or through TLS
 * stream_timer.c   how long anybody may take
 * stream_listen.c  listeners, what is accepted
 * stream_source.c  how many connections a source may have
 * stream_dial.c    connections of ours
 *
 * A connection that ends is DEAD at once and freed by the task at the end of the round, which also tells
 * those who sent on it: so no callback finds its connection freed under it, and `broken` never comes
 * from inside a call. */
#ifndef SLUICE_SIP_STREAM_PRIV_H
#define SLUICE_SIP_STREAM_PRIV_H

#include "base/table.h"
#include "sip/frame.h"
#include "sip/stream.h"

#define container_of(p, type, field) ((type *)(void *)((char *)(p)-offsetof(type, field)))

#define STREAM_WIRE                  16384 /* octets of TLS read at once */

#define STREAM_COUNTERS(X)                                                                         \
	X(ACCEPTED, "stream.accepted")                                                             \
	X(DIALLED, "stream.dialled")                                                               \
	X(MESSAGES, "stream.received")                                                             \
	X(SENT, "stream.sent")                                                                     \
	X(PINGS, "stream.pings")                                                                   \
	X(UNKNOWN, "stream.refused.unknown-source")                                                \
	X(PER_SOURCE, "stream.refused.too-many-of-source")                                         \
	X(RATE, "stream.refused.too-fast")                                                         \
	X(FULL, "stream.refused.full")                                                             \
	X(NO_DESCRIPTOR, "stream.refused.no-descriptor")                                           \
	X(NO_CONNECT, "stream.closed.not-reached")                                                 \
	X(NO_HANDSHAKE, "stream.closed.handshake-time")                                            \
	X(TLS_FAILED, "stream.closed.tls")                                                         \
	X(TLS_NAME, "stream.closed.certificate-name")                                              \
	X(NO_MESSAGE, "stream.closed.first-message-time")                                          \
	X(DRIBBLE, "stream.closed.message-time")                                                   \
	X(STALLED, "stream.closed.not-reading")                                                    \
	X(SEND_BUFFER, "stream.closed.send-buffer")                                                \
	X(FRAMING, "stream.closed.framing")                                                        \
	X(IDLE, "stream.closed.idle")                                                              \
	X(PEER, "stream.closed.by-peer")                                                           \
	X(RESET, "stream.closed.error")                                                            \
	X(OURSELVES, "stream.closed.by-us")                                                        \
	X(MEMORY, "stream.closed.memory")

enum stream_count {
#define X(id, name) STREAM_##id,
	STREAM_COUNTERS(X)
#undef X
	STREAM_COUNTS
};

enum conn_state {
	CONN_DIALING,
	CONN_SHAKING, /* TLS */
	CONN_UP,
	CONN_SHUT, /* nothing more is taken in; what is queued, and answers that are owed, still go out */
	CONN_DEAD  /* closed; freed at the end of the round */
};

/* The connections of one IPv4 address or IPv6 /64. */
struct source {
	struct table_node node;
	struct source *next_idle;
	struct addr key;
	uint64_t due_us; /* when the next one may come, but for a burst of a second's worth */
	uint32_t n;
	bool idle; /* in the list of those without connections */
};

struct conn {
	struct stream *stream;
	struct loop_fd fd;
	struct timer timer;
	struct table_node by_id, by_hop;
	struct sip_hop hop; /* the peer; hop.conn is our id */
	uint8_t state;      /* enum conn_state */
	bool accepted;
	bool proven;      /* its certificate bears the name that was asked for */
	bool spoke;       /* a whole message has come */
	bool used;        /* we have sent a message */
	bool eof;         /* the peer has said its last */
	bool fin;         /* so have we */
	bool blocked;     /* the kernel takes no more: waits for EPOLLOUT */
	bool named;       /* stands in by_hop */
	bool dirty, gone; /* stands in the stream's lists */
	uint32_t owed;    /* requests that came and had no final response yet */
	uint64_t senders; /* shards whose messages it has carried */
	struct conn *next_dirty, *next_gone;
	struct frame *frame;
	struct tls *tls;
	struct source *source;
	char *out; /* plain octets to be sent; with TLS only until it is up */
	size_t out_at, out_n, out_cap;
	uint64_t since;   /* the state, or UP: eof */
	uint64_t active;  /* something whole came, or was sent */
	uint64_t pending; /* a message began that is not whole; 0: none */
	uint64_t stalled; /* while blocked: the kernel took something last */
};

/* Shut, and answers may still go out. */
static inline bool conn_owes(const struct conn *c)
{
	return c->state == CONN_SHUT && !c->fin && c->owed;
}

struct listener {
	struct stream *stream;
	struct loop_fd fd;
	struct stream_listen at;
};

struct stream {
	struct stream_options o;
	struct listener *listeners;
	unsigned n_listeners;
	struct table by_id, by_hop, sources;
	struct source *idle_first, **idle_last;
	struct conn *dirty, *gone;
	struct loop_task task;
	struct timer pause; /* no descriptors: accept nothing for a while */
	int spare;          /* a descriptor to refuse with when there are no others; -1: none */
	uint32_t serial;
	size_t n;
	uint32_t *of_peer; /* accepted connections of each neighbour */
	unsigned n_of_peer;
	uint64_t counter[STREAM_COUNTS];
	char wire[STREAM_WIRE];
};

static inline void stream_count(struct stream *s, enum stream_count id)
{
	s->counter[id]++;
}

/* stream.c */
uint32_t stream_new_id(struct stream *s);
void stream_add(struct conn *c);    /* to the tables */
void stream_forget(struct conn *c); /* for new messages by address */
void stream_remove(struct conn *c); /* from all tables */
void stream_dirty(struct conn *c);  /* has something to send */
void stream_gone(struct conn *c);   /* those who sent on it must know */

/* stream_conn.c */
/* Takes the descriptor, on failure too. NULL + errno. */
struct conn *conn_new(struct stream *s, int fd, const struct sip_hop *hop, enum conn_state state);
void conn_free(struct conn *c);
void conn_start(struct conn *c, enum conn_state state); /* its timers run */
/* Ends it now, whatever is queued. */
void conn_kill(struct conn *c, enum stream_count why);
/* Sends what is queued, says FIN and waits a little for the peer's, so that no reset destroys what was
 * sent. */
void conn_shut(struct conn *c, enum stream_count why);
/* The same, once the requests that came before have their answers, or too long after. */
void conn_shut_answered(struct conn *c, enum stream_count why);
bool conn_wants_answer(const char *msg, size_t len);
int conn_set_tls(struct conn *c, struct tls_context *context, const char *name);

/* stream_io.c */
void conn_ready(void *arg, uint32_t events);
void conn_up(struct conn *c); /* TCP is connected */
int conn_queue(struct conn *c, struct str data);
void conn_flush(struct conn *c);
int conn_events(struct conn *c); /* tells epoll what this state of the connection waits for */

/* stream_timer.c */
void conn_arm(struct conn *c);
void conn_timer(void *arg);

/* stream_listen.c */
int stream_listen_all(struct stream *s, const struct stream_listen *at,
		      unsigned n); /* 0 or -errno, logged */
uint64_t stream_filtered(const struct stream *s); /* SYNs that the kernel has dropped */
void stream_deafen(struct stream *s);
int stream_mark(int fd, uint8_t family, uint8_t dscp);

/* stream_source.c */
/* May this neighbour connect once more? Then its source, with this connection counted. */
struct source *source_admit(struct stream *s, const struct sip_hop *from);
void source_leave(struct stream *s, struct source *source, const struct sip_hop *from);
void source_free_all(struct stream *s);

/* stream_dial.c */
int stream_dial(struct stream *s, const struct sip_hop *to, struct conn **out); /* 0 or -errno */
void conn_dialled(struct conn *c);

#endif
