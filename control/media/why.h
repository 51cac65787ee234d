/* SPDX-License-Identifier: Apache-2.0 */
/* Why is it silent, why does it crackle? From what is known of one stream to sentences that name a cause, each with
 * the numbers behind it and, where there is one, what to do. Pure functions over facts: what both sides said (as the
 * flow has it), what the engine counted twice within a second or so, and the heads of packets that it dropped. */
#ifndef SLUICE_MEDIA_WHY_H
#define SLUICE_MEDIA_WHY_H

#include "engine/tlv.h"

#define WHY_SEEN   8  /* kinds of drops that are told apart */
#define WHY_LINES  32 /* there are not more */
#define WHY_NAME   24
#define WHY_NOW_MS 3000 /* what was dropped longer ago is no news */

/* Drops of one name that came from one side, as far as the ring of packet heads has them. */
struct why_seen {
	char name[WHY_NAME];
	u32 n, lately; /* within WHY_NOW_MS of the last look */
	u64 first_us, last_us;
	struct flow_addr from, to; /* of the last one */
	u8 first, pt;              /* first two octets of its payload */
};

struct why_side {
	const char *name;      /* "carrier": what to call it */
	const char *direction; /* "sendrecv", as it said itself; "" where nothing was agreed yet */
	struct why_seen seen[WHY_SEEN];
	unsigned n_seen;
};

struct why_stream {
	const char *kind, *codec; /* "audio", "PCMA/8000" */
	struct why_side side[2];
	bool there;                    /* the engine has this flow */
	struct tlv_report before, now; /* two looks */
	u64 us;                        /* between them */
	u64 wall_us;                   /* time of the second one, since 1970 */
};

enum why_weight {
	WHY_BROKEN, /* somebody hears nothing */
	WHY_BAD,    /* somebody hears badly */
	WHY_ODD,    /* worth knowing */
	WHY_FINE
};

struct why_line {
	const char *cause; /* "unlearned": the row's name, for programs */
	enum why_weight weight;
	u8 from;        /* the side whose media it is about; 2: both */
	char text[400]; /* one or two sentences */
	char fix[240];  /* what to do; "" */
};

/* One packet head of the stream; those that were relayed count for nothing. wall_us is set before. */
void why_frame(struct why_stream *s, const struct tlv_frame *f);
/* Fills out[], the most telling first, and returns how many: at least one. */
unsigned why_explain(const struct why_stream *s, struct why_line out[WHY_LINES]);

const char *why_weight_name(enum why_weight w);

#endif
