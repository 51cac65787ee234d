/* SPDX-License-Identifier: Apache-2.0 */
/* What people get to see of calls. */
#include "call_priv.h"

static void fill_leg(const struct call_leg *leg, const struct oa *oa, struct call_leg_info *out)
{
	*out = (struct call_leg_info){
		.trunk = leg->trunk ? leg->trunk->name : "",
		.state = leg->inv ? invite_state_name(leg->inv) : "",
		.user = leg->user,
		.peer = leg->peer,
		.offer_state = leg->inv ? oa_state_name(oa) : "",
		.offer_text = leg->inv ? oa_state_text(oa) : "",
	};
	if (!leg->inv)
		return;
	out->call_id = invite_call_id(leg->inv);
	out->local_tag = invite_local_tag(leg->inv);
	out->remote_tag = invite_remote_tag(leg->inv);
	out->supports = invite_peer(leg->inv);
	out->session_s = invite_session_s(leg->inv, &out->refresh_is_ours);
}

/* Of the callee's early dialogs: the one that is heard. */
static const struct oa *leg_oa(const struct call *c, unsigned i)
{
	const struct early *e = c->early;

	if (i == 1 && e && e->heard < EARLY_FORKS && e->fork[e->heard].state != OA_NONE)
		return &e->fork[e->heard];
	return &c->leg[i].oa;
}

static void fill_newcomer(struct call *c, struct call_info *out)
{
	const struct call_leg *leg = transfer_leg(c);

	transfer_info(c->transfer, &out->transfer);
	fill_leg(leg, &leg->oa, &out->leg[CALL_THIRD]);
	if (leg->inv)
		out->memory += invite_memory(leg->inv);
}

static void fill_event(const struct call *c, const struct call_noted *n, struct call_event *out)
{
	static const char *const texts[] = {
#define X(name, text) [NOTE_##name] = text,
		CALL_NOTES(X)
#undef X
	};

	*out = (struct call_event){
		.wall_us = c->started_us + n->ms * 1000ull,
		.leg = n->leg,
		.status = n->status,
		.what = texts[n->note],
	};
}

static void fill(struct call *c, struct call_info *out)
{
	unsigned n = c->n_events < CALL_EVENTS ? c->n_events : CALL_EVENTS;

	*out = (struct call_info){
		.id = c->id,
		.state = call_state_name(c->state),
		.started_us = c->started_us,
		.answered_us = c->answered_us,
		.media = c->media,
		.n_events = n,
		.memory = arena_size(c->arena),
		.exchange = { "", "", 0, 0 },
		.transfer = { "", "", 0, 0 },
	};
	for (unsigned i = 0; i < 2; i++) {
		fill_leg(&c->leg[i], leg_oa(c, i), &out->leg[i]);
		if (c->leg[i].inv)
			out->memory += invite_memory(c->leg[i].inv);
	}
	if (c->exchange)
		exchange_info(c->exchange, &out->exchange);
	if (c->transfer)
		fill_newcomer(c, out);
	for (unsigned i = 0; i < n; i++)
		fill_event(c, &c->ring[(c->n_events - n + i) % CALL_EVENTS], &out->events[i]);
}

void calls_each(const struct calls *c, void (*fn)(void *arg, const struct call_info *i), void *arg)
{
	struct call_info info;

	for (struct call *call = c->first; call; call = call->next) {
		fill(call, &info);
		fn(arg, &info);
	}
}

bool calls_find(const struct calls *c, uint64_t id, struct call_info *out)
{
	for (struct call *call = c->first; call; call = call->next) {
		if (call->id != id)
			continue;
		fill(call, out);
		return true;
	}
	return false;
}

void calls_counters(const struct calls *c, void (*fn)(void *arg, const char *name, uint64_t v),
		    void *arg)
{
#define X(name, text) fn(arg, "calls_" #name, c->n.name);
	CALL_COUNTERS(X)
#undef X
	fn(arg, "calls_active", c->count);
	fn(arg, "calls_subscriptions_active", c->n_watches);
}

/* One line for each call: who, how it ended, how long, how many packets each way. */
void call_log_end(const struct call *c, const struct media_report *r)
{
	uint64_t talked = c->answered_us ? c->ended_us - c->answered_us : 0;
	char status[8] = "", packets[96] = "";
	struct buf b;

	if (!log_shows(c->calls->log, LOG_LEVEL_INFO))
		return;
	buf_init(&b, status, sizeof(status) - 1);
	if (c->cause_status)
		buf_fmt(&b, " (%u)", c->cause_status);
	buf_init(&b, packets, sizeof(packets) - 1);
	if (r && r->valid)
		buf_fmt(&b, ", packets %llu/%llu", (unsigned long long)r->rtp[0].packets,
			(unsigned long long)r->rtp[1].packets);
	if (r && r->valid && (r->mos[0] > 0 || r->mos[1] > 0))
		buf_fmt(&b, ", MOS %.1f/%.1f", r->mos[0], r->mos[1]);
	log_info(c->calls->log, "call", "%016llx: %s -> %s: %s%s, talked %llu.%03llu s%s",
		 (unsigned long long)c->id, c->leg[0].trunk->name,
		 c->leg[1].trunk ? c->leg[1].trunk->name : "nowhere", c->cause ? c->cause : "ended",
		 status, (unsigned long long)(talked / 1000000),
		 (unsigned long long)(talked / 1000 % 1000), packets);
}
