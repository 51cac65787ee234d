/* SPDX-License-Identifier: Apache-2.0 */
/* What the client asks and is told while the line holds. */
#include "engine/engine_test.h"

static void comes_up_and_subscribes(void **state)
{
	struct world *w = *state;

	struct flow f = a_flow(1, 1);
	assert_int_equal(engine_set(w->e, &f, done, w), -ENOTCONN);
	come_up(w);
	assert_int_equal(w->fresh, 1);
	assert_true(w->peer.subscribed);
	assert_int_equal(engine_caps(w->e), FLOW_CAP_IPV4 | FLOW_CAP_IPV6);
	assert_int_equal(w->done, 0);
}

static void gives_new_ids(void **state)
{
	struct world *w = *state;
	u64 a = engine_new_id(w->e), b = engine_new_id(w->e);

	assert_true(a != b);
	assert_int_equal(a >> 56, 3);
	assert_true(engine_gave_id(w->e, a) && engine_gave_id(w->e, b));
	assert_false(engine_gave_id(w->e, a ^ 1ull << 40));
}

static void sends_one_round_in_one_datagram(void **state)
{
	struct world *w = *state;

	come_up(w);
	unsigned before = w->peer.datagrams;
	for (u64 id = 1; id <= 20; id++) {
		struct flow f = a_flow(id, 1);
		assert_int_equal(engine_set(w->e, &f, done, w), 0);
	}
	assert_int_equal(w->peer.sets, 0);
	assert_int_equal(w->done, 0);
	loop_advance(w->loop, 10);
	assert_int_equal(w->peer.datagrams, before + 1);
	assert_int_equal(w->peer.sets, 20);
	assert_int_equal(w->done, 20);
	assert_int_equal(w->status, 0);
}

/* What nobody waits for is not answered, and nothing runs out while it is not. */
static void asks_no_ack_for_nobody(void **state)
{
	struct world *w = *state;
	struct flow f = a_flow(1, 1), g = a_flow(2, 1);

	come_up(w);
	unsigned acks = w->peer.acks;
	assert_int_equal(engine_set(w->e, &f, NULL, NULL), 0);
	loop_advance(w->loop, 5000);
	assert_int_equal(w->peer.sets, 1);
	assert_int_equal(w->peer.acks, acks);
	assert_int_equal(w->downs, 0);
	assert_int_equal(engine_set(w->e, &f, NULL, NULL), 0);
	assert_int_equal(engine_set(w->e, &g, done, w), 0);
	loop_advance(w->loop, 10);
	assert_int_equal(w->peer.acks, acks + 1);
	assert_int_equal(w->done, 1);
}

/* More than a datagram holds, and more answers than one holds: all are asked and answered. */
static void splits_what_is_too_much(void **state)
{
	struct world *w = *state;

	come_up(w);
	for (u64 id = 1; id <= PEER_FLOWS; id++) {
		struct flow f = a_flow(id, 1);
		assert_int_equal(engine_set(w->e, &f, done, w), 0);
	}
	loop_advance(w->loop, 10);
	assert_int_equal(w->done, PEER_FLOWS);
	for (unsigned i = 0; i < PEER_FLOWS; i++) /* reports as long as they get */
		for (int side = 0; side < 2; side++)
			w->peer.flows[i].rtp[side] = w->peer.flows[i]
							     .rtcp[side] = (struct flow_stats){
				1, 2, 3, 4, 5, 6, 7, 8, 1, { { 1 }, 2, 6, 0 }, { { 1 }, 2, 6, 0 }
			};
	for (u64 id = 1; id <= PEER_FLOWS; id++)
		assert_int_equal(engine_del(w->e, id, reported, w), 0);
	loop_advance(w->loop, 10);
	assert_int_equal(w->reports, PEER_FLOWS);
	assert_int_equal(w->status, 0);
	assert_int_equal(w->peer.n_flows, 0);
}

static void passes_reports_and_refusals(void **state)
{
	struct world *w = *state;
	struct flow f = a_flow(77, 5);

	come_up(w);
	engine_set(w->e, &f, done, w);
	loop_advance(w->loop, 10);
	w->peer.flows[0].rtp[1].packets = 42;
	engine_get(w->e, 77, reported, w);
	loop_advance(w->loop, 10);
	assert_int_equal(w->report.rtp[1].packets, 42);
	assert_int_equal(w->report.flow.gen, 5);
	f.gen = 4;
	engine_set(w->e, &f, done, w);
	loop_advance(w->loop, 10);
	assert_int_equal(w->status, -ESTALE);
	engine_del(w->e, 78, reported, w);
	loop_advance(w->loop, 10);
	assert_int_equal(w->status, -ENOENT);
	assert_int_equal(w->reports, 2);
}

static void passes_events(void **state)
{
	struct world *w = *state;
	const struct tlv_event e = { .flow_id = 9,
				     .gen = 2,
				     .event = FLOW_EVENT_LATCHED,
				     .side = 1,
				     .source = { .ip = { 1, 2, 3, 4 }, .port = 5, .family = 4 } };

	come_up(w);
	peer_event(&w->peer, &e);
	assert_int_equal(w->events, 1);
	assert_memory_equal(&w->event, &e, sizeof(e));
}

static void waits_where_the_transport_is_full(void **state)
{
	struct world *w = *state;

	come_up(w);
	w->peer.full = 1;
	for (u64 id = 1; id <= 3; id++) {
		struct flow f = a_flow(id, 1);
		assert_int_equal(engine_set(w->e, &f, done, w), 0);
		loop_advance(w->loop, 10);
	}
	assert_int_equal(w->done, 0); /* what came later may not overtake */
	engine_ready(w->e);
	loop_advance(w->loop, 10);
	assert_int_equal(w->done, 3);
	assert_int_equal(w->peer.n_flows, 3);
	assert_int_equal(w->peer.flows[0].flow.id, 1);
}

/* As long as a request gets: nothing is lost at the end of a datagram. */
static void sends_the_longest_flows(void **state)
{
	struct world *w = *state;

	come_up(w);
	for (u64 id = 1; id <= 200; id++) {
		struct flow f = a_flow(id, 1);
		for (int i = 0; i < 2; i++) {
			struct flow_side *s = &f.side[i];
			*s = (struct flow_side){ .local = { { 1 }, 4000, 6, 0 },
						 .remote = { { 2 }, 5000, 6, 0 },
						 .sig = { { 3 }, 0, 6, 0 },
						 .local_rtcp = 4001,
						 .remote_rtcp = 5001,
						 .clock = 90000,
						 .flags = FLOW_SIDE_HOLD,
						 .mode = FLOW_MODE_NAT,
						 .learn_len = 64,
						 .ptime = 30,
						 .dscp = 46,
						 .dtmf_in = FLOW_PT_NONE,
						 .dtmf_out = FLOW_PT_NONE,
						 .dtmf_clock = 8000,
						 .n_acl = FLOW_ACL_MAX,
						 .n_ptmap = FLOW_PTMAP_MAX };
			for (u8 k = 0; k < FLOW_ACL_MAX; k++)
				s->acl[k] = (struct flow_addr){ { k }, 0, 6, 128 };
			for (u8 k = 0; k < FLOW_PTMAP_MAX; k++)
				s->ptmap[k][0] = s->ptmap[k][1] = k;
		}
		assert_int_equal(engine_set(w->e, &f, done, w), 0);
	}
	loop_advance(w->loop, 10);
	assert_int_equal(w->done, 200);
	assert_int_equal(w->status, 0);
	assert_int_equal(w->peer.n_flows, 200);
}

static void plays_keys(void **state)
{
	struct world *w = *state;
	struct flow f = a_flow(1, 1);

	assert_int_equal(engine_dtmf(w->e, 1, 0, 5, 100), -ENOTCONN);
	come_up(w);
	engine_set(w->e, &f, NULL, NULL);
	unsigned acks = w->peer.acks;
	assert_int_equal(engine_dtmf(w->e, 1, 1, 11, 250), 0);
	loop_advance(w->loop, 10);
	assert_int_equal(w->peer.keys, 1);
	assert_true(w->peer.key.flow_id == 1 && w->peer.key.side == 1);
	assert_int_equal(w->peer.key.digit, 11);
	assert_int_equal(w->peer.key.duration_ms, 250);
	assert_int_equal(w->peer.acks, acks); /* nobody waits for an answer, so none comes */
	loop_advance(w->loop, 3000);
	assert_int_equal(w->downs, 0);
}

struct lists {
	unsigned flows, drops, ports, done;
};

static void list_flow(void *arg, const struct tlv_report *r)
{
	((struct lists *)arg)->flows++;
}

static void list_drop(void *arg, const char *name, u64 count, const char *text)
{
	assert_string_equal(name, "rtp_short");
	assert_int_equal(count, 3);
	assert_string_equal(text, "shorter than its own headers say");
	((struct lists *)arg)->drops++;
}

static void list_port(void *arg, const char *network, const char *driver, const char *why)
{
	assert_string_equal(driver, "AF_PACKET on eth0");
	((struct lists *)arg)->ports++;
}

static void list_done(void *arg, int status)
{
	assert_int_equal(status, 0);
	((struct lists *)arg)->done++;
}

static void lists_everything(void **state)
{
	struct world *w = *state;
	struct lists l = { 0 };
	const struct engine_dump d = { list_flow, list_drop, list_port, list_done, &l };

	come_up(w);
	for (u64 id = 1; id <= 5; id++) {
		struct flow f = a_flow(id, 1);
		engine_set(w->e, &f, NULL, NULL);
	}
	assert_int_equal(engine_dump(w->e, &d), 0);
	loop_advance(w->loop, 10);
	assert_int_equal(l.flows, 5);
	assert_int_equal(l.drops, 1);
	assert_int_equal(l.ports, 1);
	assert_int_equal(l.done, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(comes_up_and_subscribes),
		T(gives_new_ids),
		T(sends_one_round_in_one_datagram),
		T(asks_no_ack_for_nobody),
		T(splits_what_is_too_much),
		T(passes_reports_and_refusals),
		T(passes_events),
		T(waits_where_the_transport_is_full),
		T(sends_the_longest_flows),
		T(plays_keys),
		T(lists_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
