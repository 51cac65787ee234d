/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine of a call, as one table. An event without a row is counted and logged. */
#include <stdio.h>

#include "call_priv.h"

struct row {
	call_action *action;
	enum call_state next;
};

/* Ways out of every state in which both legs have a dialog. */
#define HANGUP                                                                                     \
	[IN_BYE] = { call_bye, CALL_ENDING }, [IN_LOST] = { call_lost, CALL_ENDING },              \
	[IN_SILENCE] = { call_silent, CALL_ENDING }, [IN_BROKEN] = { call_broken, CALL_ENDING },   \
	[IN_TOO_LONG] = { call_too_long, CALL_ENDING }, [IN_LEFT] = { call_left, CALL_ENDING },    \
	[IN_DRAIN] = { call_drained, CALL_ENDING }

static const struct row table[CALL_STATE_COUNT][IN_COUNT] = {
	[CALL_IDLE] = {
		[IN_INVITE] = { call_route, CALL_ROUTING },
	},
	[CALL_ROUTING] = {
		[IN_ROUTED] = { call_invite, CALL_CALLING },
		[IN_REFUSED] = { call_refuse, CALL_ENDING },
	},
	[CALL_CALLING] = {
		[IN_RINGING] = { call_ring, CALL_CALLING },
		[IN_EARLY] = { call_early, CALL_CALLING },
		[IN_EARLY_OFFER] = { call_early_offer, CALL_CALLING },
		[IN_EARLY_ANSWER] = { call_early_answer, CALL_CALLING },
		[IN_COMMITTED] = { call_early_ready, CALL_CALLING },
		[IN_COMMIT_FAILED] = { call_refuse_commit, CALL_ENDING },
		[IN_ANSWER] = { call_answer, CALL_ANSWERING },
		[IN_LATE_OFFER] = { call_answer_late, CALL_LATE_OFFERED },
		[IN_REDIRECT] = { call_redirect, CALL_CALLING },
		[IN_TAKEN] = { call_established, CALL_ANSWERING },
		[IN_FAIL] = { call_fail, CALL_ENDING },
		[IN_CANCEL] = { call_cancelled, CALL_ENDING },
		[IN_REFUSED] = { call_refuse, CALL_ENDING },
		[IN_BYE] = { call_bye, CALL_ENDING },
		[IN_LOST] = { call_lost, CALL_ENDING },
		[IN_SILENCE] = { call_silent, CALL_ENDING },
		[IN_BROKEN] = { call_broken, CALL_ENDING },
		[IN_DRAIN] = { call_drained, CALL_ENDING },
	},
	[CALL_ANSWERING] = {
		[IN_COMMITTED] = { call_answer_ready, CALL_ANSWERED },
		[IN_COMMIT_FAILED] = { call_refuse_commit, CALL_ENDING },
		[IN_REFUSED] = { call_refuse, CALL_ENDING },
		[IN_CANCEL] = { call_cancelled, CALL_ENDING },
		HANGUP,
	},
	[CALL_ANSWERED] = {
		[IN_CANCEL] = { call_cancelled, CALL_ENDING }, /* the 2xx waits for a PRACK */
		[IN_ACK] = { call_established, CALL_ACTIVE },
		HANGUP,
	},
	[CALL_LATE_OFFERED] = {
		[IN_CANCEL] = { call_cancelled, CALL_ENDING },
		[IN_ACK] = { call_late_answer, CALL_LATE_COMMIT },
		[IN_REFUSED] = { call_refuse, CALL_ENDING },
		HANGUP,
	},
	[CALL_LATE_COMMIT] = {
		[IN_COMMITTED] = { call_late_ready, CALL_ACTIVE },
		[IN_COMMIT_FAILED] = { call_broken, CALL_ENDING },
		HANGUP,
	},
	[CALL_ACTIVE] = {
		[IN_ACK] = { call_acked, CALL_ACTIVE },
		HANGUP,
	},
	[CALL_ENDING] = {
		[IN_REPORT] = { call_done, CALL_ENDED },
		[IN_DRAIN] = { call_ignore, CALL_ENDING },
	},
};

static const char *const state_names[] = {
#define X(name, text) [CALL_##name] = #name,
	CALL_STATES(X)
#undef X
};

static const char *const input_names[] = {
#define X(name, text) [IN_##name] = text,
	CALL_INPUTS(X)
#undef X
};

const char *call_state_name(enum call_state s)
{
	return state_names[s];
}

void call_fsm(struct call *c, enum call_input what, const struct call_in *in)
{
	while (what != IN_NONE) {
		const struct row *row = &table[c->state][what];

		if (!row->action) {
			c->calls->n.no_row++;
			log_warn(c->calls->log, "call",
				 "%016llx: \"%s\" in state %s is not expected",
				 (unsigned long long)c->id, input_names[what],
				 state_names[c->state]);
			break;
		}
		c->state = row->next;
		what = row->action(c, in);
	}
	if (c->state == CALL_ACTIVE) {
		call_unhold(c);
		exchange_debts(c);
	} else if (c->state == CALL_ENDED)
		call_free(c);
}

void call_fsm_draw(struct dot *d)
{
	static const char *const texts[] = {
#define X(name, text) [CALL_##name] = text,
		CALL_STATES(X)
#undef X
	};

	*d = (struct dot){ .name = "call",
			   .title = "A call",
			   .names = state_names,
			   .texts = texts,
			   .n_states = CALL_STATE_COUNT,
			   .end = CALL_ENDED,
			   .rest = CALL_ACTIVE,
			   .many = 5 };
	dot_edge(d, DOT_NONE, CALL_IDLE, "");
	for (unsigned s = 0; s < CALL_STATE_COUNT; s++)
		for (unsigned i = IN_NONE + 1; i < IN_COUNT; i++)
			if (table[s][i].action)
				dot_edge(d, s, table[s][i].next, input_names[i])->back =
					table[s][i].next == CALL_ENDING;
}
