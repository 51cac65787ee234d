/* SPDX-License-Identifier: Apache-2.0 */
/* The table of offer and answer. A place that is not filled is OA_WRONG. */
#include "call/oa.h"

#include <stddef.h>

struct row {
	uint8_t verdict;
	uint8_t next;
};

/* The INVITE that an UPDATE crosses has its agreement: what is left of it goes on. Another offer: that verdict. */
#define BESIDE(state, verdict)                                                                     \
	[OA_GOT_INVITE] = { verdict, state }, [OA_GOT_INVITE_SDP] = { verdict, state },            \
	[OA_GOT_UPDATE_SDP] = { verdict, state }, [OA_GOT_PRACK_SDP] = { verdict, state },         \
	[OA_GOT_18X_SDP] = { OA_REPEAT, state }, [OA_GOT_REL_SDP] = { OA_REPEAT, state },          \
	[OA_GOT_2XX] = { OA_REPEAT, state }, [OA_GOT_2XX_SDP] = { OA_REPEAT, state },              \
	[OA_GOT_ACK] = { OA_NOTHING, state }, [OA_GOT_ACK_SDP] = { OA_NOTHING, state },            \
	[OA_GOT_PRACK] = { OA_NOTHING, state }, [OA_SENT_2XX] = { OA_NOTHING, state }

static const struct row table[OA_STATE_COUNT][OA_INPUT_COUNT] = {
	[OA_NONE] = {
		[OA_GOT_INVITE] = { OA_NOTHING, OA_OWE },
		[OA_GOT_INVITE_SDP] = { OA_OFFER, OA_GOT },
		[OA_SENT_INVITE] = { OA_NOTHING, OA_EXPECT },
		[OA_SENT_INVITE_SDP] = { OA_OFFER, OA_SENT },
		[OA_FAILED] = { OA_NOTHING, OA_NONE },
	},
	[OA_OWE] = {
		[OA_SENT_REL_SDP] = { OA_OFFER, OA_SENT },
		[OA_SENT_2XX_SDP] = { OA_OFFER, OA_SENT },
		[OA_GOT_PRACK] = { OA_NOTHING, OA_OWE },
		[OA_GOT_UPDATE_SDP] = { OA_BUSY, OA_OWE },
		[OA_FAILED] = { OA_NOTHING, OA_NONE },
	},
	[OA_EXPECT] = {
		[OA_GOT_18X_SDP] = { OA_NOTHING, OA_EXPECT },
		[OA_GOT_REL_SDP] = { OA_OFFER, OA_GOT },
		[OA_GOT_2XX] = { OA_MISSING, OA_EXPECT },
		[OA_GOT_2XX_SDP] = { OA_OFFER, OA_GOT },
		[OA_GOT_UPDATE_SDP] = { OA_BUSY, OA_EXPECT },
		[OA_FAILED] = { OA_NOTHING, OA_NONE },
	},
	[OA_GOT] = {
		[OA_GOT_18X_SDP] = { OA_NOTHING, OA_GOT },
		[OA_GOT_2XX] = { OA_NOTHING, OA_GOT },
		[OA_GOT_2XX_SDP] = { OA_NOTHING, OA_GOT },
		[OA_GOT_PRACK] = { OA_NOTHING, OA_GOT },
		[OA_GOT_INVITE] = { OA_BUSY, OA_GOT },
		[OA_GOT_INVITE_SDP] = { OA_BUSY, OA_GOT },
		[OA_GOT_UPDATE_SDP] = { OA_BUSY, OA_GOT },
		[OA_SENT_18X_SDP] = { OA_PREVIEW, OA_GOT },
		[OA_SENT_REL_SDP] = { OA_ANSWER, OA_DONE },
		[OA_SENT_2XX_SDP] = { OA_ANSWER, OA_DONE },
		[OA_SENT_ACK_SDP] = { OA_ANSWER, OA_DONE },
		[OA_SENT_PRACK_SDP] = { OA_ANSWER, OA_DONE },
		[OA_FAILED] = { OA_NOTHING, OA_NONE },
	},
	[OA_SENT] = {
		[OA_GOT_INVITE] = { OA_GLARE, OA_SENT },
		[OA_GOT_INVITE_SDP] = { OA_GLARE, OA_SENT },
		[OA_GOT_18X_SDP] = { OA_PREVIEW, OA_SENT },
		[OA_GOT_REL_SDP] = { OA_ANSWER, OA_DONE },
		[OA_GOT_2XX] = { OA_MISSING, OA_SENT },
		[OA_GOT_2XX_SDP] = { OA_ANSWER, OA_DONE },
		[OA_GOT_ACK] = { OA_MISSING, OA_SENT },
		[OA_GOT_ACK_SDP] = { OA_ANSWER, OA_DONE },
		[OA_GOT_PRACK] = { OA_MISSING, OA_SENT },
		[OA_GOT_PRACK_SDP] = { OA_ANSWER, OA_DONE },
		[OA_GOT_UPDATE_SDP] = { OA_GLARE, OA_SENT },
		[OA_FAILED] = { OA_NOTHING, OA_NONE },
	},
	[OA_DONE] = {
		[OA_GOT_INVITE] = { OA_NOTHING, OA_OWE },
		[OA_GOT_INVITE_SDP] = { OA_OFFER, OA_GOT },
		[OA_GOT_18X_SDP] = { OA_REPEAT, OA_DONE },
		[OA_GOT_REL_SDP] = { OA_REPEAT, OA_DONE },
		[OA_GOT_2XX] = { OA_REPEAT, OA_DONE },
		[OA_GOT_2XX_SDP] = { OA_REPEAT, OA_DONE },
		[OA_GOT_ACK] = { OA_NOTHING, OA_DONE },
		[OA_GOT_ACK_SDP] = { OA_NOTHING, OA_DONE },
		[OA_GOT_PRACK] = { OA_NOTHING, OA_DONE },
		[OA_GOT_PRACK_SDP] = { OA_OFFER, OA_ASKED },
		[OA_GOT_UPDATE_SDP] = { OA_OFFER, OA_ASKED },
		[OA_GOT_UPDATED] = { OA_NOTHING, OA_DONE },
		[OA_GOT_UPDATED_SDP] = { OA_NOTHING, OA_DONE },
		[OA_SENT_INVITE] = { OA_NOTHING, OA_EXPECT },
		[OA_SENT_INVITE_SDP] = { OA_OFFER, OA_SENT },
		[OA_SENT_2XX] = { OA_NOTHING, OA_DONE },
		[OA_SENT_UPDATE_SDP] = { OA_OFFER, OA_UPDATING },
		[OA_FAILED] = { OA_NOTHING, OA_DONE },
	},
	[OA_ASKED] = {
		BESIDE(OA_ASKED, OA_BUSY),
		[OA_SENT_UPDATED_SDP] = { OA_ANSWER, OA_DONE },
		[OA_FAILED] = { OA_NOTHING, OA_DONE },
	},
	[OA_UPDATING] = {
		BESIDE(OA_UPDATING, OA_GLARE),
		[OA_GOT_UPDATED] = { OA_MISSING, OA_UPDATING },
		[OA_GOT_UPDATED_SDP] = { OA_ANSWER, OA_DONE },
		[OA_FAILED] = { OA_NOTHING, OA_DONE },
	},
};

static const char *const names[] = {
#define X(name, text) [OA_##name] = #name,
	OA_STATES(X)
#undef X
};

enum oa_verdict oa_input(struct oa *o, enum oa_input in)
{
	const struct row *row = &table[o->state][in];

	if (row->verdict == OA_WRONG)
		return OA_WRONG;
	o->state = row->next;
	if (in == OA_FAILED && o->agreed)
		o->state = OA_DONE; /* what was agreed before goes on (RFC 3264 8) */
	o->agreed |= o->state == OA_DONE;
	return (enum oa_verdict)row->verdict;
}

const char *oa_state_name(const struct oa *o)
{
	return names[o->state];
}

static const char *const texts[] = {
#define X(name, text) [OA_##name] = text,
	OA_STATES(X)
#undef X
};

const char *oa_state_text(const struct oa *o)
{
	return texts[o->state];
}

void oa_draw(struct dot *d)
{
	static const char *const inputs[] = {
#define X(name, text) [OA_##name] = text,
		OA_INPUTS(X)
#undef X
	};
	static const char *const notes[] = {
		[OA_OFFER] = NULL,        [OA_PREVIEW] = "may change", [OA_REPEAT] = "known",
		[OA_MISSING] = "missing", [OA_GLARE] = "491",          [OA_BUSY] = "500",
	};

	*d = (struct dot){ .name = "offer_answer",
			   .title = "Offer and answer on one leg: < comes in, > goes out",
			   .names = names,
			   .texts = texts,
			   .n_states = OA_STATE_COUNT,
			   .end = DOT_NONE,
			   .rest = OA_DONE,
			   .many = 4 };
	dot_edge(d, DOT_NONE, OA_NONE, "");
	for (unsigned s = 0; s < OA_STATE_COUNT; s++) {
		for (unsigned i = 0; i < OA_INPUT_COUNT; i++) {
			const struct row *row = &table[s][i];
			bool counts = row->next != s || row->verdict > OA_NOTHING;

			if (row->verdict == OA_WRONG || !counts || i == OA_FAILED)
				continue;
			dot_edge(d, s, row->next, inputs[i])->note = notes[row->verdict];
		}
		if (s == OA_NONE || s == OA_DONE)
			continue;
		if (table[s][OA_FAILED].next != OA_DONE)
			dot_edge(d, s, OA_NONE, inputs[OA_FAILED])->back = true;
		dot_edge(d, s, OA_DONE, "refused, after an agreement")->back = true;
	}
}
