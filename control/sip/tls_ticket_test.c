/* SPDX-License-Identifier: Apache-2.0 */
/* The turns of tickets' keys, on the virtual clock. */
#include "sip/tls_pair_test.h"

#define OF   STR("192.0.2.1:5061")
#define TURN (TLS_TICKET_S * 1000ull)

static bool resumes(struct pair *p)
{
	pair_up(p, SERVER_NAME, OF);
	assert_int_equal(tls_resumed(p->c), tls_resumed(p->s));
	return tls_resumed(p->s);
}

/* The client forgets after one period itself: this one keeps a session for as long as it likes. */
static bool takes(struct pair *p, SSL_SESSION *session)
{
	pair_open(p, SERVER_NAME, STR_NONE);
	tls_free(p->c);
	p->c = NULL;
	session = SSL_SESSION_dup(session); /* for who uses one marks it when a newer one comes */
	assert_non_null(session);
	assert_true(tls_sessions_put(&p->cc->now->sessions, STR("kept\0" SERVER_NAME), session,
				     p->loop));
	p->c = tls_new(p->cc, SERVER_NAME, STR("kept"));
	assert_non_null(p->c);
	pair_pump(p, WHOLE);
	assert_int_equal(tls_feed(p->s, NULL, 0), TLS_UP);
	return tls_resumed(p->s);
}

static void rotation(void **state)
{
	struct pair *p = *state;
	struct tls_ticket_key first;
	SSL_SESSION *session;

	pair_only_1_2(
		p->cc); /* whose tickets may be used again, so that one can be tried three times */
	loop_advance(p->loop, TURN / 2);
	first = p->sc->now->tickets.now;
	pair_up(p, SERVER_NAME, OF);
	session = SSL_get1_session(p->c->ssl);
	assert_true(takes(p, session));
	loop_advance(p->loop, TURN / 2);
	assert_memory_equal(&p->sc->now->tickets.before, &first, sizeof(first));
	assert_memory_not_equal(&p->sc->now->tickets.now, &first, sizeof(first));
	assert_true(takes(p, session));
	loop_advance(p->loop, TURN - 1);
	assert_true(takes(p, session));
	loop_advance(p->loop, 1);
	assert_false(takes(p, session));
	assert_memory_not_equal(&p->sc->now->tickets.before, &first, sizeof(first));
	SSL_SESSION_free(session);
}

/* With each use, or with the key from before, comes a ticket of the new one: who returns is resumed. */
static void renewal(void **state)
{
	struct pair *p = *state;

	assert_false(resumes(p));
	for (int i = 0; i < 5; i++) {
		loop_advance(p->loop, TURN * 9 / 10);
		assert_true(resumes(p));
	}
	loop_advance(p->loop, TURN);
	assert_false(resumes(p));
}

static void renewal_1_2(void **state)
{
	struct pair *p = *state;

	pair_only_1_2(p->cc);
	loop_advance(p->loop, TURN * 8 / 10);
	assert_false(resumes(p));
	loop_advance(p->loop, TURN * 4 / 10);
	assert_true(resumes(p)); /* 1.2 turns: by the key from before */
	loop_advance(p->loop, TURN * 9 / 10);
	assert_true(resumes(p)); /* 2.1 turns: that key is gone */
}

static void foreign_ticket(void **state)
{
	struct pair *p = *state;
	struct tls_options o = pair_server_options(p);

	assert_false(resumes(p));
	pair_server(p, &o);
	assert_false(resumes(p));
	assert_true(resumes(p));
}

#define T(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rotation),
		T(renewal),
		T(renewal_1_2),
		T(foreign_ticket),
	};

	return cmocka_run_group_tests_name("tls_ticket", tests, NULL, NULL);
}
