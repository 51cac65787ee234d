/* SPDX-License-Identifier: Apache-2.0 */
/* A network with several addresses for media; and ports that are nobody's. */
#include "media/world.h"

#define MORE                                                                                       \
	", address6: \"2001:db8:2::10/64\",\n"                                                     \
	"   media-addresses: [203.0.113.11, \"2001:db8:2::11\", 203.0.113.12]"
#define PCMA  "m=audio 4000 RTP/AVP 8\r\n"
#define VIDEO "m=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"
#define B6    "v=0\r\no=- 1 2 IN IP6 2001:db8:2::20\r\ns=-\r\nc=IN IP6 2001:db8:2::20\r\nt=0 0\r\n"

static int setup(void **state)
{
	*state = world_new_on(NULL, NULL, MORE);
	return 0;
}

/* The last octet of the address that the call has outside. */
static unsigned offered(struct world *w, unsigned family)
{
	const struct addr *a = &line_of(w, 0)->addr;

	assert_int_equal(a->family, family);
	return a->ip[family == 6 ? 15 : 3];
}

static unsigned new_call(struct world *w, unsigned family)
{
	unsigned last;

	world_end_call(w);
	run(w, 1);
	world_new_call(w);
	assert_int_equal(offer(w, 0, A_HEAD PCMA), 0);
	last = offered(w, family);
	run(w, 10);
	assert_int_equal(the_flow(w, 0)->side[1].local.ip[family == 6 ? 15 : 3], last);
	return last;
}

static void every_address_gets_its_part(void **state)
{
	struct world *w = *state;
	unsigned n[256] = { 0 };
	struct media_ports u;

	for (unsigned i = 0; i < 600; i++)
		n[new_call(w, 4)]++;
	assert_int_equal(n[10] + n[11] + n[12], 600);
	for (unsigned i = 10; i < 13; i++)
		assert_in_range(n[i], 140, 260);
	media_port_usage(w->ms, 0, &u);
	assert_int_equal(u.total, 3 * 5000);
	assert_int_equal(u.used, 1);
	assert_in_range(u.resting, 400, 599); /* the first ones have rested */
}

static void what_is_written_is_what_is_relayed(void **state)
{
	struct world *w = *state;
	char line[64];

	while (new_call(w, 4) != 12)
		;
	assert_int_equal(answer(w, 1, B_HEAD "m=audio 6000 RTP/AVP 8\r\n"), 0);
	commit(w);
	media_settle(w->m);
	struct media_leg_info info;
	assert_int_equal(media_info(w->m, 1, &info, 1), 1);
	assert_int_equal(info.local.ip[3], 12);
	/* It stays there, with a second stream, and when the other side asks. */
	assert_int_equal(offer(w, 0, A_HEAD PCMA VIDEO), 0);
	assert_non_null(strstr(w->text, "IN IP4 203.0.113.12\r\ns=-\r\nc=IN IP4 203.0.113.12\r\n"));
	assert_null(strstr(w->text, "203.0.113.10"));
	assert_int_equal(line_of(w, 1)->addr.ip[3], 12);
	snprintf(line, sizeof(line), "m=audio %u RTP/AVP 8\r\n", info.local.port);
	assert_non_null(strstr(w->text, line));
	media_reject(w->m);
	assert_int_equal(in_use(w), 2);
}

/* .12 has no IPv6 beside it. */
static void the_family_counts(void **state)
{
	struct world *w = *state;
	unsigned n[256] = { 0 };

	w->sig[1] = at("2001:db8:2::20", 5060);
	w->conf->trunks[0].host = at("2001:db8:2::20", 5060);
	assert_string_equal(w->conf->trunks[0].name, "carrier");
	for (unsigned i = 0; i < 40; i++)
		n[new_call(w, 6)]++;
	assert_int_equal(n[0x10] + n[0x11], 40);
	assert_in_range(n[0x11], 8, 32);
	assert_int_equal(answer(w, 1, B6 "m=audio 6000 RTP/AVP 8\r\n"), 0);
	commit(w);
	media_settle(w->m);
	/* An offer of the other family: where there is only one, that is all there is. */
	w->conf->trunks[0].host = at("203.0.113.20", 5060);
	w->sig[1] = at("203.0.113.20", 5060);
	while (new_call(w, 4) != 12)
		;
	assert_int_equal(answer(w, 1, B_HEAD "m=audio 6000 RTP/AVP 8\r\n"), 0);
	commit(w);
	media_settle(w->m);
	assert_int_equal(offer(w, 1, B6 "m=audio 6000 RTP/AVP 8\r\n"), -ENOTSUP);
	while (new_call(w, 4) != 11)
		;
	assert_int_equal(answer(w, 1, B_HEAD "m=audio 6000 RTP/AVP 8\r\n"), 0);
	commit(w);
	media_settle(w->m);
	assert_int_equal(offer(w, 1, B6 "m=audio 6000 RTP/AVP 8\r\n"), 0);
	media_reject(w->m);
}

static void a_full_address_is_left_out(void **state)
{
	struct world *w = *state;
	struct pool *p = &w->ms->pool[0];
	u16 port[5001];
	unsigned n = 0;

	world_end_call(w);
	while ((port[n] = ports_take(p->place[1].ports)))
		n++;
	assert_int_equal(n, 5000);
	world_new_call(w);
	for (unsigned i = 0; i < 50; i++)
		assert_int_not_equal(new_call(w, 4), 11);
	while (n)
		ports_untake(p->place[1].ports, port[--n]);
}

/* ---- the audit ---- */

static void what_leaks_is_found_and_mended(void **state)
{
	struct world *w = *state;
	struct pool *p = &w->ms->pool[0];
	struct media_ports u;

	new_call(w, 4);
	assert_int_equal(media_ports_audit(w->ms), 0);
	/* In use, and nobody's. */
	assert_int_not_equal(ports_take(p->place[1].ports), 0);
	assert_int_not_equal(ports_take(p->place[2].ports), 0);
	assert_int_equal(in_use(w), 4);
	assert_int_equal(media_ports_audit(w->ms), 2);
	assert_int_equal(in_use(w), 2);
	assert_int_equal(media_ports_audit(w->ms), 0);
	/* Somebody's, and free. */
	struct stream *s = w->m->streams;
	struct ports *of = p->place[w->m->leg[1].place].ports;
	ports_untake(of, s->port[1]);
	assert_int_equal(media_ports_audit(w->ms), 1);
	assert_int_equal(in_use(w), 2);
	ports_rest(of, s->port[1]);
	assert_int_equal(media_ports_audit(w->ms), 1);
	assert_int_equal(media_ports_audit(w->ms), 0);
	assert_true(ports_audit(of));
	/* By itself, within a minute. */
	assert_int_not_equal(ports_take(p->place[1].ports), 0);
	run(w, 61000);
	assert_int_equal(in_use(w), 2);
	world_end_call(w);
	run(w, 61000);
	media_port_usage(w->ms, 0, &u);
	assert_int_equal(u.used, 0);
	assert_false(timer_is_set(&w->ms->audit));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_address_gets_its_part),
		T(what_is_written_is_what_is_relayed),
		T(the_family_counts),
		T(a_full_address_is_left_out),
		T(what_leaks_is_found_and_mended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
