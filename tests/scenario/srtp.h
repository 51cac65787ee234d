/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_SCENARIO_SRTP_H
#define SLUICE_SCENARIO_SRTP_H

#include "scenario.h"

/* See srtp.c for the words in `kind`. */
const char *srtp_profile(const char *kind); /* of an m= line of audio */
void srtp_write(struct world *w, struct buf *b, struct dlg *d, const char *kind);
void srtp_learn(struct world *w, struct dlg *d, struct str sdp);
void srtp_check(struct world *w, struct dlg *d, struct str sdp, const char *kind);
/* What the actor sends or gets: the new length; 0: it cannot be opened. There is room for 20 octets more. */
size_t srtp_seal(struct dlg *d, uint8_t *p, size_t n);
size_t srtp_open(struct dlg *d, uint8_t *p, size_t n);
void srtp_end(struct world *w);

#endif
