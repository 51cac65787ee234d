/* SPDX-License-Identifier: Apache-2.0 */
/* Several parties answer one offer: each has its own media, the last word counts, and our ports stay. */
#include "media/world.h"

#define ONE   B_HEAD "m=audio 6000 RTP/AVP 8 101\r\n" EVENTS
#define TWO   B_HEAD "m=audio 7000 RTP/AVP 0\r\n"
#define THREE B_HEAD "m=audio 8000 RTP/AVP 8 0\r\na=sendonly\r\n"

struct step {
	unsigned fork;
	const char *sdp; /* "": what it said before */
	int rc;
	u16 remote;          /* of the callee, after a commit */
	const char *formats; /* what the caller is told */
	unsigned version;
};

static const struct step steps[] = {
	{ 1, "", -EBADMSG, 0, NULL, 0 },
	{ 1, ONE, 0, 6000, "8 101", 1 },
	{ 2, "", -EBADMSG, 0, NULL, 0 },
	{ 2, TWO, 0, 7000, "0", 2 },
	{ 1, "", 0, 6000, "8 101", 3 },
	{ 1, "", 0, 6000, "8 101", 3 },
	{ 3, B_HEAD "m=audio 0 RTP/AVP 8\r\n", -ENOTSUP, 6000, NULL, 0 },
	{ 3, "", -EBADMSG, 6000, NULL, 0 },
	{ 3, THREE, 0, 8000, "8 0", 4 },
	{ 2, "", 0, 7000, "0", 5 },
	{ 2, ONE, 0, 6000, "8 101", 6 },
	{ 2, "", 0, 6000, "8 101", 6 },
};

static void keeps_the_answer_of_each(void **state)
{
	struct world *w = *state;
	u16 port = 0;

	assert_int_equal(offer(w, 0, A_HEAD A_AUDIO), 0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const struct step *s = &steps[i];
		assert_int_equal(answer_fork(w, 1, s->fork, s->sdp), s->rc);
		if (s->rc)
			continue;
		expect_formats(w, 0, s->formats);
		assert_int_equal(version_in(w->text), s->version);
		assert_true(!port || port == line_of(w, 0)->port);
		port = line_of(w, 0)->port;
		commit(w);
		assert_int_equal(the_flow(w, 0)->side[1].remote.port, s->remote);
		assert_int_equal(the_flow(w, 0)->side[0].local.port, port);
	}
	assert_int_equal(in_use(w), 2);
	media_settle(w->m);
	/* the next exchange begins with nothing */
	assert_int_equal(offer(w, 0, A_HEAD A_AUDIO), 0);
	assert_int_equal(answer_fork(w, 1, 2, ""), -EBADMSG);
}

/* The signalling address of a fork comes back with its answer. */
static void keeps_where_it_came_from(void **state)
{
	struct world *w = *state;

	assert_int_equal(offer(w, 0, A_HEAD A_AUDIO), 0);
	w->sig[1] = at("203.0.113.50", 5060);
	assert_int_equal(answer_fork(w, 1, 1, ONE), 0);
	w->sig[1] = at("203.0.113.60", 5060);
	assert_int_equal(answer_fork(w, 1, 2, TWO), 0);
	assert_int_equal(answer_fork(w, 1, 1, ""), 0);
	commit(w);
	assert_int_equal(the_flow(w, 0)->side[1].sig.ip[3], 50);
}

static void remembers_no_more_than_is_sensible(void **state)
{
	struct world *w = *state;

	assert_int_equal(offer(w, 0, A_HEAD A_AUDIO), 0);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(answer_fork(w, 1, i, ONE), 0);
	assert_int_equal(answer_fork(w, 1, 99, ""), 0);
	assert_int_equal(answer_fork(w, 1, 68, ""), 0);
	assert_int_equal(answer_fork(w, 1, 67, ""), -EBADMSG);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(keeps_the_answer_of_each),
		T(keeps_where_it_came_from),
		T(remembers_no_more_than_is_sensible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
