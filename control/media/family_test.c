/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 and IPv6: each leg has what it speaks, and silence nobody. */
#include "media/world.h"

#define A6   "v=0\r\no=- 1 2 IN IP6 2001:db8:1::20\r\nc=IN IP6 2001:db8:1::20\r\n"
#define B6   "v=0\r\no=- 1 2 IN IP6 2001:db8:2::20\r\nc=IN IP6 2001:db8:2::20\r\n"
#define PCMA "m=audio 4000 RTP/AVP 8\r\n"

static int setup(void **state)
{
	struct world *w = *state = world_new(NULL, NULL);

	w->conf->networks[0].address6 = at("2001:db8:2::10", 0);
	w->conf->networks[1].address6 = at("2001:db8:1::1", 0);
	for (unsigned i = 0; i < 2; i++)
		w->ms->pool[i].place[0].ip6 = w->conf->networks[i].address6;
	return 0;
}

static void expect_side(struct world *w, unsigned side, const char *local, const char *remote)
{
	const struct flow_side *f = &the_flow(w, 0)->side[side];
	struct addr l = at(local, 0), r = at(remote, 0);

	assert_int_equal(f->local.family, l.family);
	assert_memory_equal(f->local.ip, l.ip, 16);
	assert_int_equal(f->remote.family, r.family);
	assert_memory_equal(f->remote.ip, r.ip, 16);
}

static void answers_in_the_family_of_the_offer(void **state)
{
	struct world *w = *state;

	assert_int_equal(offer(w, 0, A6 PCMA), 0);
	assert_non_null(strstr(w->text, "c=IN IP4 203.0.113.10\r\n")); /* B is at an IPv4 address */
	run(w, 10);
	assert_int_equal(the_flow(w, 0)->side[0].local.family, 6);
	assert_int_equal(the_flow(w, 0)->side[1].local.family, 4);
	assert_int_equal(answer(w, 1, B_HEAD PCMA), 0);
	assert_non_null(
		strstr(w->text, " IN IP6 2001:db8:1::1\r\ns=-\r\nc=IN IP6 2001:db8:1::1\r\n"));
	assert_null(strstr(w->text, "IP4"));
	commit(w);
	media_settle(w->m);
	expect_side(w, 0, "2001:db8:1::1", "2001:db8:1::20");
	expect_side(w, 1, "203.0.113.10", "203.0.113.20");
	assert_int_equal(the_flow(w, 0)->side[0].sig.family, 0); /* its SIP is IPv4 */
	assert_int_equal(the_flow(w, 0)->side[1].sig.family, 4);

	struct media_leg_info info;
	media_info(w->m, 0, &info, 1);
	assert_int_equal(info.local.family, 6);

	/* what a leg has is what it is offered later */
	assert_int_equal(offer(w, 1, B_HEAD PCMA), 0);
	assert_non_null(strstr(w->text, "c=IN IP6 2001:db8:1::1\r\n"));
	assert_int_equal(answer(w, 0, A_HEAD PCMA), -ENOTSUP); /* of a family that nobody offered */
	assert_int_equal(answer(w, 0, A6 PCMA), 0);
	media_settle(w->m);
}

static void offers_by_the_family_of_the_signalling(void **state)
{
	struct world *w = *state;
	struct addr *host = &w->conf->trunks[0].host;

	assert_string_equal(w->conf->trunks[0].name, "carrier");
	*host = at("2001:db8:2::20", 5060);
	w->sig[1] = at("2001:db8:2::20", 5060);
	assert_int_equal(offer(w, 0, A_HEAD PCMA), 0);
	assert_non_null(strstr(w->text, "c=IN IP6 2001:db8:2::10\r\n"));
	assert_int_equal(answer(w, 1, B_HEAD PCMA), -ENOTSUP);
	assert_int_equal(
		answer(w, 1, B6 "m=audio 6000 RTP/AVP 8\r\na=rtcp:6007 IN IP6 2001:db8:2::20\r\n"),
		0);
	assert_non_null(strstr(w->text, "c=IN IP4 192.0.2.200\r\n"));
	commit(w);
	media_settle(w->m);
	expect_side(w, 0, "10.0.0.1", "10.0.0.20");
	expect_side(w, 1, "2001:db8:2::10", "2001:db8:2::20");
	assert_int_equal(the_flow(w, 0)->side[1].remote_rtcp, 6007);
	assert_int_equal(the_flow(w, 0)->side[1].sig.family, 6);
	assert_int_equal(the_flow(w, 0)->side[1].mode, FLOW_MODE_STATIC);
}

/* The ports stay; so does o=, whose address is part of the session's name. */
static void changes_the_family_in_a_call(void **state)
{
	struct world *w = *state;

	exchange(w, 0, A_HEAD PCMA, B_HEAD PCMA);
	struct flow before = *the_flow(w, 0);
	exchange(w, 0, A6 PCMA, B_HEAD PCMA);
	expect_side(w, 0, "2001:db8:1::1", "2001:db8:1::20");
	assert_non_null(strstr(w->text, " IN IP4 192.0.2.200\r\ns=-\r\nc=IN IP4 192.0.2.200\r\n"));
	assert_non_null(strstr(w->text, "m=audio"));
	assert_non_null(strstr(strstr(w->text, "m=audio"), "c=IN IP6 2001:db8:1::1\r\n"));
	assert_int_equal(the_flow(w, 0)->side[0].local.port, before.side[0].local.port);
	/* held as RFC 2543 has it: nothing is known of a family */
	exchange(w, 0, A_HEAD "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 0.0.0.0\r\n", B_HEAD PCMA);
	expect_side(w, 0, "2001:db8:1::1", "2001:db8:1::20");
	exchange(w, 0, A_HEAD PCMA, B_HEAD PCMA);
	expect_side(w, 0, "10.0.0.1", "10.0.0.20");
}

/* Each m= line by itself. */
static void has_both_in_one_description(void **state)
{
	struct world *w = *state;

	exchange(w, 0, A_HEAD PCMA "m=video 4002 RTP/AVP 31\r\nc=IN IP6 2001:db8:1::20\r\n",
		 B_HEAD PCMA "m=video 6002 RTP/AVP 31\r\n");
	assert_int_equal(line_of(w, 0)->addr.family, 4);
	assert_int_equal(line_of(w, 1)->addr.family, 6);
	assert_int_equal(the_flow(w, 1)->side[0].local.family, 6);
	assert_int_equal(the_flow(w, 1)->side[1].local.family, 4);
}

static void refuses_what_cannot_be_relayed(void **state)
{
	struct world *w = *state;
	static const char both[] =
		A_HEAD PCMA "m=video 4002 RTP/AVP 31\r\nc=IN IP6 2001:db8:1::20\r\n";

	/* no such address of ours */
	w->conf->networks[1].address6.family = 0;
	assert_int_equal(offer(w, 0, A6 PCMA), -ENOTSUP);
	assert_int_equal(offer(w, 0, both), 0);
	assert_true(line_of(w, 0)->port && !line_of(w, 1)->port);
	media_reject(w->m);
	w->conf->networks[1].address6.family = 6;

	/* addresses that nobody can reach */
	static const char *const bad[] = { "::1", "ff15::1" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[256];
		snprintf(text, sizeof(text), "v=0\r\nc=IN IP6 %s\r\n" PCMA, bad[i]);
		assert_int_equal(offer(w, 0, text), -ENOTSUP);
	}

	/* an engine without IPv6 */
	peer_kill(&w->peer);
	w->peer.caps = FLOW_CAP_IPV4;
	run(w, 200);
	peer_start(&w->peer);
	run(w, 500);
	assert_int_equal(offer(w, 0, A6 PCMA), -ENOTSUP);
	assert_int_equal(offer(w, 0, both), 0);
	assert_true(line_of(w, 0)->port && !line_of(w, 1)->port);
	media_reject(w->m);
	/* and who has IPv6 may have IPv4, too: it says so */
	w->conf->trunks[0].host = at("2001:db8:2::20", 5060);
	assert_int_equal(offer(w, 0, A_HEAD PCMA), 0);
	assert_non_null(strstr(w->text, "c=IN IP4 203.0.113.10\r\n"));
	assert_int_equal(answer(w, 1, B6 PCMA), -ENOTSUP);
	assert_int_equal(answer(w, 1, B_HEAD PCMA), 0);
}

/* A flow of an earlier life, with an IPv6 address of ours: its port is in use on both. */
static void knows_its_ports_again(void **state)
{
	struct world *w = *state;

	exchange(w, 0, A6 PCMA, B_HEAD PCMA);
	struct tlv_report r = { .flow = *the_flow(w, 0) };
	struct media_ports u;
	world_end_call(w);
	run(w, 40000);
	r.flow.id ^= 1ull << 40;
	orphan_add(w->ms, &r);
	media_port_usage(w->ms, 1, &u);
	assert_int_equal(u.orphaned, 1);
	media_port_usage(w->ms, 0, &u);
	assert_int_equal(u.orphaned, 1);
	orphan_forget_unseen(w->ms);
	orphan_forget_unseen(w->ms);
	world_new_call(w);
}

/* Of ours: by what the leg has, else by its signalling; and who takes its place begins anew. */
static void offers_of_ours_have_the_family_of_the_leg(void **state)
{
	struct world *w = *state;
	char text[2048];
	struct buf b;

	exchange(w, 0, A6 PCMA, B_HEAD PCMA);
	buf_init(&b, text, sizeof(text) - 1);
	assert_int_equal(media_make_offer(w->m, 0, &b), 0);
	text[b.n] = 0;
	assert_non_null(strstr(text, "c=IN IP6 2001:db8:1::1\r\n"));
	assert_int_equal(offer(w, 0, A_HEAD PCMA), -ENOTSUP); /* of the other family */
	assert_int_equal(offer(w, 0, A6 PCMA), 0);
	assert_int_equal(media_answer_known(w->m), 0);
	media_settle(w->m);
	buf_init(&b, text, sizeof(text) - 1);
	assert_int_equal(media_repeat(w->m, 0, &b), 0);
	text[b.n] = 0;
	assert_non_null(strstr(text, "c=IN IP6 2001:db8:1::1\r\n"));

	/* somebody else in its place has IPv4, and an o= of its own */
	assert_int_equal(media_add_leg(w->m, 0, w->m->leg[0].trunk), 0);
	buf_init(&b, text, sizeof(text) - 1);
	assert_int_equal(media_make_offer(w->m, MEDIA_THIRD, &b), 0);
	text[b.n] = 0;
	assert_non_null(strstr(text, "c=IN IP4 192.0.2.200\r\n"));
	buf_init(&b, w->text, sizeof(w->text) - 1);
	assert_int_equal(media_offer(w->m, MEDIA_THIRD, STR(A_HEAD PCMA), &w->sig[0], &b), 0);
	assert_int_equal(media_answer_known(w->m), 0);
	commit(w);
	media_settle(w->m);
	expect_side(w, 0, "10.0.0.1", "10.0.0.20");
	media_take_leg(w->m);
	commit(w);
	expect_side(w, 0, "10.0.0.1", "10.0.0.20");
	expect_side(w, 1, "203.0.113.10", "203.0.113.20");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(answers_in_the_family_of_the_offer),
		T(offers_by_the_family_of_the_signalling),
		T(changes_the_family_in_a_call),
		T(has_both_in_one_description),
		T(refuses_what_cannot_be_relayed),
		T(knows_its_ports_again),
		T(offers_of_ours_have_the_family_of_the_leg),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
