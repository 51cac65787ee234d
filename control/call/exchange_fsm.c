/* SPDX-License-Identifier: Apache-2.0 */
/* The table of an exchange, and its life. */
#include <errno.h>
#include <stdlib.h>

#include "exchange_priv.h"

#define GIVE_UP_MS 20000 /* for who asked: below 64*T1 of his UPDATE */

struct row {
	exchange_action *action;
	enum exchange_state next;
};

static enum exchange_input sent(struct exchange *x, const struct exchange_in *in)
{
	(void)x;
	(void)in;
	return XI_NONE;
}

static const struct row table[X_STATE_COUNT][XI_COUNT] = {
	[X_OFFERED] = {
		[XI_ANSWER] = { exchange_take_answer, X_OFFERED },
		[XI_NEXT] = { exchange_try_again, X_WAITING },
		[XI_KNOWN] = { exchange_commit, X_COMMIT },
		[XI_REFUSED] = { exchange_give_back, X_OVER },
		[XI_GLARE] = { exchange_wait_more, X_WAITING },
		[XI_FAILED] = { exchange_fail, X_OVER },
	},
	[X_LATE] = {
		[XI_OFFER] = { exchange_take_offer, X_OWED },
		[XI_REFUSED] = { exchange_give_back, X_OVER },
		[XI_GLARE] = { exchange_wait_more, X_WAITING },
		[XI_FAILED] = { exchange_fail, X_OVER },
	},
	[X_WAITING] = {
		[XI_TIMER] = { exchange_try_again, X_WAITING },
		[XI_SENT] = { sent, X_OFFERED },
		[XI_SENT_LATE] = { sent, X_LATE },
		[XI_REFUSED] = { exchange_give_back, X_OVER },
		[XI_FAILED] = { exchange_fail, X_OVER },
	},
	[X_OWED] = {
		[XI_ACK] = { exchange_take_late_answer, X_OWED },
		[XI_NEXT] = { exchange_try_again, X_WAITING },
		[XI_KNOWN] = { exchange_commit, X_COMMIT },
		[XI_FAILED] = { exchange_fail, X_OVER },
	},
	[X_COMMIT] = {
		[XI_READY] = { exchange_finish, X_OVER },
	},
};

static const char *const state_names[] = {
#define X(name, text) [X_##name] = #name,
	EXCHANGE_STATES(X)
#undef X
};

/* x is gone where it came to its end. */
void exchange_input(struct exchange *x, enum exchange_input what, const struct exchange_in *in)
{
	struct call *c = x->call;

	while (what != XI_NONE && c->exchange == x) {
		const struct row *row = &table[x->state][what];

		if (!row->action) {
			c->calls->n.no_row++;
			log_warn(c->calls->log, "call",
				 "%016llx: input %u in exchange %s is not expected",
				 (unsigned long long)c->id, what, state_names[x->state]);
			return;
		}
		x->state = row->next;
		what = row->action(x, in);
	}
}

/* ---- life ---- */

static void fired(void *arg)
{
	exchange_input(arg, XI_TIMER, &(struct exchange_in){ 0 });
}

struct exchange *exchange_open(struct call *c, unsigned asker, struct sip_request *request)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->call = c;
	x->asker = (uint8_t)asker;
	x->request = request;
	x->give_up = loop_now(c->calls->loop) + GIVE_UP_MS;
	timer_init(&x->timer, fired, x);
	c->exchange = x;
	return x;
}

void exchange_close(struct exchange *x)
{
	struct call *c = x->call;

	timer_stop(c->calls->loop, &x->timer);
	c->exchange = NULL;
	free(x->offer);
	free(x->held);
	free(x);
}

/* 0 or -ENOMEM. */
int exchange_keep(char **mem, size_t *n, struct str s)
{
	char *p = s.n ? malloc(s.n) : NULL;

	if (s.n && !p)
		return -ENOMEM;
	if (s.n)
		memcpy(p, s.p, s.n);
	free(*mem);
	*mem = p;
	*n = s.n;
	return 0;
}

/* ---- for people ---- */

static const char *const texts[] = {
#define X(name, text) [X_##name] = text,
	EXCHANGE_STATES(X)
#undef X
};

void exchange_info(const struct exchange *x, struct call_work_info *out)
{
	*out = (struct call_work_info){ state_names[x->state], texts[x->state], x->asker, x->to };
}

void exchange_draw(struct dot *d)
{
	static const char *const inputs[] = {
#define X(name, text) [XI_##name] = text,
		EXCHANGE_INPUTS(X)
#undef X
	};

	*d = (struct dot){ .name = "exchange",
			   .title = "An offer in an established session, from one leg to the other",
			   .names = state_names,
			   .texts = texts,
			   .n_states = X_STATE_COUNT,
			   .end = X_OVER,
			   .rest = DOT_NONE };
	dot_edge(d, DOT_NONE, X_OFFERED, "offer of a leg, or ours");
	dot_edge(d, DOT_NONE, X_WAITING, "ours, and the leg is busy");
	dot_edge(d, DOT_NONE, X_LATE, "re-INVITE without SDP");
	dot_edge(d, DOT_NONE, X_OWED, "the same, answered with our offer");
	for (unsigned s = 0; s < X_STATE_COUNT; s++)
		for (unsigned i = XI_NONE + 1; i < XI_COUNT; i++)
			if (table[s][i].action)
				dot_edge(d, s, table[s][i].next, inputs[i])->back =
					i == XI_REFUSED || i == XI_FAILED;
}
