/* SPDX-License-Identifier: Apache-2.0 */
/* Our challenges, answered by our client and by forgers. */
#include <errno.h>
#include "sip/auth_priv.h"
#include "sip/msg_test.h"

#define RURI "sip:+4420@192.0.2.1:5060"

struct server {
	struct loop *loop;
	struct auth_server *a;
	struct auth_state *client;
	struct auth_login login;
	const char *method, *uri; /* uri: what the client puts into its answer */
	char challenge[2048], request[4096];
	struct str line; /* of the last answer */
};

static struct server *begin(void)
{
	struct server *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->loop = loop_new_virtual(1);
	t->a = auth_server_new(t->loop, "sbc.example");
	assert_non_null(t->a);
	t->login = (struct auth_login){ "alice", "secret", "sbc.example" };
	t->method = "INVITE";
	t->uri = RURI;
	return t;
}

static void end(struct server *t)
{
	auth_state_free(t->client);
	auth_server_free(t->a);
	loop_free(t->loop);
	free(t);
}

static void challenge(struct server *t, bool proxy, bool stale, unsigned algorithms)
{
	struct parsed *p;
	struct buf b;

	auth_state_free(t->client);
	t->client = NULL;
	buf_init(&b, t->challenge, sizeof(t->challenge));
	buf_fmt(&b, "SIP/2.0 %s No\r\n" BASIC, proxy ? "407" : "401");
	auth_put_challenge(t->a, proxy, stale, algorithms, &b);
	buf_lit(&b, "\r\n");
	assert_true(buf_ok(&b));
	p = parse(buf_str(&b));
	assert_int_equal(p->msg, 0);
	assert_int_equal(auth_take(&t->client, &p->m, &t->login, t->loop), 0);
	done(p);
}

/* The request line and the client's answer; more lines before it. */
static void answer(struct server *t, const char *before)
{
	struct buf b;
	size_t at;

	buf_init(&b, t->request, sizeof(t->request) - 2);
	buf_fmt(&b, "%s " RURI " SIP/2.0\r\n" VIA FROM TO CALL_ID "CSeq: 2 %s\r\n%s", t->method,
		t->method, before);
	at = b.n;
	auth_put(t->client, &t->login, str_of(t->method), str_of(t->uri), STR_NONE, &b);
	assert_true(buf_ok(&b));
	t->line = (struct str){ b.p + at, b.n - at };
	memcpy(b.p + b.n, "\r\n", 2);
}

static const char *password_of(void *arg, struct str user)
{
	return str_eq(user, STR("alice")) ? "secret" : NULL;
}

static enum auth_verdict check(struct server *t, bool proxy)
{
	struct str s = { t->request, (size_t)(t->line.p + t->line.n - t->request) + 2 };
	struct parsed *p = parse(s);
	enum auth_verdict v;

	assert_int_equal(p->msg, 0);
	v = auth_check(t->a, &p->m, proxy, password_of, NULL);
	done(p);
	return v;
}

static enum auth_verdict answered(struct server *t)
{
	answer(t, "");
	return check(t, false);
}

static void accepts_its_user(void **state)
{
	struct server *t = begin();

	for (unsigned i = 0; i <= AUTH_BIT(AUTH_SHA512_256); i++) {
		challenge(t, false, false, i);
		assert_int_equal(answered(t), AUTH_OK);
		assert_int_equal(answered(t), AUTH_OK); /* nc 2 */
		t->method = "OPTIONS";
		assert_int_equal(answered(t), AUTH_OK);
	}
	challenge(t, true, false, AUTH_BIT(AUTH_SHA256));
	answer(t, "");
	assert_int_equal(check(t, false), AUTH_NONE);
	assert_int_equal(check(t, true), AUTH_OK);
	end(t);
}

static void offers_sha256_first(void **state)
{
	struct server *t = begin();
	const char *sha, *md5;

	challenge(t, false, true, 0);
	sha = strstr(t->challenge, "algorithm=SHA-256");
	md5 = strstr(t->challenge, "algorithm=MD5");
	assert_non_null(sha);
	assert_non_null(md5);
	assert_true(sha < md5);
	assert_non_null(strstr(t->challenge, "stale=true"));
	memset(t->challenge, 0, sizeof(t->challenge));
	challenge(t, false, false, AUTH_BIT(AUTH_SHA256));
	assert_null(strstr(t->challenge, "algorithm=MD5"));
	assert_null(strstr(t->challenge, "stale"));
	end(t);
}

static void refuses_alike(void **state)
{
	struct server *t = begin();

	challenge(t, false, false, AUTH_BIT(AUTH_MD5));
	t->login.password = "Secret";
	assert_int_equal(answered(t), AUTH_BAD);
	t->login = (struct auth_login){ "bob", "secret", NULL };
	assert_int_equal(answered(t), AUTH_BAD);
	t->login = (struct auth_login){ "alice", "secret", NULL };
	t->uri = "sip:+4421@192.0.2.1:5060";
	assert_int_equal(answered(t), AUTH_BAD);
	t->uri = RURI;
	answer(t, "");
	memcpy(t->request, "CANCEL", 6); /* another method than was signed */
	memcpy(strstr(t->request, "2 INVITE"), "2 CANCEL", 8);
	assert_int_equal(check(t, false), AUTH_BAD);
	/* none of this has used up the nonce */
	assert_int_equal(answered(t), AUTH_OK);
	end(t);
}

static void an_equal_uri_will_do(void **state)
{
	struct server *t = begin();

	challenge(t, false, false, AUTH_BIT(AUTH_SHA256));
	t->uri = "SIP:+%34420@192.0.2.1:5060";
	assert_int_equal(answered(t), AUTH_OK);
	end(t);
}

/* The answer as it was then. */
static void send_again(struct server *t, const struct server *then)
{
	memcpy(t->request, then->request, sizeof(t->request));
	t->line = then->line;
}

static void each_count_once(void **state)
{
	struct server *t = begin(), early;

	challenge(t, false, false, AUTH_BIT(AUTH_SHA256));
	answer(t, "");
	early = *t;
	for (int i = 0; i < 61; i++)
		assert_int_equal(answered(t), AUTH_OK);
	answer(t, "");
	assert_int_equal(check(t, false), AUTH_OK);
	assert_int_equal(check(t, false), AUTH_BAD);
	answer(t, "");
	assert_int_equal(check(t, false), AUTH_OK); /* nc 64: nc 1 is the last one in the window */
	assert_int_equal(check(t, false), AUTH_BAD);
	send_again(t, &early);
	assert_int_equal(check(t, false), AUTH_OK);
	assert_int_equal(check(t, false), AUTH_BAD);
	challenge(t, false, false, AUTH_BIT(AUTH_SHA256));
	answer(t, "");
	early = *t;
	assert_int_equal(check(t, false), AUTH_OK);
	assert_int_equal(answered(t), AUTH_OK);
	send_again(t, &early);
	assert_int_equal(check(t, false), AUTH_BAD);
	end(t);
}

static void counts_that_come_too_late(void **state)
{
	struct server *t = begin(), early;

	challenge(t, false, false, AUTH_BIT(AUTH_SHA256));
	answer(t, "");
	early = *t;
	for (int i = 0; i < 64; i++)
		assert_int_equal(answered(t), AUTH_OK);
	send_again(t, &early);
	assert_int_equal(check(t, false), AUTH_BAD);
	end(t);
}

static void nonces_grow_old(void **state)
{
	struct server *t = begin();

	challenge(t, false, false, AUTH_BIT(AUTH_SHA256));
	loop_advance(t->loop, 59999);
	assert_int_equal(answered(t), AUTH_OK);
	loop_advance(t->loop, 1);
	assert_int_equal(answered(t), AUTH_STALE);
	t->login.password = "wrong";
	assert_int_equal(answered(t), AUTH_BAD);
	end(t);
}

/* The right password with a nonce of somebody else, of a run before this one for example. */
static void foreign_nonces_are_stale(void **state)
{
	struct server *t = begin(), *other = begin();
	uint8_t skew;

	loop_random(other->loop, &skew, 1);
	auth_server_free(other->a);
	other->a = auth_server_new(other->loop, "sbc.example");
	challenge(other, false, false, AUTH_BIT(AUTH_SHA256));
	auth_state_free(t->client);
	t->client = other->client;
	other->client = NULL;
	assert_int_equal(answered(t), AUTH_STALE);
	end(t);
	end(other);
}

/* What was made for SHA-256 cannot be answered by MD5. */
static void no_downgrade(void **state)
{
	struct server *t = begin();
	struct parsed *p;
	struct buf b;
	char text[2048], *nonce;

	challenge(t, false, false, AUTH_BIT(AUTH_SHA256));
	nonce = strstr(t->challenge, "nonce=");
	assert_non_null(nonce);
	buf_init(&b, text, sizeof(text));
	buf_lit(&b, "SIP/2.0 401 No\r\n" BASIC
		    "WWW-Authenticate: Digest realm=\"sbc.example\",algorithm=MD5,");
	buf_add(&b, nonce, (size_t)(strchr(nonce, ',') - nonce));
	buf_lit(&b, "\r\n\r\n");
	p = parse(buf_str(&b));
	auth_state_free(t->client);
	t->client = NULL;
	assert_int_equal(auth_take(&t->client, &p->m, &t->login, t->loop), 0);
	done(p);
	assert_int_equal(answered(t), AUTH_STALE);
	end(t);
}

/* Without qop: once for each nonce. */
static void without_count_once(void **state)
{
	struct server *t = begin();
	struct parsed *p;
	char *qop;

	challenge(t, false, false, AUTH_BIT(AUTH_SHA256));
	qop = strstr(t->challenge, ", qop=\"auth\"");
	assert_non_null(qop);
	memset(qop, ' ', strlen(", qop=\"auth\""));
	p = parse(str_of(t->challenge));
	auth_state_free(t->client);
	t->client = NULL;
	assert_int_equal(auth_take(&t->client, &p->m, &t->login, t->loop), 0);
	done(p);
	assert_int_equal(answered(t), AUTH_OK);
	assert_int_equal(check(t, false), AUTH_STALE);
	end(t);
}

static void picks_its_realm(void **state)
{
	struct server *t = begin();

#define DIGITS "0123456789abcdef0123456789abcdef"
	challenge(t, false, false, AUTH_BIT(AUTH_SHA256));
	answer(t,
	       "Authorization: Digest username=\"x\",realm=\"other\",nonce=\"n\",uri=\"" RURI "\","
	       "response=\"" DIGITS "\"\r\n"
	       "Authorization: Basic YQ==\r\nAuthorization: Digest realm\r\n");
	assert_int_equal(check(t, false), AUTH_OK);
	/* one attempt a message */
	answer(t,
	       "Authorization: Digest username=\"x\",realm=\"sbc.example\",nonce=\"n\",uri=\"" RURI
	       "\",response=\"" DIGITS "\"\r\n");
	assert_int_equal(check(t, false), AUTH_BAD);
	end(t);
}

static void nothing_there(void **state)
{
	struct server *t = begin();
	struct parsed *p = parse(STR(INVITE BASIC "\r\n"));

	assert_int_equal(auth_check(t->a, &p->m, false, password_of, NULL), AUTH_NONE);
	done(p);
	assert_null(auth_server_new(t->loop, ""));
	assert_null(auth_server_new(t->loop, "a\r\nb"));
	end(t);
}

/* More nonces in use than are kept: the oldest end, none can be used twice. */
static void forgets_safely(void **state)
{
	struct server *t = begin(), early;

	challenge(t, false, false, AUTH_BIT(AUTH_SHA256));
	assert_int_equal(answered(t), AUTH_OK);
	early = *t;
	for (int i = 0; i < 65536; i++) {
		if (i % 64 == 0)
			loop_advance(t->loop, 1);
		challenge(t, false, false, AUTH_BIT(AUTH_SHA256));
		assert_int_equal(answered(t), AUTH_OK);
	}
	assert_int_equal(answered(t), AUTH_OK);
	send_again(t, &early);
	assert_int_equal(check(t, false), AUTH_STALE);
	end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_its_user), cmocka_unit_test(offers_sha256_first),
		cmocka_unit_test(refuses_alike),    cmocka_unit_test(an_equal_uri_will_do),
		cmocka_unit_test(each_count_once),  cmocka_unit_test(counts_that_come_too_late),
		cmocka_unit_test(nonces_grow_old),  cmocka_unit_test(foreign_nonces_are_stale),
		cmocka_unit_test(no_downgrade),     cmocka_unit_test(without_count_once),
		cmocka_unit_test(picks_its_realm),  cmocka_unit_test(nothing_there),
		cmocka_unit_test(forgets_safely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
