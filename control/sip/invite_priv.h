/* SPDX-License-Identifier: Apache-2.0 */
/* The INVITE usage: RFC 3261 13, 14, 15, 9. */
#ifndef SLUICE_SIP_INVITE_PRIV_H
#define SLUICE_SIP_INVITE_PRIV_H

#include "sip/exchange_priv.h"

/* ---- the INVITE usage: invite*.c ---- */

enum invite_state {
	INV_CALLING,   /* client: INVITE sent */
	INV_RINGING,   /* client: 1xx came */
	INV_ANSWERED,  /* client: 2xx came, our user owes the ACK */
	INV_INCOMING,  /* server: our user owes the final response */
	INV_ANSWERING, /* server: its 2xx waits for a PRACK */
	INV_ACCEPTED,  /* server: 2xx sent, the peer owes the ACK */
	INV_LEAVING,   /* the same, but our user has left: BYE after the ACK */
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
	IN_PRACK,
	IN_UPDATE,
	IN_REQUEST,   /* another that our user will answer */
	IN_UPDATED,   /* final response to our UPDATE, or none came */
	IN_UNPRACKED, /* the timer of a reliable response */
	IN_LOST,      /* 481 or 408 to a request of ours in the dialog */
	IN_END,       /* invite_end() */
	IN_INPUTS
};

struct fork {                 /* of our INVITE: a To tag */
	struct dialog dialog; /* DIALOG_EARLY; counts and logs in with the invite's */
	struct fork *next;
	struct invite *inv;
	struct arena *arena;
	struct strans *update; /* of the peer, not answered yet */
	uint32_t rseq;         /* of the last reliable response; 0: none */
	uint16_t peer;         /* enum invite_peer */
	uint8_t number;
	bool owed;  /* the PRACK for it */
	bool aimed; /* a Contact has come */
	bool over;
};

/* The session timer of one leg: session.c. */
struct session {
	uint32_t since;      /* the last refresh: the low bits of loop_now() */
	uint32_t interval_s; /* 0: there is none */
	uint32_t min_s;      /* the largest Min-SE of the peer's side; 0: none */
	uint8_t asked;       /* how often our user was asked for this refresh */
	uint8_t tries;       /* of a request that got 422 */
	bool ours : 1;       /* to refresh */
	bool alone : 1;      /* the peer knows nothing of it */
	bool updating : 1;   /* our UPDATE is about it */
};

struct invite {
	struct dialog dialog;
	struct sip *sip;
	struct arena *arena;
	void *arg;
	struct ctrans *client; /* INVITE or BYE of ours */
	struct strans *server; /* INVITE of the peer */
	struct timer timer;
	uint32_t ring_ms;
	uint32_t invite_cseq; /* of the INVITE that is open */
	union {
		struct fork *forks; /* client: until the final response; invite_forks() */
		struct rel *rel;    /* server: our reliable responses; NULL: none */
	};
	struct strans *update; /* of the peer, not answered yet */
	union {
		struct {                         /* client, before the answer */
			struct sip_hop *targets; /* that are still to be tried */
			uint32_t patience_ms;
		};
		struct {                         /* while the peer owes an ACK */
			struct str *end_headers; /* LEAVING: for the BYE that waits; NULL: none */
			uint32_t answered;       /* when: the low bits of loop_now() */
			uint32_t interval;       /* of the 2xx */
		};
	};
	struct invite_terms terms;
	struct session session;
	uint16_t peer; /* enum invite_peer */
	uint8_t n_targets;
	uint8_t n_forks; /* numbers that were given */
	uint8_t fork;    /* the one that answered */
	uint8_t state;
	uint8_t busy; /* upcalls that are running */
	bool dead;    /* free it when they return */
	bool registered;
	bool caller; /* the Call-ID is ours */
	bool told;   /* server: the peer knows our tag */
};

struct invite_in {
	const struct incoming *in; /* NULL: none */
	struct strans *st;         /* of a request */
	struct fork *fork;         /* NULL: it is about the dialog of the invite */
	unsigned status;
	bool reliable; /* 1xx */
	uint8_t lost;  /* enum invite_lost_why */
	struct str headers;
};

static inline struct fork *invite_forks(const struct invite *inv)
{
	return inv->caller ? inv->forks : NULL;
}

/* The INVITE that began it has its 2xx. Before that nothing refreshes a session. */
static inline bool invite_is_established(const struct invite *inv)
{
	return inv->state != INV_CALLING && inv->state != INV_RINGING &&
	       inv->state != INV_INCOMING && inv->state != INV_ANSWERING;
}

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
/* The same for a session interval that was too small. */
bool invite_again(struct invite *inv, const struct incoming *in);
/* The peer has an answer to this request, or will get none. */
void invite_request_over(struct invite *inv, const struct strans *st);
void invite_client_event(void *owner, struct ctrans *ct, const struct ctrans_event *e);
int invite_reply_text(struct invite *inv, const struct invite_reply *reply);
/* Would it fit? */
int invite_reply_fits(struct invite *inv, const struct invite_reply *reply);

/* invite_peer.c: what both sides say of themselves. `said` is what is known already: what a message does not mention stays.
 */
unsigned peer_said(unsigned said, const struct incoming *in);
enum invite_text {
	TEXT_INVITE,
	TEXT_REINVITE,
	TEXT_UPDATE,
	TEXT_RELIABLE, /* 1xx */
	TEXT_2XX,
	TEXT_2XX_UPDATE
};
#define INVITE_LINES 256
/* The lines about extensions that go into this; a 2xx has more from session_put_response(). */
void invite_put_lines(struct invite *inv, enum invite_text t, struct buf *b);

/* invite_early.c: the early dialogs of our INVITE. */

/* NULL: there is none with this tag, or of this number. */
struct fork *fork_of_tag(const struct invite *inv, struct str tag);
/* The same, if it is not over. */
struct fork *fork_alive(const struct invite *inv, struct str tag);
struct fork *fork_of_number(const struct invite *inv, unsigned number);
/* A provisional response of 101-199. */
void fork_progress(struct invite *inv, const struct invite_in *e);
/* The 2xx has made the dialog of the invite: it takes over what its early one has. Then all are gone. */
void forks_won(struct invite *inv, const struct incoming *in);
void forks_free(struct invite *inv);
/* The number of an event that is about the dialog. */
static inline unsigned fork_number(const struct invite *inv, const struct fork *f)
{
	return f ? f->number : inv->fork;
}

/* invite_rel.c: reliable provisional responses of ours (RFC 3262). */

/* Must this reply wait for a PRACK? */
bool rel_holds(const struct invite *inv, const struct invite_reply *r);
int rel_keep(struct invite *inv, const struct invite_reply *r);
int rel_send(struct invite *inv, const struct invite_reply *r);
/* The 2xx is out: nothing is repeated any more, but the PRACK may still come. */
void rel_answered(struct invite *inv);
void rel_free(struct invite *inv);
uint32_t rel_number(const struct invite *inv); /* RSeq of the last one */
/* A reply that need not wait. */
int invite_reply_now(struct invite *inv, const struct invite_reply *r);

/* invite_update.c: our user's answer to an UPDATE, as strans_reply(). */
int invite_update_reply(struct strans *st, struct response *r);

/* invite_server.c, invite_dialog.c: a new INVITE, and a request in a dialog. */
void invite_receive(struct sip *s, const struct incoming *in);
void invite_in_dialog(struct invite *inv, const struct incoming *in);
/* The 2xx is out: repeats it until its ACK. */
void invite_accepted(struct invite *inv, enum invite_state next);
/* BYE; the invite stays TERMINATED until its transaction is over. */
void invite_bye(struct invite *inv, struct str headers);
int invite_send_ack(struct invite *inv, struct str body, struct str body_type);

/* No INVITE is open in the dialog. */
void invite_confirmed(struct invite *inv);

/* session.c (RFC 4028). */
struct session_deal {        /* of a 2xx */
	uint32_t interval_s; /* 0: none */
	bool ours, alone;
};
/* The lines of INVITE, re-INVITE and UPDATE of ours. */
void session_put_request(struct invite *inv, struct buf *b);
/* The 2xx to one of these. */
void session_got_2xx(struct invite *inv, const struct incoming *in);
/* Their failure (NULL: none came), where it does not end the dialog. */
void session_failed(struct invite *inv, const struct incoming *in);
#define SESSION_AGAIN_MAX 9216 /* credentials at their longest */
/* 422: the same request with more, by a new transaction with the next CSeq; NULL: the response stands. */
struct ctrans *session_again(struct invite *inv, struct ctrans *ct, const struct incoming *in);
/* Does the peer's INVITE or UPDATE want too little? Then `b` gets the line for the 422. inv NULL: the initial
 * INVITE, before our user has told its terms. */
bool session_refuses(struct invite *inv, const struct incoming *in, struct buf *b);
#define SESSION_LINES_MAX 96
/* The lines of our answer to one, and what it agrees to, for session_agreed() when it is sent. */
void session_put_response(struct invite *inv, const struct session_said *said, unsigned status,
			  struct buf *b, struct session_deal *d);
void session_agreed(struct invite *inv, const struct session_deal *d);
/* The timer is the session's from here on. */
void session_resume(struct invite *inv);

/* What the table in invite.c names. */
invite_fn client_1xx, client_2xx, client_2xx_again, client_failure, client_timer;
invite_fn server_timer, server_cancel, accepted_timer, accepted_ack, leaving_ack;
invite_fn peer_invite, peer_invite_glare, peer_invite_early, peer_gone;
invite_fn peer_prack, rel_timer, rel_expired;
invite_fn peer_update, peer_request, update_answered;
invite_fn early_bye;
invite_fn peer_bye, peer_bye_leaving, peer_bye_crossing;
invite_fn dialog_lost, dialog_lost_accepted;
invite_fn re_1xx, re_2xx, re_failure, re_timer;
invite_fn session_timer;
invite_fn end_client, end_incoming, end_accepted, end_dialog;

#endif
