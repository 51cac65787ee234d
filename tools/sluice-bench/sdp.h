/* SPDX-License-Identifier: Apache-2.0 */
/* As much SDP as one audio stream takes. */
#ifndef SLUICE_BENCH_SDP_H
#define SLUICE_BENCH_SDP_H

#include "base/addr.h"
#include "srtp.h"

struct sdp {
	struct addr media;
	struct srtp_master key; /* what the sender of this SDP encrypts with */
	uint32_t tag;           /* of a=crypto */
};

/* Key and salt of a suite in base64, with or without the "=" at its end. 0 or -EBADMSG. */
int sdp_read_key(struct str text, uint8_t suite, struct srtp_master *out);
void sdp_write(struct buf *b, const struct sdp *s, unsigned ptime);
/* The first a=crypto of the suite `want` (FLOW_SUITE_NONE: none is looked for). 0 or -EBADMSG. */
int sdp_read(struct str text, uint8_t want, struct sdp *out);

#endif
