/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that break, engines that die, start anew, or are of another kind. */
#include <sys/mman.h>
#include <unistd.h>
#include "engine/engine_test.h"

/* Nothing of what waited for the old connection goes out by the new one. */
static void begins_anew_on_a_new_line(void **state)
{
	struct world *w = *state;
	struct flow f = a_flow(1, 1);

	come_up(w);
	w->peer.full = 1;
	engine_set(w->e, &f, done, w);
	loop_advance(w->loop, 10);
	engine_set(w->e, &f, done, w);
	peer_disconnect(&w->peer);
	assert_int_equal(w->done, 2);
	assert_int_equal(w->status, -ENOTCONN);
	loop_advance(w->loop, 200);
	assert_int_equal(w->ups, 2);
	assert_int_equal(w->peer.sets, 0);
}

static void survives_a_failing_send(void **state)
{
	struct world *w = *state;
	struct flow f = a_flow(1, 1);

	come_up(w);
	w->peer.fail_send = -EPIPE;
	for (int i = 0; i < 1000; i++) /* it fails while requests are still being made */
		engine_set(w->e, &f, done, w);
	assert_int_equal(w->done, 0);
	assert_int_equal(w->downs, 0);
	assert_int_equal(engine_set(w->e, &f, done, w), -ENOTCONN);
	loop_advance(w->loop, 1);
	assert_in_range(w->done, 1, 999);
	assert_int_equal(w->status, -ENOTCONN);
	assert_int_equal(w->downs, 1);
	loop_advance(w->loop, 200);
	assert_int_equal(w->ups, 2);
	w->done = 0;
	assert_int_equal(engine_set(w->e, &f, done, w), 0);
	loop_advance(w->loop, 10);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->status, 0);
}

static void answers_pending_when_the_engine_dies(void **state)
{
	struct world *w = *state;
	struct flow f = a_flow(1, 1);

	come_up(w);
	w->peer.latency_ms = 50;
	engine_set(w->e, &f, done, w);
	engine_del(w->e, 1, reported, w);
	loop_advance(w->loop, 10);
	peer_kill(&w->peer);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->reports, 1);
	assert_int_equal(w->status, -ENOTCONN);
	assert_int_equal(w->downs, 1);
	assert_false(engine_is_up(w->e));
	loop_advance(w->loop, 1050);
	assert_int_equal(w->peer.opens, 1 + 10); /* each 100 ms */
	peer_start(&w->peer);
	loop_advance(w->loop, 500);
	assert_int_equal(w->ups, 2);
	assert_int_equal(w->fresh, 2);
}

/* An hour of trying every 100 ms is one line in the log. */
static void complains_once(void **state)
{
	struct world *w = *state;
	char text[4096] = "";
	int fd = memfd_create("log", 0);
	struct log *log = log_new(fd, LOG_LEVEL_INFO);
	const struct engine_options o = { .loop = w->loop,
					  .log = log,
					  .transport = peer_transport(&w->peer) };

	engine_free(w->e);
	peer_kill(&w->peer);
	w->e = engine_new(&o);
	loop_advance(w->loop, 2000);
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	char *line = strstr(text, "no connection to the media engine");
	assert_non_null(line);
	assert_null(strstr(line + 1, "no connection"));
	engine_free(w->e);
	w->e = NULL;
	log_free(log);
	close(fd);
}

static void tells_a_broken_line_from_a_restart(void **state)
{
	struct world *w = *state;

	come_up(w);
	peer_disconnect(&w->peer);
	loop_advance(w->loop, 200);
	assert_int_equal(w->ups, 2);
	assert_int_equal(w->fresh, 1);
}

static void gives_up_after_two_seconds(void **state)
{
	struct world *w = *state;
	struct flow f = a_flow(1, 1);

	come_up(w);
	w->peer.mute = true;
	engine_set(w->e, &f, done, w);
	loop_advance(w->loop, 1000);
	engine_del(w->e, 1, reported, w);
	loop_advance(w->loop, 990);
	assert_int_equal(w->done, 0);
	loop_advance(w->loop, 20);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->reports, 1);
	assert_int_equal(w->status, -ENOTCONN); /* of the later one: the line is cut */
	assert_int_equal(w->downs, 1);
	w->peer.mute = false;
	loop_advance(w->loop, 500);
	assert_int_equal(w->ups, 2);
}

/* Takes one datagram for each that is allowed to it. */
struct narrow {
	struct engine_transport inner;
	unsigned allowed;
};

static void narrow_open(void *arg, struct engine *e)
{
	struct narrow *n = arg;

	n->inner.open(n->inner.arg, e);
}

static int narrow_send(void *arg, const void *p, size_t len)
{
	struct narrow *n = arg;

	if (!n->allowed)
		return -EAGAIN;
	n->allowed--;
	return n->inner.send(n->inner.arg, p, len);
}

static void narrow_close(void *arg)
{
	struct narrow *n = arg;

	n->inner.close(n->inner.arg);
}

/* As long as the transport takes some of it: then those that are asked last have their two seconds, too. */
static void a_long_queue_is_not_silence(void **state)
{
	struct world *w = *state;
	struct narrow n = { .inner = peer_transport(&w->peer), .allowed = 100 };
	const struct engine_transport t = {
		.open = narrow_open, .send = narrow_send, .close = narrow_close, .arg = &n
	};

	engine_free(w->e);
	w->e = client(w, t);
	come_up(w);
	w->peer.latency_ms = 1500;
	n.allowed = 0;
	for (u64 id = 1; id <= 6; id++) { /* a datagram each */
		struct flow f = a_flow(id, 1);
		assert_int_equal(engine_set(w->e, &f, done, w), 0);
		loop_advance(w->loop, 1);
	}
	for (unsigned i = 0; i < 6; i++) {
		loop_advance(w->loop, 1400);
		assert_int_equal(w->downs, 0);
		n.allowed = 1;
		engine_ready(w->e);
	}
	loop_advance(w->loop, 1600);
	assert_int_equal(w->done, 6);
	assert_int_equal(w->status, 0);
	assert_int_equal(w->downs, 0);

	struct flow f = a_flow(7, 1);
	engine_set(w->e, &f, done, w);
	loop_advance(w->loop, 1990); /* but one that does not move is */
	assert_int_equal(w->downs, 0);
	loop_advance(w->loop, 20);
	assert_int_equal(w->downs, 1);
	assert_int_equal(w->status, -ETIMEDOUT);
	engine_free(w->e);
	w->e = NULL;
}

static void keeps_off_another_version(void **state)
{
	struct world *w = *state;

	w->peer.version = FLOW_VERSION + 1;
	loop_advance(w->loop, 1000);
	assert_int_equal(w->ups, 0);
	assert_in_range(w->peer.opens, 9, 11);
	assert_non_null(strstr(engine_cause(w->e), "another release"));
	w->peer.version = FLOW_VERSION;
	loop_advance(w->loop, 200);
	assert_int_equal(w->ups, 1);
}

static void reports_orphans_before_up(void **state)
{
	struct world *w = *state;

	for (u64 id = 1; id <= 3; id++)
		w->peer.flows[w->peer.n_flows++].flow = a_flow(id, 1);
	w->known = 2;
	loop_advance(w->loop, 10);
	assert_int_equal(w->orphans, 2);
	assert_int_equal(w->ups, 1);
	loop_advance(w->loop, 10);
	assert_int_equal(w->peer.n_flows, 1); /* orphan() deleted them, see above */
	assert_int_equal(w->peer.flows[0].flow.id, 2);
}

static void forgets_owners(void **state)
{
	struct world *w = *state;
	struct flow f = a_flow(1, 1);
	int other;

	come_up(w);
	engine_set(w->e, &f, done, &other);
	engine_set(w->e, &f, done, w);
	engine_forget(w->e, &other);
	loop_advance(w->loop, 10);
	assert_int_equal(w->done, 1);
	engine_del(w->e, 1, reported, w);
	engine_forget(w->e, w);
	loop_advance(w->loop, 10);
	assert_int_equal(w->reports, 0);
	assert_int_equal(w->peer.n_flows, 0);
}

static void cancels_when_freed(void **state)
{
	struct world *w = *state;
	struct flow f = a_flow(1, 1);

	come_up(w);
	engine_set(w->e, &f, done, w);
	engine_free(w->e);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->status, -ECANCELED);
	w->e = NULL;
}

static void cuts_the_line_on_garbage(void **state)
{
	struct world *w = *state;

	come_up(w);
	engine_receive(w->e, "garbage that is no message", 26);
	assert_int_equal(w->downs, 1);
	loop_advance(w->loop, 200);
	assert_int_equal(w->ups, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(begins_anew_on_a_new_line),
		T(survives_a_failing_send),
		T(answers_pending_when_the_engine_dies),
		T(complains_once),
		T(tells_a_broken_line_from_a_restart),
		T(gives_up_after_two_seconds),
		T(a_long_queue_is_not_silence),
		T(keeps_off_another_version),
		T(reports_orphans_before_up),
		T(forgets_owners),
		T(cancels_when_freed),
		T(cuts_the_line_on_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
