/* SPDX-License-Identifier: Apache-2.0 */
/* Offers and answers: what comes out on the other side, and what the engine is told. */
#include "media/world.h"

static void carries_a_call(void **state)
{
	struct world *w = *state;

	assert_int_equal(offer(w, 0, A_HEAD A_AUDIO), 0);
	const struct sdp_media *l = line_of(w, 0);
	assert_str(l->kind, "audio");
	assert_str(l->proto, "RTP/AVP");
	assert_int_equal(l->n_formats, 3);
	assert_int_equal(l->formats[0].pt, 8);
	assert_int_equal(l->formats[1].pt, 0);
	assert_str(l->formats[2].fmtp, "0-15");
	assert_int_equal(l->ptime, 20);
	struct addr a = at("203.0.113.10", 0);
	assert_true(addr_ip_eq(&l->addr, &a));
	assert_in_range(l->port, 20000, 29998);
	assert_int_equal(l->port % 2, 0);
	u16 port1 = l->port;

	/* the engine watches already, and knows the caller */
	run(w, 10);
	const struct flow *f = the_flow(w, 0);
	assert_int_equal(f->gen, 1);
	assert_int_equal(f->side[1].local.port, port1);
	assert_int_equal(f->side[1].local_rtcp, port1 + 1);
	assert_int_equal(f->side[1].remote.family, 0);
	assert_int_equal(f->side[0].remote.port, 4000);
	assert_int_equal(f->side[0].remote_rtcp, 4001);
	assert_int_equal(f->side[0].n_ptmap, 3);

	assert_int_equal(answer(w, 1, B_HEAD B_AUDIO), 0);
	l = line_of(w, 0);
	a = at("192.0.2.200", 0); /* the public address of the caller's network */
	assert_true(addr_ip_eq(&l->addr, &a));
	assert_int_equal(l->n_formats, 2);
	assert_int_equal(the_flow(w, 0)->side[0].local.port, l->port);
	assert_int_equal(f->gen, 1); /* nothing goes on before the commit */
	commit(w);
	assert_int_equal(w->status, 0);
	media_settle(w->m);

	f = the_flow(w, 0);
	a = at("10.0.0.1", 0); /* but the socket is where the interface is */
	assert_memory_equal(f->side[0].local.ip, a.ip, 16);
	assert_int_equal(f->gen, 2);
	assert_int_equal(f->side[1].remote.port, 6000);
	assert_int_equal(f->side[1].remote_rtcp, 6001);
	assert_int_equal(f->side[1].n_ptmap, 2);
	assert_int_equal(f->side[1].ptmap[1][0], 101);
	assert_int_equal(f->side[1].ptmap[1][1], 101);
	assert_int_equal(f->side[0].clock, 8000);
	assert_int_equal(f->side[0].ptime, 20);
	assert_int_equal(f->side[0].dscp, 46);
	assert_int_equal(f->side[0].flags, 0);
	assert_int_equal(f->idle_ms, 60000);
	assert_int_equal(f->side[0].mode, FLOW_MODE_STATIC);
	a = at("203.0.113.20", 0);
	assert_memory_equal(f->side[1].sig.ip, a.ip, 16);

	w->peer.flows[0].rtp[1].packets = 99;
	world_end_call(w);
	assert_true(w->report.valid);
	assert_int_equal(w->report.rtp[1].packets, 99);
	assert_int_equal(w->peer.n_flows, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(carries_a_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
