/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions and their engine: commits, events, restarts, what an earlier life left behind. */
#include "media/world.h"

static const char a_call[] = A_HEAD A_AUDIO;
static const char b_call[] = B_HEAD B_AUDIO;
static const char b_video[] = B_HEAD B_AUDIO "m=video 6002 RTP/AVP 31\r\n";
static const char a_video[] = A_HEAD A_AUDIO "m=video 4002 RTP/AVP 31\r\n";

static struct media_ports usage(struct world *w, unsigned network)
{
	struct media_ports u;

	media_port_usage(w->ms, network, &u);
	return u;
}

static void say(struct world *w, u32 event, u64 id, u32 gen, u32 side)
{
	const struct tlv_event e = { .flow_id = id,
				     .gen = gen,
				     .event = event,
				     .side = side,
				     .source = { .ip = { 9, 8, 7, 6 }, .port = 54, .family = 4 } };

	peer_event(&w->peer, &e);
}

/* ---- commits ---- */

static void note(void *arg, int status)
{
	*(int *)arg = status;
}

static void sets_many_calls_in_one_datagram(void **state)
{
	struct world *w = *state;
	struct media *m[20];
	char room[1024];
	struct buf b;
	const struct media_options o = { .arena = w->arena,
					 .conf = w->conf,
					 .trunk = { w->m->leg[0].trunk, w->m->leg[1].trunk } };
	unsigned before = w->peer.datagrams;

	for (int i = 0; i < 20; i++) {
		m[i] = media_new(w->ms, &o);
		buf_init(&b, room, sizeof(room));
		assert_int_equal(media_offer(m[i], 0, str_of(a_call), &w->sig[0], &b), 0);
	}
	run(w, 10);
	assert_int_equal(w->peer.sets, 20);
	assert_int_equal(w->peer.datagrams, before + 1);
	for (int i = 0; i < 20; i++)
		media_end(m[i], NULL, NULL);
	run(w, 10);
	assert_int_equal(w->peer.n_flows, 0);
}

static void reports_what_the_engine_says(void **state)
{
	struct world *w = *state;

	offer(w, 0, a_call);
	answer(w, 1, b_call);
	w->peer.refuse_set = -EADDRINUSE;
	commit(w);
	assert_int_equal(w->status, -EADDRINUSE);
	w->peer.refuse_set = 0;
	commit(w);
	assert_int_equal(w->status, 0);
}

static void waits_for_every_stream(void **state)
{
	struct world *w = *state;
	int status = 1;

	offer(w, 0, a_video);
	answer(w, 1, b_video);
	w->peer.latency_ms = 40;
	media_commit(w->m, note, &status);
	run(w, 30);
	assert_int_equal(status, 1);
	run(w, 20);
	assert_int_equal(status, 0);
	assert_int_equal(w->peer.n_flows, 2);
}

static void lets_the_last_commit_win(void **state)
{
	struct world *w = *state;
	int first = 1, second = 1, third = 1;

	offer(w, 0, a_call);
	answer(w, 1, b_call);
	media_commit(w->m, note, &first);
	media_commit(w->m, note, &second);
	assert_int_equal(first, 1);
	media_commit(w->m, note, &third);
	run(w, 10);
	assert_int_equal(first, -ECANCELED);
	assert_int_equal(second, -ECANCELED);
	assert_int_equal(third, 0);
	media_commit(w->m, note, &first);
	media_end(w->m, NULL, NULL);
	run(w, 10);
	assert_int_equal(first, -ECANCELED);
	arena_free(w->arena);
	w->m = NULL;
}

static void offers_without_an_engine(void **state)
{
	struct world *w = *state;

	peer_kill(&w->peer);
	assert_int_equal(offer(w, 0, a_call), 0);
	assert_int_equal(answer(w, 1, b_call), 0);
	commit(w);
	assert_int_equal(w->status, -ENOTCONN);
	peer_start(&w->peer);
	run(w, 200);
	assert_int_equal(w->peer.n_flows, 1); /* it is made up for as soon as there is one */
	commit(w);
	assert_int_equal(w->status, 0);
	media_settle(w->m);
	peer_kill(&w->peer);
	world_end_call(w);
	assert_false(w->report.valid);
}

static void ends_what_was_never_begun(void **state)
{
	struct world *w = *state;

	commit(w);
	assert_int_equal(w->status, 0);
	world_end_call(w);
	assert_false(w->report.valid);
}

static void loses_an_engine_in_the_middle(void **state)
{
	struct world *w = *state;
	int status = 1;

	offer(w, 0, a_call);
	answer(w, 1, b_call);
	w->peer.latency_ms = 50;
	media_commit(w->m, note, &status);
	run(w, 10);
	peer_kill(&w->peer);
	assert_int_equal(status, -ENOTCONN);
	w->peer.latency_ms = 0;
	peer_start(&w->peer);
	run(w, 200);
	media_settle(w->m);
	w->peer.latency_ms = 50;
	w->ended = 0;
	world_end_call(w); /* answered with counters, though late */
}

/* ---- restarts ---- */

static void sets_all_again_after_a_restart(void **state)
{
	struct world *w = *state;

	exchange(w, 0, a_video, b_video);
	struct flow before[2] = { *the_flow(w, 0), *the_flow(w, 1) };
	if (before[0].id > before[1].id) {
		struct flow x = before[0];
		before[0] = before[1];
		before[1] = x;
	}
	peer_kill(&w->peer);
	run(w, 300);
	assert_int_equal(w->peer.n_flows, 0);
	peer_start(&w->peer);
	run(w, 200);
	assert_int_equal(w->peer.n_flows, 2);
	for (int i = 0; i < 2; i++)
		assert_memory_equal(&peer_flow(&w->peer, before[i].id)->flow, &before[i],
				    sizeof(before[i]));
	/* it may also say so itself */
	w->peer.n_flows = 0;
	say(w, FLOW_EVENT_RESTARTED, 0, 0, 0);
	run(w, 10);
	assert_int_equal(w->peer.n_flows, 2);
}

/* What is being talked about is not agreed: until its commit the old terms count. */
static void sets_again_what_was_agreed(void **state)
{
	struct world *w = *state;

	exchange(w, 0, a_call, b_call);
	struct flow before = *the_flow(w, 0);
	offer(w, 0, A_HEAD "m=audio 4444 RTP/AVP 8\r\n");
	for (int answered = 0; answered < 2; answered++) {
		peer_kill(&w->peer);
		peer_start(&w->peer);
		run(w, 200);
		assert_memory_equal(the_flow(w, 0), &before, sizeof(before));
		answer(w, 1, b_call);
	}
	commit(w);
	assert_int_equal(the_flow(w, 0)->side[0].remote.port, 4444);
}

static void mends_what_a_broken_line_lost(void **state)
{
	struct world *w = *state;

	exchange(w, 0, a_call, b_call);
	u32 gen = the_flow(w, 0)->gen;
	offer(w, 0, A_HEAD "m=audio 4444 RTP/AVP 8\r\n");
	answer(w, 1, b_call);
	w->peer.mute = true; /* the SET is on its way, and then is not */
	media_commit(w->m, NULL, NULL);
	run(w, 10);
	peer_disconnect(&w->peer);
	w->peer.mute = false;
	assert_int_equal(the_flow(w, 0)->side[0].remote.port, 4000);
	run(w, 200);
	assert_int_equal(w->peer.n_flows, 1);
	assert_int_equal(the_flow(w, 0)->side[0].remote.port, 4444);
	assert_int_equal(the_flow(w, 0)->gen, gen + 1);
}

/* ---- events ---- */

static void passes_events_on(void **state)
{
	struct world *w = *state;

	exchange(w, 0, a_call, b_call);
	u64 id = the_flow(w, 0)->id;
	u32 gen = the_flow(w, 0)->gen;
	say(w, FLOW_EVENT_LATCHED, id, gen, 1);
	assert_int_equal(w->events, 1);
	assert_int_equal(w->event, MEDIA_LATCHED);
	assert_int_equal(w->event_leg, 1);
	struct addr source = at("9.8.7.6", 54);
	assert_true(addr_eq(&w->event_source, &source));
	say(w, FLOW_EVENT_CONFLICT, id, gen, 0);
	assert_int_equal(w->event, MEDIA_CONFLICT);
	assert_int_equal(w->event_leg, 0);
	say(w, FLOW_EVENT_CONFLICT, id, gen - 1, 0); /* of what no longer holds */
	say(w, FLOW_EVENT_CONFLICT, id + 1, gen, 0);
	assert_int_equal(w->events, 2);
}

static void tells_when_all_streams_are_silent(void **state)
{
	struct world *w = *state;

	offer(w, 0, a_video);
	answer(w, 1, b_video);
	commit(w);
	u64 id[2] = { the_flow(w, 0)->id, the_flow(w, 1)->id };
	u32 gen = the_flow(w, 0)->gen;
	run(w, 70000);
	say(w, FLOW_EVENT_IDLE, id[0], gen, 0);
	say(w, FLOW_EVENT_IDLE, id[1], gen, 0);
	assert_int_equal(w->events, 0); /* it still rings */
	media_settle(w->m);
	run(w, 30000);
	say(w, FLOW_EVENT_IDLE, id[0], gen, 0);
	say(w, FLOW_EVENT_IDLE, id[1], gen, 0);
	assert_int_equal(w->events, 0); /* answered only now */
	run(w, 40000);
	say(w, FLOW_EVENT_IDLE, id[0], gen, 0);
	assert_int_equal(w->events, 0); /* the other still speaks */
	run(w, 100000);
	say(w, FLOW_EVENT_IDLE, id[1], gen, 0);
	assert_int_equal(w->events, 0); /* the first did since */
	run(w, 1000);
	say(w, FLOW_EVENT_IDLE, id[0], gen, 0);
	assert_int_equal(w->events, 1);
	assert_int_equal(w->event, MEDIA_SILENCE);
}

/* ---- orphans ---- */

static struct flow left_flow(u64 id, u16 inside, u16 outside)
{
	struct flow f = { .id = id, .gen = 4, .idle_ms = 60000 };

	f.side[0].local = (struct flow_addr){ .ip = { 10, 0, 0, 1 }, .port = inside, .family = 4 };
	f.side[1].local =
		(struct flow_addr){ .ip = { 203, 0, 113, 10 }, .port = outside, .family = 4 };
	for (int i = 0; i < 2; i++) {
		f.side[i].clock = 8000;
		f.side[i].ptime = 20;
		f.side[i].dtmf_in = f.side[i].dtmf_out = FLOW_PT_NONE;
		f.side[i].dtmf_clock = 8000;
	}
	return f;
}

static void reconnect(struct world *w)
{
	peer_disconnect(&w->peer);
	run(w, 200);
	assert_true(w->peer.connected);
}

static void keeps_ports_of_orphans(void **state)
{
	struct world *w = *state;
	u64 id = 0x00abcdef12345678;

	w->peer.flows[w->peer.n_flows++].flow = left_flow(id, 30010, 20020);
	reconnect(w);
	assert_int_equal(usage(w, 0).orphaned, 1);
	assert_int_equal(usage(w, 1).orphaned, 1);
	assert_int_equal(w->peer.n_flows, 1);
	reconnect(w); /* it is known now, once is enough */
	assert_int_equal(usage(w, 1).orphaned, 1);
	while (ports_take(w->ms->pool[1].place[0].ports))
		;
	assert_int_equal(usage(w, 1).used, usage(w, 1).total - 1);
	for (u16 port = 30000; port < 39999; port += 2)
		if (port != 30010)
			ports_rest(w->ms->pool[1].place[0].ports, port);
	say(w, FLOW_EVENT_IDLE, id, 4, 0);
	say(w, FLOW_EVENT_IDLE, id, 4, 0);
	assert_int_equal(usage(w, 1).orphaned, 1); /* until the engine has let go */
	run(w, 10);
	assert_int_equal(w->peer.n_flows, 0);
	assert_int_equal(w->peer.dels, 1);
	assert_int_equal(usage(w, 0).orphaned, 0);
	assert_int_equal(usage(w, 0).resting, 1);
	assert_int_equal(w->ms->orphans.count, 0);
}

static void makes_orphans_end(void **state)
{
	struct world *w = *state;

	w->peer.flows[0].flow = left_flow(0x00abcdef12345678, 30010, 20020);
	w->peer.flows[0].flow.idle_ms = 0;
	w->peer.n_flows = 1;
	reconnect(w);
	assert_int_equal(the_flow(w, 0)->idle_ms, 60000);
	assert_int_equal(the_flow(w, 0)->gen, 5);
	peer_kill(&w->peer);
	peer_start(&w->peer);
	run(w, 200);
	assert_int_equal(usage(w, 0).orphaned, 0); /* gone with the engine */
	assert_int_equal(w->ms->orphans.count, 0);
}

/* Flows of a shard that runs beside us are none of our business. */
static void leaves_other_shards_alone(void **state)
{
	struct world *w = *state;

	w->ms->n_shards = 2;
	w->peer.flows[0].flow = left_flow(0x01abcdef12345678, 50010, 50020);
	w->peer.n_flows = 1;
	reconnect(w);
	assert_int_equal(w->ms->orphans.count, 0);
	say(w, FLOW_EVENT_IDLE, 0x01abcdef12345678, 4, 0);
	run(w, 10);
	assert_int_equal(w->peer.n_flows, 1);
	/* but one on our ports was left by a life with other shards */
	w->peer.flows[0].flow = left_flow(0x01abcdef12345678, 30010, 50020);
	reconnect(w);
	assert_int_equal(usage(w, 1).orphaned, 1);
	say(w, FLOW_EVENT_IDLE, 0x01abcdef12345678, 4, 0);
	run(w, 10);
	assert_int_equal(w->peer.n_flows, 0);
}

static void deletes_what_ended_while_the_line_was_down(void **state)
{
	struct world *w = *state;

	exchange(w, 0, a_call, b_call);
	peer_disconnect(&w->peer);
	world_end_call(w);
	assert_false(w->report.valid);
	assert_int_equal(w->peer.n_flows, 1);
	run(w, 200);
	assert_int_equal(w->peer.n_flows, 0);
	assert_int_equal(w->ms->orphans.count, 0);
	assert_int_equal(usage(w, 0).orphaned, 0);
}

/* A session that took the port of an orphan before anybody knew of it gets it. */
static void takes_ports_from_orphans(void **state)
{
	struct world *w = *state;

	exchange(w, 0, a_call, b_call);
	u16 port = the_flow(w, 0)->side[0].local.port;
	w->peer.flows[w->peer.n_flows++].flow = left_flow(0x00abcdef12345678, port, 20020);
	reconnect(w);
	assert_int_equal(w->peer.n_flows, 1);
	assert_int_equal(usage(w, 1).used, 1);
	assert_int_equal(usage(w, 1).orphaned, 0);
	assert_int_equal(usage(w, 0).orphaned, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(sets_many_calls_in_one_datagram),
		T(reports_what_the_engine_says),
		T(waits_for_every_stream),
		T(lets_the_last_commit_win),
		T(offers_without_an_engine),
		T(ends_what_was_never_begun),
		T(loses_an_engine_in_the_middle),
		T(sets_all_again_after_a_restart),
		T(sets_again_what_was_agreed),
		T(mends_what_a_broken_line_lost),
		T(passes_events_on),
		T(tells_when_all_streams_are_silent),
		T(keeps_ports_of_orphans),
		T(makes_orphans_end),
		T(leaves_other_shards_alone),
		T(deletes_what_ended_while_the_line_was_down),
		T(takes_ports_from_orphans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
