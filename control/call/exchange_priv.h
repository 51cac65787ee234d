/* SPDX-License-Identifier: Apache-2.0 */
/* An offer that is open in an established session: exchange_fsm.c says what follows what, exchange_in.c has what comes in,
 * exchange.c how it goes on and comes back, exchange_ours.c the offers that nobody asked for. */
#ifndef SLUICE_CALL_EXCHANGE_PRIV_H
#define SLUICE_CALL_EXCHANGE_PRIV_H

#include "call_priv.h"

#define EXCHANGE_STATES(X)                                                                         \
	X(OFFERED, "the offer went on")                                                            \
	X(LATE, "a re-INVITE without SDP went on: the offer comes in its 2xx")                     \
	X(WAITING, "the offer goes out a little later: glare, or it is the next one's turn")       \
	X(OWED, "2xx with an offer went to the asker: the answer comes in the ACK")                \
	X(COMMIT, "the answer is here; the engine is being told")                                  \
	X(OVER, "nothing is open")

enum exchange_state {
#define X(name, text) X_##name,
	EXCHANGE_STATES(X)
#undef X
	X_STATE_COUNT
};

#define EXCHANGE_INPUTS(X)                                                                         \
	X(ANSWER, "2xx with the answer")                                                           \
	X(OFFER, "2xx with the offer")                                                             \
	X(REFUSED, "refused")                                                                      \
	X(GLARE, "491")                                                                            \
	X(TIMER, "timer")                                                                          \
	X(SENT, "sent")                                                                            \
	X(SENT_LATE, "sent without SDP")                                                           \
	X(NEXT, "it is an offer for the opposite leg")                                             \
	X(ACK, "ACK with the answer")                                                              \
	X(KNOWN, "nobody need be asked")                                                           \
	X(READY, "engine ready")                                                                   \
	X(FAILED, "cannot go on")

enum exchange_input {
	XI_NONE,
#define X(name, text) XI_##name,
	EXCHANGE_INPUTS(X)
#undef X
	XI_COUNT
};

struct exchange {
	struct call *call;
	struct timer timer;
	uint64_t give_up;            /* on the loop's clock */
	struct sip_request *request; /* of who asked by UPDATE or PRACK */
	exchange_done *done;
	char *offer; /* that is under way, for another try; NULL: a re-INVITE without SDP */
	size_t offer_n;
	char *held; /* what waits for the engine: SDP for the asker, or for the other one's ACK */
	size_t held_n;
	uint8_t state; /* enum exchange_state */
	uint8_t asker; /* leg, or EXCHANGE_US */
	uint8_t to;    /* leg */
	bool made;     /* the offer is ours: its answer is an offer for the opposite leg */
	bool known;    /* the other leg was not asked: the answer is written when all is settled */
	bool late;     /* the asker's re-INVITE had no SDP, nor has the one that went on */
};

/* What an event brings along. */
struct exchange_in {
	const struct invite_event *e; /* NULL: a timer, the engine */
	unsigned status;
};

typedef enum exchange_input exchange_action(struct exchange *x, const struct exchange_in *in);

/* exchange_fsm.c */

/* x is gone where it came to its end. */
void exchange_input(struct exchange *x, enum exchange_input what, const struct exchange_in *in);
struct exchange *exchange_open(struct call *c, unsigned asker,
			       struct sip_request *request); /* NULL: no memory */
void exchange_close(struct exchange *x);
/* Keeps a text in place of *mem. 0 or -ENOMEM. */
int exchange_keep(char **mem, size_t *n, struct str s);

/* exchange.c */

exchange_action exchange_take_answer, exchange_take_offer, exchange_give_back, exchange_wait_more,
	exchange_try_again, exchange_take_late_answer, exchange_commit, exchange_finish,
	exchange_fail;
/* Who hears what this leg says. NULL: nobody, for the time being. */
struct call_leg *exchange_partner(struct call *c, const struct call_leg *leg);
/* 0; -EBUSY: that leg cannot be offered anything now. */
int exchange_send(struct exchange *x, struct str headers);
unsigned exchange_heard(const struct call *c); /* the callee's fork that the session is with */
/* What was offered is not to be: the leg is as before. `request`: of an UPDATE or PRACK, else NULL. */
void exchange_refuse(struct call *c, struct call_leg *leg, struct sip_request *request,
		     unsigned fork, const struct invite_reply *r);
void exchange_refuse_request(struct sip_request *r, unsigned status);
/* An answer, or an offer (of a leg that asked without one). 0 or -errno. */
int exchange_accept(struct call *c, struct call_leg *leg, struct sip_request *request,
		    const struct invite_reply *r);

/* exchange_in.c */

void exchange_glare(struct call *c, struct call_leg *leg, const struct invite_event *e,
		    unsigned status);

#endif
