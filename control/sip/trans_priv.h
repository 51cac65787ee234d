/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions: RFC 3261 17, RFC 6026. */
#ifndef SLUICE_SIP_TRANS_PRIV_H
#define SLUICE_SIP_TRANS_PRIV_H

#include "sip/core_priv.h"

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
	struct invite *owner; /* of an INVITE or UPDATE in the dialog; NULL: over for it */
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
/* An earlier reply once more. */
void strans_repeat(struct strans *st, struct str text);
/* Would it fit into a datagram? 0, -EINVAL: it may not be sent any more, -EMSGSIZE. */
int strans_reply_fits(struct strans *st, const struct response *r);
/* It will not be answered: absorbs what is repeated until the peer has given up. */
void strans_drop(struct strans *st);
/* The 2xx has its ACK: it will not be sent again. */
void strans_acked(struct strans *st);
const char *strans_state_name(const struct strans *st);

/* ---- client transactions: ctrans.c ---- */

/* Of one INVITE, early dialogs and 2xx that are believed. */
#define FORKS_MAX 32

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
	bool grown;     /* went to TCP for its length (18.1.1) */
	bool in_dialog; /* a re-INVITE: a 2xx nobody waits for is ACKed without BYE */
	bool cancel;    /* CANCEL wanted */
	bool cancelled; /* and sent */
	struct sip_hop to;
	ctrans_fn *fn;
	void *owner;        /* NULL: nobody waits */
	uint32_t used_cseq; /* the highest of requests in early dialogs */
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
	const char *branch;   /* BRANCH_LEN octets, those in the text */
	struct str text;      /* is copied */
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
	uint32_t cseq;      /* 0: the same */
	struct str headers; /* further lines: credentials. Lines of the same names are left out */
	uint32_t patience_ms;
};
struct ctrans *ctrans_again(struct ctrans *old, const struct ctrans_again *a);

/* ctrans_ack.c: the ACK that was sent for the 2xx with this To tag, NULL: none; sent again. More are not believed than
 * FORKS_MAX: each costs memory and a BYE. */
struct ctrans_ack *ctrans_ack_of(const struct ctrans *ct, struct str tag);
void ctrans_send_ack(struct ctrans *ct, const struct ctrans_ack *a);
bool ctrans_has_many_acks(const struct ctrans *ct);

/* ctrans_stream.c: until its first response, a request on a stream is one of those that a broken stream is told to; that
 * comes from the timer, never from inside. */
void ctrans_wait_on_stream(struct ctrans *ct);
void ctrans_leave_stream(struct ctrans *ct);
void ctrans_break_soon(struct ctrans *ct);

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

#endif
