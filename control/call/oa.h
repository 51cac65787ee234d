/* SPDX-License-Identifier: Apache-2.0 */
/* Offer and answer on one leg (RFC 3264, RFC 6337): which of the messages that may carry SDP carries an offer, an
 * answer, or nothing that counts. One machine for each dialog, and one for each early dialog of a fork. It knows
 * nothing of what stands in the SDP. An UPDATE may cross the rest of an INVITE, and its answer stands nowhere else,
 * so that it has states of its own. Pure, no memory of its own. */
#ifndef SLUICE_CALL_OA_H
#define SLUICE_CALL_OA_H

#include <stdbool.h>
#include <stdint.h>

#include "call/dot.h"

#define OA_STATES(X)                                                                               \
	X(NONE, "nothing was said yet")                                                            \
	X(OWE, "their INVITE had no SDP: ours offers")                                             \
	X(EXPECT, "our INVITE had no SDP: theirs offers")                                          \
	X(GOT, "their offer is open")                                                              \
	X(SENT, "our offer is open")                                                               \
	X(DONE, "agreed")                                                                          \
	X(ASKED, "their offer in an UPDATE or PRACK is open")                                      \
	X(UPDATING, "our offer in an UPDATE is open")

enum oa_state {
#define X(name, text) OA_##name,
	OA_STATES(X)
#undef X
	OA_STATE_COUNT
};

/* What came (GOT) and what went out (SENT); REL: a reliable 18x, 18X: another. */
#define OA_INPUTS(X)                                                                               \
	X(GOT_INVITE, "< INVITE")                                                                  \
	X(GOT_INVITE_SDP, "< INVITE SDP")                                                          \
	X(GOT_18X_SDP, "< 18x SDP")                                                                \
	X(GOT_REL_SDP, "< reliable 18x SDP")                                                       \
	X(GOT_2XX, "< 2xx")                                                                        \
	X(GOT_2XX_SDP, "< 2xx SDP")                                                                \
	X(GOT_ACK, "< ACK")                                                                        \
	X(GOT_ACK_SDP, "< ACK SDP")                                                                \
	X(GOT_PRACK, "< PRACK")                                                                    \
	X(GOT_PRACK_SDP, "< PRACK SDP")                                                            \
	X(GOT_UPDATE_SDP, "< UPDATE SDP")                                                          \
	X(GOT_UPDATED, "< 2xx to UPDATE")                                                          \
	X(GOT_UPDATED_SDP, "< 2xx to UPDATE SDP")                                                  \
	X(SENT_INVITE, "> INVITE")                                                                 \
	X(SENT_INVITE_SDP, "> INVITE SDP")                                                         \
	X(SENT_18X_SDP, "> 18x SDP")                                                               \
	X(SENT_REL_SDP, "> reliable 18x SDP")                                                      \
	X(SENT_2XX, "> 2xx")                                                                       \
	X(SENT_2XX_SDP, "> 2xx SDP")                                                               \
	X(SENT_ACK_SDP, "> ACK SDP")                                                               \
	X(SENT_PRACK_SDP, "> PRACK SDP")                                                           \
	X(SENT_UPDATE_SDP, "> UPDATE SDP")                                                         \
	X(SENT_UPDATED_SDP, "> 2xx to UPDATE, PRACK SDP")                                          \
	X(FAILED, "what carried the offer was refused")

enum oa_input {
#define X(name, text) OA_##name,
	OA_INPUTS(X)
#undef X
	OA_INPUT_COUNT
};

enum oa_verdict {
	OA_WRONG,   /* it has no place here: whoever sent it is at fault; nothing has changed */
	OA_NOTHING, /* what SDP it has does not count */
	OA_OFFER,
	OA_ANSWER,
	OA_PREVIEW, /* an answer that may change until the final one */
	OA_REPEAT,  /* the answer is known already */
	OA_MISSING, /* an offer or answer should stand here */
	OA_GLARE,   /* an offer, while ours is open: 491 */
	OA_BUSY /* an offer, while another of theirs is open: 500 with Retry-After (RFC 3311 5.2) */
};

struct oa {
	uint8_t state; /* enum oa_state */
	bool agreed;   /* once */
};

enum oa_verdict oa_input(struct oa *o, enum oa_input in);
const char *oa_state_name(const struct oa *o);
const char *oa_state_text(const struct oa *o);
void oa_draw(struct dot *d);

#endif
