/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes, data and ends of connections, in whatever pieces they come. */
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include "sip/tls_pair_test.h"

#define OF STR("192.0.2.1:5061")

static void expect_secure(struct pair *p, const char *version)
{
	assert_string_equal(tls_version(p->c), version);
	assert_string_equal(tls_version(p->s), version);
	assert_str(tls_sni(p->s), SERVER_NAME);
	assert_false(tls_resumed(p->c));
	assert_true(tls_peer_is(p->c, SERVER_NAME));
	assert_false(tls_has_peer(p->s));
	pair_says(p, p->c, "OPTIONS");
	pair_says(p, p->s, "SIP/2.0 200 OK");
}

static void handshakes(void **state)
{
	static const size_t pieces[] = { 1, 2, 5, 6, 77, 1000, WHOLE };
	struct pair *p = *state;

	for (int v = 0; v < 2; v++) {
		for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
			pair_open(p, SERVER_NAME, STR_NONE);
			pair_pump(p, pieces[i]);
			expect_secure(p, v ? "TLSv1.2" : "TLSv1.3");
		}
		pair_only_1_2(p->cc);
	}
}

static void rsa(void **state)
{
	struct pair *p = *state;
	struct pki_spec s = { .alt = { STR("DNS:" SERVER_NAME) }, .rsa = true };

	pair_server_is(p, &s, &p->ca);
	pair_up(p, SERVER_NAME, STR_NONE);
	pair_only_1_2(p->cc);
	pair_up(p, SERVER_NAME, STR_NONE);
	assert_string_equal(tls_version(p->s), "TLSv1.2");
}

/* Data that comes with the last octets of the handshake is there at once. */
static void data_behind_the_handshake(void **state)
{
	struct pair *p = *state;
	struct str out;
	char all[8192], got[16];
	size_t n;

	pair_open(p, SERVER_NAME, STR_NONE);
	out = tls_take(p->c);
	assert_int_equal(tls_feed(p->s, out.p, out.n), TLS_SHAKING);
	tls_taken(p->c, out.n);
	out = tls_take(p->s);
	assert_int_equal(tls_feed(p->c, out.p, out.n), TLS_UP);
	tls_taken(p->s, out.n);
	assert_int_equal(tls_write(p->c, "hello", 5), 0);
	out = tls_take(p->c);
	n = out.n;
	assert_true(n < sizeof(all));
	memcpy(all, out.p, n);
	assert_int_equal(tls_feed(p->s, all, n), TLS_UP);
	assert_int_equal(tls_read(p->s, got, 2), 2);
	assert_int_equal(tls_read(p->s, got + 2, sizeof(got) - 2), 3);
	assert_memory_equal(got, "hello", 5);
	assert_int_equal(tls_read(p->s, got, sizeof(got)), 0);
}

static void large(void **state)
{
	static const size_t pieces[] = { 1, 4096, WHOLE };
	const size_t n = 300000;
	struct pair *p = *state;
	char *sent = malloc(n), *got = malloc(n + 1);

	assert_true(sent && got);
	loop_random(p->loop, sent, n);
	for (int i = 0; i < 6; i++) {
		pair_up(p, SERVER_NAME, STR_NONE);
		assert_int_equal(tls_write(i < 3 ? p->c : p->s, sent, n), 0);
		pair_pump(p, pieces[i % 3]);
		assert_int_equal(tls_read(i < 3 ? p->s : p->c, got, n + 1), n);
		assert_memory_equal(sent, got, n);
	}
	free(sent);
	free(got);
}

/* More is written and read while a part of what was before still waits. */
static void taken_in_part(void **state)
{
	struct pair *p = *state;
	char sent[9000], got[9000];
	struct str out;
	size_t n;

	loop_random(p->loop, sent, sizeof(sent));
	pair_up(p, SERVER_NAME, STR_NONE);
	for (size_t at = 0; at < sizeof(sent); at += 3000) {
		assert_int_equal(tls_write(p->c, sent + at, 3000), 0);
		out = tls_take(p->c);
		assert_int_equal(tls_feed(p->s, out.p, 1100), TLS_UP);
		tls_taken(p->c, 1100);
	}
	n = tls_read(p->s, got, 10);
	pair_pump(p, WHOLE);
	assert_int_equal(tls_read(p->s, got + n, sizeof(got) - n), sizeof(got) - n);
	assert_memory_equal(got, sent, sizeof(got));
}

/* Who neither sends nor reads does not fill the memory. */
static void bounds(void **state)
{
	struct pair *p = *state;
	char *much = calloc(1, 1 << 20);
	int rc = 0, n = 0;

	assert_non_null(much);
	pair_up(p, SERVER_NAME, STR_NONE);
	assert_int_equal(tls_write(p->c, much, (1 << 20) + 1), -ENOMEM);
	for (; rc == 0 && n < 2000; n++)
		rc = tls_write(p->c, much, 1000);
	assert_int_equal(rc, -ENOMEM);
	assert_true(n >= 900 && tls_take(p->c).n <= 1 << 20);
	pair_pump(p, WHOLE);
	assert_int_equal(tls_feed(p->s, NULL, 0), TLS_UP);
	assert_int_equal(tls_write(p->c, much, 600000), 0);
	pair_pump(p, WHOLE);
	assert_int_equal(tls_feed(p->s, NULL, 0), TLS_FAILED);
	assert_contains(tls_why(p->s), "more octets wait");
	free(much);
}

static void nothing(void **state)
{
	struct pair *p = *state;

	pair_open(p, SERVER_NAME, STR_NONE);
	assert_int_equal(tls_write(p->c, "x", 1), -ENOTCONN);
	assert_int_equal(tls_feed(p->s, NULL, 0), TLS_SHAKING);
	assert_string_equal(tls_why(p->s), "");
	assert_int_equal(tls_sni(p->s).n, 0);
	assert_false(tls_has_peer(p->s));
	assert_false(tls_has_peer(p->c));
	pair_up(p, SERVER_NAME, STR_NONE);
	assert_int_equal(tls_write(p->c, NULL, 0), 0);
	assert_int_equal(tls_take(p->c).n, 0);
	errno = 0;
	assert_null(tls_new(p->cc, NULL, STR_NONE));
	assert_int_equal(errno, EINVAL);
}

/* An idle connection keeps no buffers. */
static void idle(void **state)
{
	struct pair *p = *state;

	pair_up(p, SERVER_NAME, STR_NONE);
	pair_says(p, p->c, "a");
	assert_null(p->c->out.p);
	assert_null(p->c->plain.p);
	assert_null(p->s->out.p);
	assert_null(p->s->plain.p);
	assert_true(SSL_get_mode(p->s->ssl) & SSL_MODE_RELEASE_BUFFERS);
}

/* ---- ends ---- */

static void close_notify(void **state)
{
	struct pair *p = *state;
	char got[8];

	for (int i = 0; i < 4; i++) {
		struct tls *one, *other;

		pair_up(p, SERVER_NAME, STR_NONE);
		one = i % 2 ? p->c : p->s;
		other = i % 2 ? p->s : p->c;
		assert_int_equal(tls_write(one, "last", 4), 0);
		tls_close(one);
		assert_int_equal(tls_write(one, "x", 1), -ENOTCONN);
		assert_true(tls_take(one).n > 0);
		pair_pump(p, i < 2 ? 1 : WHOLE);
		assert_int_equal(tls_feed(one, NULL, 0), TLS_CLOSED);
		assert_int_equal(tls_feed(other, NULL, 0), TLS_CLOSED);
		assert_int_equal(tls_read(other, got, sizeof(got)), 4);
		assert_int_equal(tls_write(other, "x", 1), -ENOTCONN);
		/* Its answer came, and nothing after it. */
		assert_int_equal(tls_feed(other, "garbage", 7), TLS_CLOSED);
		tls_close(other);
		assert_int_equal(tls_take(other).n, 0);
	}
}

static void answers_close_notify(void **state)
{
	struct pair *p = *state;
	struct str out;

	pair_up(p, SERVER_NAME, STR_NONE);
	tls_close(p->c);
	out = tls_take(p->c);
	assert_int_equal(tls_feed(p->s, out.p, out.n), TLS_CLOSED);
	assert_true(tls_take(p->s).n > 0);
}

static void closed_while_shaking(void **state)
{
	/* warning(1), close_notify(0) */
	static const char bye[] = { 21, 3, 3, 0, 2, 1, 0 };
	struct pair *p = *state;

	pair_open(p, SERVER_NAME, STR_NONE);
	assert_int_equal(tls_feed(p->s, bye, sizeof(bye)), TLS_FAILED);
	assert_true(*tls_why(p->s));
	pair_open(p, SERVER_NAME, STR_NONE);
	tls_close(p->c);
	assert_int_equal(tls_feed(p->c, NULL, 0), TLS_CLOSED);
}

/* ---- what is no TLS ---- */

static void garbage(void **state)
{
	struct pair *p = *state;
	static const char sip[] =
		"OPTIONS sip:b.example SIP/2.0\r\nVia: SIP/2.0/TCP a.example\r\n\r\n";
	static const char http[] = "GET / HTTP/1.1\r\nHost: b.example\r\n\r\n";
	char noise[600];

	pair_open(p, SERVER_NAME, STR_NONE);
	assert_int_equal(tls_feed(p->s, sip, sizeof(sip) - 1), TLS_FAILED);
	assert_contains(tls_why(p->s), "plain SIP");
	assert_int_equal(tls_feed(p->s, sip, sizeof(sip) - 1), TLS_FAILED);
	pair_open(p, SERVER_NAME, STR_NONE);
	assert_int_equal(tls_feed(p->s, http, sizeof(http) - 1), TLS_FAILED);
	assert_contains(tls_why(p->s), "HTTP");
	for (int i = 0; i < 500; i++) {
		enum tls_state s = TLS_SHAKING;

		pair_open(p, SERVER_NAME, STR_NONE);
		loop_random(p->loop, noise, sizeof(noise));
		if (i % 2)
			memcpy(noise, "\x16\x03\x01\x00\x60\x01\x00\x00\x5c\x03\x03", 11);
		for (size_t n = 0; n < sizeof(noise); n++)
			s = tls_feed(p->s, noise + n, 1);
		assert_int_equal(s, TLS_FAILED);
		assert_true(*tls_why(p->s));
		assert_int_equal(ERR_peek_error(), 0);
	}
}

/* One octet of the server's first flight is wrong: the client never takes it for a handshake. */
static void wrong_octets(void **state)
{
	struct pair *p = *state;

	for (size_t at = 0; at < 700; at += 7) {
		char copy[8192];
		struct str out;

		pair_open(p, SERVER_NAME, STR_NONE);
		out = tls_take(p->c);
		tls_feed(p->s, out.p, out.n);
		tls_taken(p->c, out.n);
		out = tls_take(p->s);
		assert_true(out.n <= sizeof(copy) && at < out.n);
		memcpy(copy, out.p, out.n);
		copy[at] ^= 0x55;
		assert_int_not_equal(tls_feed(p->c, copy, out.n), TLS_UP);
		assert_int_equal(ERR_peek_error(), 0);
	}
}

static void wrong_record_when_up(void **state)
{
	struct pair *p = *state;
	char copy[256];
	struct str out;

	pair_up(p, SERVER_NAME, STR_NONE);
	assert_int_equal(tls_write(p->c, "hello", 5), 0);
	out = tls_take(p->c);
	assert_true(out.n <= sizeof(copy));
	memcpy(copy, out.p, out.n);
	copy[out.n - 1] ^= 1;
	assert_int_equal(tls_feed(p->s, copy, out.n), TLS_FAILED);
	assert_contains(tls_why(p->s), "bad record mac");
	assert_int_equal(tls_read(p->s, copy, sizeof(copy)), 0);
	assert_true(tls_take(p->s).n > 0); /* the alert */
}

/* ---- sessions ---- */

static void resumption(void **state)
{
	struct pair *p = *state;

	for (int v = 0; v < 2; v++) {
		pair_up(p, SERVER_NAME, OF);
		assert_false(tls_resumed(p->c));
		pair_up(p, SERVER_NAME, OF);
		assert_true(tls_resumed(p->c) && tls_resumed(p->s));
		assert_str(tls_sni(p->s), SERVER_NAME);
		assert_true(tls_peer_is(p->c, SERVER_NAME));
		pair_says(p, p->c, "again");
		/* Again, with the one that the second time has left; after an end with close_notify. */
		tls_close(p->c);
		pair_pump(p, WHOLE);
		pair_up(p, SERVER_NAME, OF);
		assert_true(tls_resumed(p->c));
		pair_up(p, SERVER_NAME, STR("192.0.2.2:5061"));
		assert_false(tls_resumed(p->c));
		pair_up(p, SERVER_NAME, STR_NONE);
		assert_false(tls_resumed(p->c));
		tls_context_free(p->cc);
		p->cc = tls_context_new(&(struct tls_options){
			.loop = p->loop, .log = p->log, .name = "t", .ca = p->path.ca });
		assert_non_null(p->cc);
		pair_only_1_2(p->cc);
	}
}

/* What one name has proved is no proof of another at the same address. */
static void resumption_of_another_name(void **state)
{
	struct pair *p = *state;

	pair_up(p, SERVER_NAME, OF);
	pair_open(p, "sip.evil.example", OF);
	pair_pump(p, WHOLE);
	assert_int_equal(tls_feed(p->c, NULL, 0), TLS_FAILED);
	assert_contains(tls_why(p->c), SERVER_NAME);
}

static void resumption_after_the_certificate(void **state)
{
	struct pair *p = *state;
	struct pki_spec s = { .alt = { STR("DNS:" SERVER_NAME) }, .from = -60, .to = 3600 };

	pair_server_is(p, &s, &p->ca);
	pair_up(p, SERVER_NAME, OF);
	loop_advance(p->loop, 3500 * 1000);
	pair_up(p, SERVER_NAME, OF);
	assert_true(tls_resumed(p->c));
	loop_advance(p->loop, 101 * 1000);
	pair_open(p, SERVER_NAME, OF);
	pair_pump(p, WHOLE);
	assert_int_equal(tls_feed(p->c, NULL, 0), TLS_FAILED);
	assert_contains(tls_why(p->c), "has expired");
}

static void sessions_are_bounded(void **state)
{
	struct pair *p = *state;
	struct tls_sessions *all = &p->cc->now->sessions;
	SSL_SESSION *s;

	pair_up(p, SERVER_NAME, OF);
	s = SSL_get1_session(p->c->ssl);
	for (int i = 0; i < TLS_SESSIONS + 50; i++) {
		assert_int_equal(SSL_SESSION_up_ref(s), 1);
		assert_true(tls_sessions_put(all, (struct str){ (const char *)&i, sizeof(i) }, s,
					     p->loop));
	}
	SSL_SESSION_free(s);
	assert_int_equal(all->table.count, TLS_SESSIONS);
	for (int i = 0; i < TLS_SESSIONS + 50; i++)
		assert_int_equal(tls_sessions_get(all, (struct str){ (const char *)&i, sizeof(i) },
						  p->loop) != NULL,
				 i >= 50);
	/* Nothing is resumed when its time is over. */
	loop_advance(p->loop, TLS_TICKET_S * 1000ull);
	for (int i = 50; i < TLS_SESSIONS + 50; i++)
		assert_null(tls_sessions_get(all, (struct str){ (const char *)&i, sizeof(i) },
					     p->loop));
	assert_int_equal(all->table.count, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(handshakes),
		T(rsa),
		T(data_behind_the_handshake),
		T(large),
		T(taken_in_part),
		T(bounds),
		T(nothing),
		T(idle),
		T(close_notify),
		T(answers_close_notify),
		T(closed_while_shaking),
		T(garbage),
		T(wrong_octets),
		T(wrong_record_when_up),
		T(resumption),
		T(resumption_of_another_name),
		T(resumption_after_the_certificate),
		T(sessions_are_bounded),
	};

	return cmocka_run_group_tests_name("tls", tests, NULL, NULL);
}
