/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the SIP core share. Layers, each using only those above it: counters, ident,
 * compose (texts), reject (stateless answers), strans and ctrans (transactions), dialog, exchange
 * (requests of ours), subscription, invite. */
#ifndef SLUICE_SIP_SIP_PRIV_H
#define SLUICE_SIP_SIP_PRIV_H

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
	X(TIMEOUT_RING, "timeout.ring")                                                            \
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
	struct ctrans *on_streams; /* those whose request went by a stream and has no response yet */
	struct table dialogs; /* struct dialog, by our tag */
	uint64_t counter[COUNT_COUNT];
	uint64_t in_method[SIP_METHOD_COUNT], out_method[SIP_METHOD_COUNT];
	uint64_t in_class[7], out_class[7];
	struct addr no_tcp[NO_TCP_SLOTS]; /* who refused TCP when a request was too long for UDP */
	uint64_t no_tcp_until[NO_TCP_SLOTS];
	unsigned no_tcp_next;
	uint64_t reject_key[2];
	uint64_t rejected[REJECT_SLOTS]; /* when a source of this slot was last answered statelessly
					  */
	struct challenger *challengers;
	struct failures failures[FAILURE_SLOTS];
	char out[SIP_DATAGRAM_MAX];      /* the message being written */
	char aux[2 * SIP_DATAGRAM_MAX];  /* pieces of it: Via lines, route sets */
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

/* What a response copies from its request (8.2.6.2). */
struct echo {
	struct str via;    /* whole lines, received and rport filled in */
	struct str routes; /* Record-Route, whole lines */
	struct str from, to, call_id, cseq, timestamp;
	struct str user; /* of a sip: Request-URI, for our Contact */
	bool tagged;     /* `to` has a tag */
};

struct response {
	struct invite_reply reply;
	struct str tag;        /* put into To unless it has one and status is 100 */
	bool dialog;           /* with Record-Route, Contact and Allow */
	const struct sip_hop *hop; /* whom the Contact is for */
	struct str contact_user;
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
void reject_malformed(struct sip *s, const struct sip_msg *m, const struct sip_hop *source, int err);

/* ---- server transactions: strans.c ---- */

struct invite;

struct strans {
	struct table_node node;
	struct table_node merge;
	struct sip *sip;
	struct timer timer; /* the earlier of retransmission and deadline */
	uint64_t deadline;  /* Timer H, I, J, L; 0: none */
	uint64_t born;
	uint32_t interval; /* Timer G; 0: no retransmission */
	uint16_t via_port; /* to connect to when the connection is gone (18.2.2) */
	uint16_t key_len;
	uint8_t state;
	uint8_t method;
	bool merging; /* is in sip.merges */
	bool dialog;  /* a 2xx carries Record-Route and Contact */
	bool named;   /* `tag` is the one to answer with */
	char tag[IDENT_LEN];
	struct sip_hop to;
	struct invite *owner; /* of an INVITE; NULL: over for it */
	struct echo *echo;    /* until the final response; NULL too when it was answered at once */
	char *reply;          /* the last response */
	size_t reply_len;
	char key[];
};

/* For a request that matches none. `keep`: it will be answered later, so what a response copies is
 * kept. NULL: no memory, or over the bound: answer statelessly. */
struct strans *strans_new(struct sip *s, const struct incoming *in, bool keep);
void strans_free(struct strans *st);
/* Fills the key of a request; that of an ACK is its INVITE's. */
void strans_identify(struct sip *s, struct incoming *in);
/* The transaction that it belongs to. */
struct strans *strans_of(struct sip *s, const struct incoming *in);
/* The transaction of this branch and sent-by with that method. */
struct strans *strans_find(struct sip *s, const struct sip_core *c, enum sip_method method);
bool strans_merged(struct sip *s, const struct incoming *in);
/* The request came again, or the ACK for a response of 300 and more. False: it is an ACK that
 * belongs to a 2xx and so to the dialog. */
bool strans_again(struct strans *st, bool ack);
/* Writes and sends. -EINVAL: final already; -EMSGSIZE. */
int strans_reply(struct strans *st, const struct response *r);
/* Writes with the request at hand instead of what was kept, and sends. */
int strans_reply_now(struct strans *st, const struct incoming *in, const struct response *r);
void strans_resend(struct strans *st);
/* It will not be answered: absorbs what is repeated until the peer has given up. */
void strans_drop(struct strans *st);
/* The 2xx has its ACK: it will not be sent again. */
void strans_acked(struct strans *st);
const char *strans_state_name(const struct strans *st);

/* ---- client transactions: ctrans.c ---- */

struct ctrans;

struct ctrans_event {
	const struct incoming *in; /* NULL: none came */
	unsigned status; /* 408: Timer B or F, 503: transport; 0: the transaction is gone */
};

typedef void ctrans_fn(void *owner, struct ctrans *ct, const struct ctrans_event *e);

struct ctrans_ack { /* ACK for one fork's 2xx, repeated for each repetition of it */
	struct ctrans_ack *next;
	struct sip_hop to;
	size_t tag_len, len;
	char text[]; /* tag, then the datagram */
};

struct ctrans {
	struct table_node node;
	struct ctrans *next, **pprev; /* in sip.on_streams; pprev NULL: not there */
	struct sip *sip;
	struct timer timer; /* the earlier of retransmission and deadline */
	uint64_t deadline;  /* Timer B, D, F, K, M; 0: none */
	uint32_t interval;  /* Timer A, E; 0: no retransmission */
	uint32_t patience;
	uint8_t state;
	uint8_t method;
	bool grown; /* went to TCP for its length (18.1.1) */
	bool in_dialog; /* a re-INVITE: a 2xx nobody waits for is ACKed without BYE */
	bool cancel;    /* CANCEL wanted */
	bool cancelled; /* and sent */
	struct sip_hop to;
	ctrans_fn *fn;
	void *owner; /* NULL: nobody waits */
	struct ctrans_ack *acks;
	char *text; /* the request until its final response; then the ACK */
	size_t len;
	char *cancel_headers;
	size_t cancel_len;
	char branch[BRANCH_LEN];
};

struct ctrans_params {
	enum sip_method method;
	struct sip_hop to;
	const char *branch; /* BRANCH_LEN octets, those in the text */
	struct str text;    /* is copied */
	uint32_t patience_ms; /* Timer B, F; 0: 64*T1 */
	bool in_dialog;
	ctrans_fn *fn; /* may be NULL */
	void *owner;
};

/* Sends. NULL: no memory. */
struct ctrans *ctrans_new(struct sip *s, const struct ctrans_params *p);
void ctrans_free(struct ctrans *ct);
/* A response whose topmost Via is ours; false: no transaction. */
bool ctrans_receive(struct sip *s, const struct incoming *in);
/* Somebody is there: waits `ms` more for the end, instead of what patience is left. */
void ctrans_await(struct ctrans *ct, uint64_t ms);
/* Did the request of this branch, which is not answered yet, go to where `in` wants to go? */
bool ctrans_is_for(struct sip *s, struct str branch, const struct incoming *in);
/* The owner has no more interest. */
void ctrans_leave(struct ctrans *ct);
/* CANCEL now or after the first 1xx (9.1); a 2xx nobody waits for is ACKed, then BYE. */
void ctrans_cancel(struct ctrans *ct, struct str headers);
/* Sends an ACK for the 2xx with that To tag and keeps it. -ENOMEM: sent, not kept. */
int ctrans_ack(struct ctrans *ct, struct str tag, const struct sip_hop *to, struct str text);
/* This stream is gone: its requests that have no answer fail, a little later. */
void ctrans_broken(struct sip *s, const struct sip_hop *hop);
const char *ctrans_state_name(const struct ctrans *ct);

/* The same request once more, by a transaction of its own: a new branch, and what `a` says. Takes the owner over
 * from `old`, which has to have had no 2xx. NULL + errno: then nothing has changed. */
struct ctrans_again {
	/* Another target (RFC 3263 4.3), who gets no credentials; NULL: the same. */
	const struct sip_hop *to;
	uint32_t cseq;            /* 0: the same */
	struct str headers;       /* further lines: credentials. Lines of the same names are left out */
	uint32_t patience_ms;
};
struct ctrans *ctrans_again(struct ctrans *old, const struct ctrans_again *a);

/* too_long.c: is this too much for UDP, and can it go by TCP? The text of a request that changes over. Who refused
 * TCP is not asked again for a while. */
bool ctrans_too_long(struct sip *s, const struct sip_hop *to, size_t len);
void ctrans_change_transport(struct ctrans *ct, enum sip_transport t);
void ctrans_refuses_tcp(struct sip *s, const struct addr *a);

/* derive.c: from the request that a transaction keeps. 0 or -errno. */
int derive_cancel(const struct ctrans *ct, struct buf *b);
int derive_ack(const struct ctrans *ct, const struct sip_msg *response, struct buf *b);
int derive_again(const struct ctrans *ct, const struct ctrans_again *a, const struct sip_hop *to,
		 const char *branch, struct buf *b);

/* ---- who we are: login.c ---- */

struct login; /* the answer to a challenge, for later requests too */
void login_free(struct login *l); /* NULL is allowed */
/* If this is a challenge to the request of `ct` that we may answer: sends the request once more and returns
 * its new transaction, which has the owner now. *login is made where it is NULL; cseq 0: the next one. NULL: the
 * response stands as it is. */
struct ctrans *login_again(struct ctrans *ct, struct login **login, const struct incoming *in,
			   uint32_t cseq);
struct login_request {
	struct str method, uri, body;
};
/* The line of another request to the same neighbour; nothing where there is none to write. */
void login_put(struct sip *s, struct login *l, const struct sip_hop *to,
	       const struct login_request *r, struct buf *b);
/* The line of the last INVITE. */
struct str login_of_invite(const struct login *l, const struct sip_hop *to);
/* For a BYE that belongs to nobody; its owner is the core. */
ctrans_fn login_stray;

/* ---- who they are: challenge.c ---- */

/* A request outside dialogs, none of ACK and CANCEL. True: it was answered, 401 or 403. */
bool challenge(struct sip *s, const struct incoming *in);
void challenge_free(struct sip *s);

/* ---- dialogs: dialog.c ---- */

#define CSEQ_UNKNOWN UINT32_MAX

enum dialog_kind {
	DIALOG_INVITE,      /* in a struct invite */
	DIALOG_SUBSCRIPTION /* in a struct subscription */
};

struct dialog {
	struct table_node node; /* by our tag */
	struct sip_exchange *exchanges; /* requests of ours in it that have no answer yet */
	uint8_t kind;                   /* enum dialog_kind */
	bool open;                      /* whoever says something first is the peer */
	uint16_t tag_at, tag_len;       /* of `remote` */
	struct str call_id;
	/* Values of From and To in our requests, with tags: that of `local` is its end, that of `remote` somewhere
	 * in it. */
	struct str local, remote;
	struct str target; /* remote target, fit for a Request-URI */
	struct str routes; /* comma list in the order of Route; empty: none */
	struct str contact_user;
	uint32_t local_cseq;
	uint32_t remote_cseq; /* CSEQ_UNKNOWN: no request came yet */
	uint32_t target_cap;  /* room at target.p */
	struct sip_hop peer; /* where its messages come from */
	struct sip_hop hop;  /* where our requests go */
	struct login *login; /* what it was challenged with; NULL: never was */
};

static inline struct str dialog_local_tag(const struct dialog *d)
{
	return (struct str){ d->local.p + d->local.n - IDENT_LEN, IDENT_LEN };
}

static inline struct str dialog_remote_tag(const struct dialog *d)
{
	return d->tag_len ? (struct str){ d->remote.p + d->tag_at, d->tag_len } : STR_NONE;
}

struct dialog_request {
	struct str method;
	uint32_t cseq;
	const char *branch;
	bool contact, allow;
	bool relayed; /* max_forwards says how far it may go; else 70 */
	uint8_t max_forwards;
	struct str headers, body, body_type;
};

/* From a request that came in or a response to our INVITE: what the peer says of itself. Slices are
 * of the message, routes of s->aux. 0, or the status with which to refuse a request. */
struct dialog_peer {
	struct str remote, remote_tag, target, routes;
};
unsigned dialog_peer_read(struct sip *s, const struct incoming *in, struct dialog_peer *p);
void dialog_new_branch(struct sip *s, char branch[BRANCH_LEN]);
/* Our half of one that begins with a request of ours, with new names; the peer's half from what answers
 * (or, for a subscription, from its NOTIFY); both halves of one that begins with the peer's request. 0 or
 * -ENOMEM. */
struct dialog_names {
	struct str from, contact_user;
	const struct sip_hop *hop;
};
size_t dialog_begin_room(const struct dialog_names *n); /* what that takes of the arena */
int dialog_begin(struct sip *s, struct dialog *d, struct arena *a, const struct dialog_names *n);
int dialog_complete(struct sip *s, struct dialog *d, struct arena *a, const struct incoming *in);
size_t dialog_take_room(const struct incoming *in, const struct dialog_peer *p);
int dialog_take(struct sip *s, struct dialog *d, struct arena *a, const struct incoming *in,
		const struct dialog_peer *p);
/* Makes it findable by its tag. */
void dialog_register(struct sip *s, struct dialog *d);
/* Route and Request-URI by 12.2.1.1. */
void dialog_put_request(struct sip *s, const struct dialog *d, const struct dialog_request *r,
			struct buf *b);
/* Next hop of our requests, from the route set or the target. */
void dialog_set_hop(struct sip *s, struct dialog *d);
/* New remote target from a re-INVITE or its 2xx; nothing where there is no usable Contact. */
void dialog_refresh(struct sip *s, struct dialog *d, struct arena *a, const struct incoming *in);
struct dialog *dialog_find(struct sip *s, const struct sip_core *c);
/* Is this request too late to be the next one (12.2.2)? Notes its number if not. */
bool dialog_out_of_order(struct dialog *d, const struct incoming *in);
/* A 2xx that nobody waits for: ACK, and BYE unless the transaction is of a re-INVITE. */
void dialog_stray(struct ctrans *ct, const struct incoming *in);
/* BYE by a transaction of its own. */
struct ctrans *dialog_bye(struct sip *s, struct dialog *d, struct str headers, ctrans_fn *fn,
			  void *owner);
/* ACK for a 2xx; kept by its transaction, where there is one still. */
int dialog_ack(struct sip *s, const struct dialog *d, struct ctrans *ct, uint32_t cseq,
	       const struct dialog_request *body);

/* ---- requests of ours but INVITE and its kin: exchange.c ---- */

struct sip_exchange {
	struct sip *sip;
	struct ctrans *ct;
	struct dialog *dialog; /* NULL: outside, or the dialog is gone */
	struct sip_exchange *next, **pprev; /* of the dialog */
	exchange_fn *fn; /* NULL: nobody waits */
	void *arg;
	struct login *login; /* of one without a dialog */
	uint64_t deadline;   /* of the whole, over all targets */
	uint32_t cseq;
	uint32_t patience_ms;
	uint8_t method; /* enum sip_method */
	uint8_t n_targets, target;
	bool begins;    /* the dialog */
	bool heard;     /* a response came from this target */
	struct sip_hop targets[];
};

/* In a dialog, whose CSeq is counted. NULL + errno. */
struct sip_exchange *exchange_in_dialog(struct sip *s, struct dialog *d,
					const struct exchange_params *p);
/* The request that begins a dialog of ours. NULL + errno. */
struct sip_exchange *exchange_begin(struct sip *s, struct dialog *d,
				    const struct exchange_params *p);
/* The dialog is gone: its exchanges go on without it. */
void exchange_orphan(struct dialog *d);
/* Tells the user that this target answered (status 0) or failed. */
void target_told(struct sip *s, const struct sip_hop *to, unsigned status,
		 const struct sip_msg *m);

/* ---- subscriptions: subscription.c ---- */

struct subscription {
	struct dialog dialog;
	struct sip *sip;
	struct arena *arena;
	void *arg;
	uint8_t busy; /* upcalls that are running */
	bool dead;    /* free it when they return */
};

void subscription_in_dialog(struct subscription *sub, const struct incoming *in);
/* The answer to the request that begins it, or to one in it. */
void subscription_answered(struct subscription *sub, const struct incoming *in, bool begins);

/* ---- the INVITE usage: invite*.c ---- */

enum invite_state {
	INV_CALLING,  /* client: INVITE sent */
	INV_RINGING,  /* client: 1xx came */
	INV_ANSWERED, /* client: 2xx came, our user owes the ACK */
	INV_INCOMING, /* server: our user owes the final response */
	INV_ACCEPTED, /* server: 2xx sent, the peer owes the ACK */
	INV_LEAVING,  /* the same, but our user has left: BYE after the ACK */
	INV_CONFIRMED,
	INV_REINVITING, /* our re-INVITE is open */
	INV_REANSWERED, /* it has a 2xx, our user owes the ACK */
	INV_OFFERED,    /* the peer's re-INVITE is open */
	INV_REACCEPTED, /* it got a 2xx, the peer owes the ACK */
	INV_TERMINATED, /* BYE is under way; our user has left */
	INV_STATES
};

enum invite_input {
	IN_1XX,
	IN_2XX,
	IN_FAILURE, /* of 300 and more, or none came */
	IN_TIMER,
	IN_ACK,
	IN_INVITE,
	IN_BYE,
	IN_CANCEL,
	IN_LOST, /* 481 or 408 to a request of ours in the dialog */
	IN_END,  /* invite_end() */
	IN_INPUTS
};

struct fork { /* of our INVITE: a To tag, by its hash */
	struct fork *next;
	uint64_t tag;
};

#define FORKS_MAX 32

struct invite {
	struct dialog dialog;
	struct sip *sip;
	struct arena *arena;
	void *arg;
	struct ctrans *client; /* INVITE or BYE of ours */
	struct strans *server; /* INVITE of the peer */
	struct timer timer;
	uint64_t deadline; /* of the wait for an ACK */
	uint32_t interval; /* of the 2xx */
	uint32_t ring_ms;
	uint32_t invite_cseq; /* of the INVITE that is open */
	struct fork *forks;
	struct sip_hop *targets; /* that are still to be tried */
	uint32_t patience_ms;
	uint8_t n_targets;
	struct str end_headers; /* for the BYE that waits */
	uint8_t state;
	uint8_t busy; /* upcalls that are running */
	bool dead;    /* free it when they return */
	bool registered;
	bool caller; /* the Call-ID is ours */
};

struct invite_in {
	const struct incoming *in; /* NULL: none */
	struct strans *st;         /* of a request */
	unsigned status;
	struct str headers;
};

typedef void invite_fn(struct invite *inv, const struct invite_in *e);

/* invite.c: what all states share. */

/* `room`: octets of text that it will keep. */
struct invite *invite_new(struct sip *s, size_t room);
/* Makes it findable by its tag. */
void invite_register(struct invite *inv);
/* Forgets its transactions, which live on by themselves. Waits for running upcalls. */
void invite_free(struct invite *inv);
void invite_input(struct invite *inv, enum invite_input i, const struct invite_in *e);
/* Calls the user; the invite may be dead when it returns, but is not freed. */
void invite_emit(struct invite *inv, enum invite_event_type type, const struct invite_in *e,
		 unsigned fork);
/* Its last event; then it is freed. */
void invite_over(struct invite *inv, enum invite_event_type type, const struct invite_in *e);
/* The same after a BYE of ours. */
void invite_lost(struct invite *inv, const struct invite_in *e);
void invite_leave_client(struct invite *inv);
void invite_leave_server(struct invite *inv);
/* Answers a request in the dialog at once. */
void invite_answer(struct invite *inv, const struct invite_in *e, unsigned status,
		   struct str headers);
/* client: the next target, if there is one and this failure asks for it. */
bool invite_next_target(struct invite *inv, const struct invite_in *e);
/* The request in inv->client was challenged, and went once more with credentials. */
bool invite_login(struct invite *inv, const struct incoming *in);
void invite_client_event(void *owner, struct ctrans *ct, const struct ctrans_event *e);
int invite_reply_text(struct invite *inv, const struct invite_reply *reply);

/* invite_server.c, invite_dialog.c: a new INVITE, and a request in a dialog. */
void invite_receive(struct sip *s, const struct incoming *in);
void invite_in_dialog(struct invite *inv, const struct incoming *in);
/* The 2xx is out: repeats it until its ACK. */
void invite_accepted(struct invite *inv, enum invite_state next);
/* BYE; the invite stays TERMINATED until its transaction is over. */
void invite_bye(struct invite *inv, struct str headers);
int invite_send_ack(struct invite *inv, struct str body, struct str body_type);

/* What the table in invite.c names. */
invite_fn client_1xx, client_2xx, client_2xx_again, client_failure, client_timer;
invite_fn server_timer, server_cancel, accepted_timer, accepted_ack, leaving_ack;
invite_fn peer_invite, peer_invite_glare, peer_invite_early, peer_invite_gone;
invite_fn peer_bye, peer_bye_leaving, peer_bye_crossing;
invite_fn dialog_lost, dialog_lost_accepted;
invite_fn re_1xx, re_2xx, re_failure, re_timer;
invite_fn end_client, end_incoming, end_accepted, end_dialog;

#endif
