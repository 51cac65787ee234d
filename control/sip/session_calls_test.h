/* SPDX-License-Identifier: Apache-2.0 */
/* Calls by hand with session timers. */
#ifndef SLUICE_SIP_SESSION_CALLS_TEST_H
#define SLUICE_SIP_SESSION_CALLS_TEST_H

#include "sip/world_test.h"

#define CONTACT   "Contact: <sip:bob@192.0.2.99>\r\n"
#define TIMER     "Supported: timer\r\n"
#define SE(s)     "Session-Expires: " s "\r\n"
#define LAST      (-1)
#define EXPIRED   "SIP;cause=408;text=\"Session expired\""
#define BYE_AFTER (600000 - 32000) /* ms of a session of 600 s */

/* The peer calls; the response of ours that has the tag is number *i. */
void they_call(struct world *w, const char *lines, int *i);
/* We call, and the 2xx has these lines. */
void we_call(struct world *w, const char *lines);
void assert_session(struct world *w, uint32_t seconds, bool ours);
/* re-INVITE of the peer with our answer, the last that was sent but for an ACK. */
void their_turn(struct world *w, int at, unsigned cseq, unsigned status, const char *lines);
/* Our user refreshes by re-INVITE when it is asked. */
void refreshes(struct world *w, struct invite *inv, const struct invite_event *e);
/* Ends what is left, after which there is no timer. */
void finish(struct world *w);

#endif
