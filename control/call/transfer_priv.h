/* SPDX-License-Identifier: Apache-2.0 */
/* A transfer that is under way: transfer.c is its state machine, refer.c begins one by a REFER, replaces.c by an INVITE
 * with Replaces. */
#ifndef SLUICE_CALL_TRANSFER_PRIV_H
#define SLUICE_CALL_TRANSFER_PRIV_H

#include "call_priv.h"

#define TRANSFERS_MAX 100 /* in one call: each keeps a few octets until its end */

#define TRANSFER_STATES(X)                                                                         \
	X(CALLING, "INVITE sent to the target")                                                    \
	X(HERE, "the newcomer is there; the session is to be moved")                               \
	X(JOINING, "an exchange moves the session")                                                \
	X(OVER, "done, or given up")

enum transfer_state {
#define X(name, text) T_##name,
	TRANSFER_STATES(X)
#undef X
	T_STATE_COUNT
};

#define TRANSFER_INPUTS(X)                                                                         \
	X(PROGRESS, "18x of the target")                                                           \
	X(ANSWER, "2xx of the target")                                                             \
	X(FREE, "no other exchange is open")                                                       \
	X(BUSY, "another exchange is open")                                                        \
	X(JOINED, "session moved")                                                                 \
	X(FAILED, "target gone, or session not moved")

enum transfer_input {
	TI_NONE,
#define X(name, text) TI_##name,
	TRANSFER_INPUTS(X)
#undef X
	TI_COUNT
};

struct transfer {
	struct call *call;
	struct call_leg leg; /* the newcomer */
	struct call
		*from; /* the call that he was in, which gets him back if this fails; NULL: none */
	const struct conf_route *route; /* a place is taken for him; NULL: none */
	struct str answer;              /* malloc()ed: of the target, to our offer */
	uint32_t refer_cseq;
	uint16_t status; /* for the referrer, when it fails */
	uint8_t state;   /* enum transfer_state */
	uint8_t rang;    /* bit by bit: which of 180-183 the referrer has heard */
	uint8_t gone;    /* the leg whose place he takes */
	uint8_t from_leg;
	bool refer; /* somebody asked for it, and hears of it by NOTIFY */
	bool tell;
	bool told;   /* the newcomer, of this session */
	bool server; /* the newcomer sent us his INVITE, which is not answered yet */
};

struct transfer_in {
	const struct invite_event *e;
	unsigned status;
};

typedef enum transfer_input transfer_action(struct transfer *t, const struct transfer_in *in);

/* transfer.c */

/* t is gone where it came to its end. */
void transfer_input(struct transfer *t, enum transfer_input what, const struct transfer_in *in);
/* A third leg, on that trunk, for the place of `gone`. NULL: no memory, or there is one. */
struct transfer *transfer_begin(struct call *c, unsigned gone, const struct conf_trunk *trunk);
void transfer_forget(struct transfer *t); /* without a word */
/* Tells the referrer, if he wants to hear of it (RFC 3515 2.4.4). */
void transfer_tell(struct transfer *t, unsigned status);

#endif
