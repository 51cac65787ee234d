/* SPDX-License-Identifier: Apache-2.0 */
/* Between why.c (facts, and how the rows are asked) and the rows: why_silence.c, why_sound.c. */
#ifndef SLUICE_MEDIA_WHY_PRIV_H
#define SLUICE_MEDIA_WHY_PRIV_H

#include "base/addr.h"
#include "media/why.h"

/* One direction of a stream: the media of `from`, which `to` is to hear. */
struct why_dir {
	const struct why_stream *s;
	unsigned side;
	const struct why_side *from, *to;
	const struct flow_side *in, *out;       /* what was agreed with either */
	const struct flow_stats *rtp, *rtp_was; /* of `from`: now, and before */
	const struct flow_stats *rtcp;          /* of `from` */
	const struct flow_stats *heard;         /* RTCP of `to`: what it says of this media */
	double pps;                             /* relayed now */
	double dropped_pps;
	bool flows;
	bool told;    /* why it is silent */
	u64 quiet_ms; /* since its last packet that was relayed */
};

struct why_row {
	const char *cause;
	enum why_weight weight;
	bool (*holds)(const struct why_dir *d);
	void (*say)(const struct why_dir *d, struct buf *text, struct buf *fix);
};

/* Each ends with a row without a cause. */
extern const struct why_row why_silence[], why_sound[];

/* Drops of that name that came from this side: NULL: none in the ring. */
const struct why_seen *why_saw(const struct why_dir *d, const char *name);
/* The same, of the last seconds only. */
const struct why_seen *why_sees(const struct why_dir *d, const char *name);
const char *why_addr(const struct flow_addr *a,
		     char text[ADDR_STR_MAX]); /* with its port where it has one */
const char *why_ip(const struct flow_addr *a, char text[ADDR_STR_MAX]);
/* Drops of sources that are not eligible; NULL: none lately. */
const struct why_seen *why_refused(const struct why_dir *d);
bool why_on_hold(const struct why_dir *d);
void why_put_dropped(const struct why_dir *d,
		     struct buf *b); /* "50 packets/s are dropped now, ..." */
void why_say_payload_type(const struct why_dir *d, struct buf *text, struct buf *fix);
const char *why_ago(u64 ms, char text[16]); /* "12 s", "3 min" */

#endif
