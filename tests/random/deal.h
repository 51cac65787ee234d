/* SPDX-License-Identifier: Apache-2.0 */
/* Offers and answers (RFC 3264, 6337) in one dialog as they cross sluice's boundary, in that order: what sluice
 * says is judged, what its peer says is only kept in mind. */
#ifndef SLUICE_RANDOM_DEAL_H
#define SLUICE_RANDOM_DEAL_H

#include "sdp/sdp.h"

#define DEAL_MEDIA   SDP_MEDIA_MAX
#define DEAL_FORMATS 24

struct deal_sdp { /* what is compared of a description */
	uint64_t id, version;
	uint64_t text; /* hash of all but the o= line */
	unsigned n;
	struct {
		char kind[12];
		uint16_t port;
		uint8_t dir, n_pts;
		uint8_t pts[DEAL_FORMATS];
	} media[DEAL_MEDIA];
};

/* All that sluice said on a leg, whatever the dialog. */
struct deal_leg {
	struct deal_sdp last;
	bool any;
};

enum deal_open {
	DEAL_NONE,
	DEAL_OURS, /* sluice's offer waits for an answer */
	DEAL_THEIRS
};

struct deal {
	enum deal_open open;
	uint32_t cseq;  /* of the request that carried it, or whose response did */
	uint32_t rseq;  /* of a reliable 18x that carried it */
	bool by_reply;  /* it stood in a response */
	bool previewed; /* by an answer in an unreliable 18x */
	uint64_t preview;
	struct deal_sdp offer;
	struct deal_sdp agreed; /* what sluice said when it last came to an agreement */
};

/* 0, or -EBADMSG. */
int deal_read(struct str sdp, struct deal_sdp *out);
/* All of these return what is wrong, or NULL. */
const char *deal_said(struct deal_leg *l, const struct deal_sdp *s); /* sluice: each once */
const char *deal_offer(struct deal *o, enum deal_open whose, const struct deal_sdp *s,
		       uint32_t cseq, bool by_reply);
const char *deal_answer(struct deal *o, enum deal_open whose, const struct deal_sdp *s,
			bool preview);

#endif
