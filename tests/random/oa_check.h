/* SPDX-License-Identifier: Apache-2.0 */
/* Offers and answers (RFC 3264, 6337) in one dialog as they cross sluice's boundary, in that order: what sluice
 * says is judged, what its peer says is only kept in mind. */
#ifndef SLUICE_RANDOM_OA_CHECK_H
#define SLUICE_RANDOM_OA_CHECK_H

#include "sdp/sdp.h"

#define OA_MEDIA   SDP_MEDIA_MAX
#define OA_FORMATS 24

struct oa_sdp { /* what is compared of a description */
	uint64_t id, version;
	uint64_t text; /* hash of all but the o= line */
	unsigned n;
	struct {
		char kind[12];
		uint16_t port;
		uint8_t dir, n_pts;
		uint8_t pts[OA_FORMATS];
	} media[OA_MEDIA];
};

/* All that sluice said on a leg, whatever the dialog. */
struct oa_leg {
	struct oa_sdp last;
	bool any;
};

enum oa_open {
	OA_NONE,
	OA_OURS, /* sluice's offer waits for an answer */
	OA_THEIRS
};

struct oa {
	enum oa_open open;
	uint32_t cseq;  /* of the request that carried it, or whose response did */
	bool by_reply;  /* it stood in a response */
	bool previewed; /* by an answer in an unreliable 18x */
	uint64_t preview;
	struct oa_sdp offer;
	struct oa_sdp agreed; /* what sluice said when it last came to an agreement */
};

/* 0, or -EBADMSG. */
int oa_read(struct str sdp, struct oa_sdp *out);
/* All of these return what is wrong, or NULL. */
const char *oa_said(struct oa_leg *l, const struct oa_sdp *s); /* sluice: each once */
const char *oa_offer(struct oa *o, enum oa_open whose, const struct oa_sdp *s, uint32_t cseq,
		     bool by_reply);
const char *oa_answer(struct oa *o, enum oa_open whose, const struct oa_sdp *s, bool preview);

#endif
