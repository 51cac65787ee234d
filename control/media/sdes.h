/* SPDX-License-Identifier: Apache-2.0 */
/* SRTP with keys in SDP (RFC 4568): what each leg is offered and answered, and the keys of both directions.
 *
 * A leg has keys of its own: what it offers is chosen from, and answered, here; the other leg hears nothing of it. Ours
 * for a leg are random, one for each suite, and stay what they are while the stream goes on: a refresh says the same
 * again. They are made anew where they would be used twice from the beginning. Keys are kept beside the texts of
 * what was said (known.c), which have none, and only of streams with SRTP. */
#ifndef SLUICE_MEDIA_SDES_H
#define SLUICE_MEDIA_SDES_H

#include "media/suite.h"

struct sdp_media;
struct media;
struct draft;
struct line;
struct outcome;
struct stream;
struct terms;

/* The key of one who sends. */
struct sdes_key {
	u8 suite; /* FLOW_SUITE_NONE: there is none */
	u8 mki_len;
	u8 master[SUITE_MASTER_MAX];
};

/* Which tag stands for which suite in an offer to a leg. */
struct sdes_list {
	u8 n;
	struct {
		u32 tag;
		u8 suite;
	} line[FLOW_SUITE_COUNT - 1];
};

/* Can a stream of that way (enum media_way) be carried with the leg at all? */
bool sdes_may_carry(struct media *m, unsigned leg, u8 way);
/* The protocol of an m= line of RTP. */
struct str sdes_proto(const struct terms *t, unsigned side);

/* The offerer's line of an offer, or where `ours` is not NULL, of its answer to that line of ours: fills in l->theirs,
 * l->tag and what l->offer says of its side. False: it must be refused. */
bool sdes_read_offer(struct media *m, const struct draft *d, const struct sdp_media *in,
		     struct line *l, const struct line *ours);
/* Is RTP/SAVP what the leg of that side is to be offered, whose terms were those? */
bool sdes_wants_savp(struct media *m, const struct draft *d, unsigned side,
		     const struct terms *old);
/* What that side is offered, to the m= line added last (line i), and to l->offered. */
void sdes_put_offer(struct media *m, const struct draft *d, unsigned side, unsigned i,
		    struct line *l);
/* As sdes_read_offer(), of the answer of `side` to l->offered; fills in *r. */
bool sdes_read_answer(struct media *m, unsigned side, const struct sdp_media *in,
		      const struct line *l, struct outcome *r);
/* The one line of an answer, to the m= line added last; none where the suite is FLOW_SUITE_NONE. */
void sdes_put_answer(struct media *m, u32 tag, u8 suite);

/* Our keys for `leg` in the lines of ms->out, made where there are none: until sdes_hide(). 0, -ENOMEM. */
int sdes_show(struct media *m, unsigned leg);
void sdes_hide(struct media *m);
/* ms->in is what that side said before, without keys, and stands for its answer: puts in the key that it said. Until
 * sdes_forget_recalled(). */
void sdes_recall(struct media *m, const struct draft *d, unsigned side);
void sdes_forget_recalled(struct media *m);

/* The exchange is settled with that line: its keys are what counts from now on. Before s->now is replaced. */
void sdes_settle(struct stream *s, const struct draft *d, struct line *l);
/* Keys of both sides as the engine is told of them now. 0, -errno. The caller wipes *f. */
int sdes_fill(struct stream *s, struct flow *f);
void sdes_free(struct stream *s);
void sdes_drop_leg(struct stream *s, unsigned leg);
/* The third leg's keys are that leg's from now on. */
void sdes_take_leg(struct stream *s, unsigned leg);

#endif
