/* SPDX-License-Identifier: Apache-2.0 */
/* How many new calls are let in. The controller does not steer the part but the rate: once calls wait
 * longer than the target it sets the rate to what was served, less what drains the queue, and from then on
 * feels its way up. The part follows from what is offered, so it is back at all of them as soon as less is
 * offered, whatever the rate was. The rate is shared out evenly: a neighbour that asks for less than an even
 * share gets all of it, and those that ask for more share the rest.
 *
 * Waiting time is the mean number waiting by the number served (Little's law), which does not depend on who
 * is served first: those served newest first would say that nobody waits. */
#include "sip/overload_priv.h"

#define DRAIN_US     400000 /* the queue's excess is given this long to go */
#define DELAY_MAX_US 2000000
#define MOST_DRAINED 0.9
#define SMOOTH       0.1
#define STEP_UP      0.02 /* a tick, while nobody waits; twice as much in the next one, and so on */
#define STEPS_MOST   5
#define USED         0.95 /* of the rate: else it says nothing that nobody waits */
#define ROUNDS       8
#define CALM_TICKS   10
#define REFUSE_LEAST 10 /* refusals a tick that are always cheap */

/* ---- refusals ---- */

/* A refusal costs a message out and an ACK in, silence costs up to six repetitions. Who is on a stream does
 * not repeat, and would wait for nothing. */
bool overload_may_refuse(struct overload *v, const struct sip_hop *from)
{
	if (sip_is_reliable((enum sip_transport)from->transport))
		return true;
	if (v->admit.refusals == 0)
		return false;
	v->admit.refusals--;
	return true;
}

/* ---- control ---- */

void overload_admit_sample(struct overload *v)
{
	struct admit *a = &v->admit;
	uint64_t now = loop_clock_us(v->loop);

	a->queue_area += v->queue[OVERLOAD_CALL].n * (now - a->sampled_us);
	a->dialog_area += v->queue[OVERLOAD_DIALOG].n * (now - a->sampled_us);
	a->sampled_us = now;
}

/* Mean waiting time. */
static uint32_t delay(uint64_t area, uint32_t served, uint64_t took_us, uint32_t most_us)
{
	uint64_t us;

	if (area < took_us) /* less than one waited */
		return 0;
	us = served ? area / served : most_us;
	return us < most_us ? (uint32_t)us : most_us;
}

/* While somebody waits all that can be done is done, so the calls served are what can be served: in the mean of a
 * second, for each has messages of its own that come later. While nobody waits it is felt for. */
static void steer(struct overload *v, double served)
{
	struct admit *a = &v->admit;
	double wait = a->delay_us, target = v->target_us, drain = (wait - target) / DRAIN_US;
	double least;

	if (wait > target) {
		a->capacity =
			a->capacity > 0 ? a->capacity + (served - a->capacity) * SMOOTH : served;
		a->steps = 0;
	} else if (served > USED * a->rate) {
		a->steps += a->steps < STEPS_MOST;
		a->capacity *= 1 + a->steps * STEP_UP * (1 - wait / target);
	}
	if (a->capacity > a->best)
		a->best = a->capacity;
	least = a->best / (OVERLOAD_FLOOR + 1) > 1 ? a->best / (OVERLOAD_FLOOR + 1) : 1;
	if (a->capacity > 0 && a->capacity < least)
		a->capacity = least;
	a->rate = a->capacity;
	if (drain > 0)
		a->rate *= drain < MOST_DRAINED ? 1 - drain : 1 - MOST_DRAINED;
	if (a->rate > 0 && a->rate < least)
		a->rate = least;
}

/* What each may have of `rate` at most, so that nothing is left over while somebody asks for more. */
static double even_share(const struct overload *v, double rate)
{
	double share = 0, left, above;

	for (unsigned round = 0; round < ROUNDS; round++) {
		left = rate;
		above = 0;
		for (unsigned i = 0; i <= v->n_peers; i++) {
			double demand = v->peers[i].demand;

			if (demand > share)
				above++;
			else
				left -= demand;
		}
		if (above == 0 || left / above <= share)
			break;
		share = left / above;
	}
	return share;
}

static uint32_t permille(double part)
{
	return part >= 1 ? PERMILLE : part < 0.001 ? 1 : (uint32_t)(part * PERMILLE);
}

static void share_out(struct overload *v, double scale)
{
	struct admit *a = &v->admit;
	double sum = 0, share, calm_share;

	for (unsigned i = 0; i <= v->n_peers; i++) {
		struct overload_peer *p = &v->peers[i];

		p->arrived = p->calls * scale;
		p->others = (p->others * 7 + p->dialogs * scale) / 8;
		p->calls = p->dialogs = 0;
		p->demand += p->keep < 1     ? (p->arrived / p->keep - p->demand) / 8
			     : p->demand > 0 ? (p->arrived - p->demand) / 2
					     : p->arrived;
		sum += p->demand;
	}
	a->permille = a->rate > 0 && sum > 0 ? permille(a->rate / sum) : PERMILLE;
	share = even_share(v, a->rate);
	/* Neighbours follow later than we do: what drains the queue is none of their business. */
	calm_share = even_share(v, a->capacity);
	for (unsigned i = 0; i <= v->n_peers; i++) {
		struct overload_peer *p = &v->peers[i];

		p->pass = a->rate > 0 && p->demand > share ? permille(share / p->demand) : PERMILLE;
		if (!overload_oc_speaks(v, p))
			p->keep = 1;
		else if (a->rate > 0)
			overload_oc_steer(v, p, calm_share);
		else if (p->keep < 1)
			p->keep = p->keep < 0.8 ? p->keep / 0.8 : 1;
	}
}

/* Over: nothing is kept of it but who was turned away, until nobody repeats himself any more. */
static void calm_down(struct overload *v)
{
	struct admit *a = &v->admit;

	if (a->permille < PERMILLE || v->waiting) {
		a->calm = 0;
		return;
	}
	a->calm++;
	if (a->calm < CALM_TICKS)
		return;
	if (a->calm == CALM_TICKS && a->rate > 0) {
		a->capacity = a->best = a->rate = 0;
		log_notice(v->log, "overload", "over");
	}
	if (!overload_shed_over(v))
		return;
	for (unsigned i = 0; i <= v->n_peers; i++)
		v->peers[i].keep = 1;
	timer_stop(v->loop, &a->timer);
	v->alert = false;
}

static void report(struct overload *v)
{
	overload_count(v, COUNT_EPISODES);
	log_notice(v->log, "overload", "new calls wait %u ms: %u of 1000 are let in",
		   v->admit.delay_us / 1000, v->admit.permille);
}

static void tick(void *arg)
{
	struct overload *v = arg;
	struct admit *a = &v->admit;
	bool was_all = a->rate <= 0;
	uint64_t took;
	double scale;

	timer_start(v->loop, &a->timer, TICK_MS);
	overload_admit_sample(v);
	took = a->sampled_us > a->tick_us ? a->sampled_us - a->tick_us : 1;
	scale = TICK_MS * 1000.0 / (double)took;
	a->dialog_delay_us = delay(a->dialog_area, a->dialogs, took, DELAY_MAX_US);
	a->delay_us = delay(a->queue_area, a->served, took, v->too_old_us);
	if (a->delay_us < a->dialog_delay_us)
		a->delay_us = a->dialog_delay_us;
	overload_shed_count(v);
	steer(v, a->served * scale);
	share_out(v, scale);
	if (was_all && a->rate > 0)
		report(v);
	overload_shed_tick(v);
	/* With half as many refusals as calls they cost next to nothing. */
	a->refusals = REFUSE_LEAST + a->served / 2;
	a->served = a->dialogs = 0;
	a->queue_area = a->dialog_area = 0;
	a->tick_us = a->sampled_us;
	calm_down(v);
}

void overload_admit_start(struct overload *v)
{
	struct admit *a = &v->admit;

	if (v->alert)
		return;
	v->alert = true;
	a->tick_us = a->sampled_us = loop_clock_us(v->loop);
	a->calm = 0;
	a->served = a->dialogs = 0;
	a->queue_area = a->dialog_area = 0;
	a->refusals = REFUSE_LEAST;
	for (unsigned i = 0; i <= v->n_peers; i++)
		v->peers[i].calls = v->peers[i].dialogs = 0;
	timer_init(&a->timer, tick, v);
	timer_start(v->loop, &a->timer, TICK_MS);
}
