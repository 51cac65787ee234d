/* SPDX-License-Identifier: Apache-2.0 */
/* Dialogs (RFC 3261 12), and the credentials of both sides (22). */
#ifndef SLUICE_SIP_DIALOG_PRIV_H
#define SLUICE_SIP_DIALOG_PRIV_H

#include "sip/trans_priv.h"

/* ---- who we are: login.c ---- */

struct login;                     /* the answer to a challenge, for later requests too */
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
	DIALOG_EARLY,       /* in a struct fork */
	DIALOG_SUBSCRIPTION /* in a struct subscription */
};

struct dialog {
	struct table_node node;         /* by our tag */
	struct sip_exchange *exchanges; /* requests of ours in it that have no answer yet */
	uint16_t kind : 2;              /* enum dialog_kind */
	uint16_t open : 1; /* whoever says something is the peer: it has no remote tag yet */
	uint16_t tag_len : 13, tag_at; /* of `remote` */
	uint16_t local_cap;            /* room at local.p once it was changed; 0: never was */
	uint16_t target_cap;           /* room at target.p */
	struct str call_id;
	/* Values of From and To in our requests, with tags: that of `local` is its end, that of `remote` somewhere
	 * in it. */
	struct str local, remote;
	struct str target; /* remote target, fit for a Request-URI */
	struct str routes; /* comma list in the order of Route; empty: none */
	struct str contact_user;
	uint32_t local_cseq;
	uint32_t remote_cseq; /* CSEQ_UNKNOWN: no request came yet */
	struct sip_hop peer;  /* where its messages come from */
	struct sip_hop hop;   /* where our requests go */
	struct login *login;  /* what it was challenged with; NULL: never was */
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
	struct str lines; /* of the usage, in front of the headers */
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

#endif
