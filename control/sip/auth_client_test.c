/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to challenges: which one, with what, and when no more. */
#include <errno.h>
#include "sip/auth_priv.h"
#include "sip/msg_test.h"

#define URI "sip:bob@biloxi.com"

static const struct auth_login login = { "bob", "zanzibar", "biloxi.com" };

struct client {
	struct loop *loop;
	struct auth_state *state;
	struct parsed *answer; /* a request with the line that was put */
	struct auth_credentials c;
	char text[4096];
};

static struct client *begin(void)
{
	struct client *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->loop = loop_new_virtual(1);
	assert_non_null(t->loop);
	return t;
}

static void end(struct client *t)
{
	if (t->answer)
		done(t->answer);
	auth_state_free(t->state);
	loop_free(t->loop);
	free(t);
}

static int take_as(struct client *t, unsigned status, const char *lines, const struct auth_login *l)
{
	struct parsed *p;
	struct buf b;
	int rc;

	buf_init(&b, t->text, sizeof(t->text));
	buf_fmt(&b, "SIP/2.0 %u No\r\n" BASIC "%s\r\n", status, lines);
	p = parse(buf_str(&b));
	assert_int_equal(p->msg, 0);
	rc = auth_take(&t->state, &p->m, l, t->loop);
	done(p); /* nothing of the message may be needed from here on */
	return rc;
}

static int take(struct client *t, unsigned status, const char *lines)
{
	return take_as(t, status, lines, &login);
}

static void put_as(struct client *t, const char *body, const struct auth_login *l)
{
	enum sip_hdr_id id;
	struct buf b;

	if (t->answer)
		done(t->answer);
	buf_init(&b, t->text, sizeof(t->text));
	buf_lit(&b, "INVITE " URI " SIP/2.0\r\n" BASIC);
	auth_put(t->state, l, STR("INVITE"), STR(URI), str_of(body), &b);
	buf_lit(&b, "\r\n");
	assert_true(buf_ok(&b));
	t->answer = parse(buf_str(&b));
	assert_int_equal(t->answer->msg, 0);
	id = sip_value(&t->answer->m, SIP_HDR_AUTHORIZATION).n ? SIP_HDR_AUTHORIZATION
							       : SIP_HDR_PROXY_AUTHORIZATION;
	assert_int_equal(auth_credentials_parse(sip_value(&t->answer->m, id), &t->c), 0);
}

static void put(struct client *t, const char *body)
{
	put_as(t, body, &login);
}

/* The response must be that of these words; the digest itself is auth_test.c's matter. */
static void assert_response(struct client *t, const char *realm, const char *nonce,
			    const char *body)
{
	struct auth_input in = {
		.algorithm = t->c.algorithm,
		.sess = t->c.sess,
		.user = STR("bob"),
		.realm = str_of(realm),
		.password = STR("zanzibar"),
		.nonce = str_of(nonce),
		.cnonce = t->c.cnonce,
		.nc = t->c.nc,
		.qop = t->c.qop,
		.method = STR("INVITE"),
		.uri = STR(URI),
		.body = str_of(body),
	};
	char out[AUTH_HEX_MAX];
	struct str expected = { out, auth_digest(&in, out) };

	assert_true(expected.n && str_eq(expected, t->c.response));
}

#define WWW(params)   "WWW-Authenticate: Digest " params "\r\n"
#define PROXY(params) "Proxy-Authenticate: Digest " params "\r\n"

static void test_35_answers_and_counts(void **state)
{
	struct client *t = begin();

	assert_int_equal(take(t, 401,
			      WWW("realm=\"biloxi.com\",nonce=\"n1\",qop=\"auth-int,auth\","
				  "opaque=\"o,1\"")),
			 0);
	put(t, "");
	assert_int_equal(t->answer->m.first[SIP_HDR_PROXY_AUTHORIZATION], 0);
	assert_str(t->c.username, "bob");
	assert_str(t->c.realm, "biloxi.com");
	assert_str(t->c.nonce, "n1");
	assert_str(t->c.opaque, "o,1");
	assert_str(t->c.uri, URI);
	assert_str(t->c.qop, "auth");
	assert_str(t->c.nc, "00000001");
	assert_response(t, "biloxi.com", "n1", "");
	for (int i = 0; i < 16; i++)
		put(t, "");
	assert_str(t->c.nc, "00000011");
	assert_response(t, "biloxi.com", "n1", "");
	end(t);
}

static void cnonces_are_random(void **state)
{
	struct client *t = begin();
	char first[64];
	size_t n;

	assert_int_equal(take(t, 407, PROXY("realm=biloxi.com,nonce=n1,qop=auth")), 0);
	put(t, "");
	n = t->c.cnonce.n;
	assert_in_range(n, 16, sizeof(first));
	memcpy(first, t->c.cnonce.p, n);
	auth_state_free(t->state);
	t->state = NULL;
	assert_int_equal(take(t, 407, PROXY("realm=biloxi.com,nonce=n1,qop=auth")), 0);
	put(t, "");
	assert_memory_not_equal(first, t->c.cnonce.p, n);
	end(t);
}

static void a_proxy_is_answered_in_its_field(void **state)
{
	struct client *t = begin();

	/* the WWW-Authenticate of a 407 is not the proxy's */
	assert_int_equal(take(t, 407,
			      WWW("realm=biloxi.com,nonce=other,algorithm=SHA-256")
				      PROXY("realm=biloxi.com,nonce=n1")),
			 0);
	put(t, "");
	assert_int_equal(t->answer->m.first[SIP_HDR_AUTHORIZATION], 0);
	assert_str(t->c.nonce, "n1");
	end(t);
}

static void without_qop_as_of_old(void **state)
{
	struct client *t = begin();

	assert_int_equal(take(t, 401, WWW("realm=biloxi.com,nonce=n1")), 0);
	put(t, "");
	assert_int_equal(t->c.qop.n + t->c.nc.n + t->c.cnonce.n, 0);
	assert_null(t->c.opaque.p);
	assert_response(t, "biloxi.com", "n1", "");
	end(t);
}

static void auth_int_where_nothing_else_is_offered(void **state)
{
	struct client *t = begin();

	assert_int_equal(take(t, 401,
			      WWW("realm=biloxi.com,nonce=n1,qop=auth-int,"
				  "algorithm=SHA-512-256-sess")),
			 0);
	put(t, "v=0\r\n");
	assert_str(t->c.qop, "auth-int");
	assert_int_equal(t->c.algorithm, AUTH_SHA512_256);
	assert_true(t->c.sess);
	assert_response(t, "biloxi.com", "n1", "v=0\r\n");
	end(t);
}

/* RFC 8760 2.4. */
static void the_strongest_that_we_know(void **state)
{
	struct client *t = begin();

	assert_int_equal(take(t, 401,
			      "WWW-Authenticate: Basic realm=\"biloxi.com\"\r\n" WWW(
				      "realm=biloxi.com,nonce=n0,algorithm=SHA3-512")
				      WWW("realm=biloxi.com,nonce=n1,algorithm=MD5") WWW(
					      "realm=biloxi.com,nonce=n2,algorithm=SHA-256")
					      WWW("realm=biloxi.com,nonce=n3,algorithm=SHA-256")
						      WWW("realm=foreign,nonce=n4,"
							  "algorithm=SHA-512-256")),
			 0);
	put(t, "");
	assert_str(t->c.nonce, "n2");
	assert_int_equal(t->c.algorithm, AUTH_SHA256);
	end(t);
}

static void only_what_the_login_allows(void **state)
{
	struct auth_login sha = login;
	struct client *t = begin();

	sha.algorithms = AUTH_BIT(AUTH_SHA256) | AUTH_BIT(AUTH_SHA512_256);
	assert_int_equal(take_as(t, 401, WWW("realm=biloxi.com,nonce=n1"), &sha), -ENOTSUP);
	assert_int_equal(take_as(t, 401,
				 WWW("realm=biloxi.com,nonce=n1")
					 WWW("realm=biloxi.com,nonce=n2,algorithm=SHA-256"),
				 &sha),
			 0);
	put_as(t, "", &sha);
	assert_str(t->c.nonce, "n2");
	end(t);
}

static void other_realms_get_nothing(void **state)
{
	static const struct auth_login any = { "bob", "zanzibar", NULL };
	struct client *t = begin();

	assert_int_equal(take(t, 401, WWW("realm=atlanta.com,nonce=n1")), -EACCES);
	assert_int_equal(take(t, 401, WWW("realm=\"biloxi.com \",nonce=n1")), -EACCES);
	assert_null(t->state);
	assert_int_equal(take_as(t, 401, WWW("realm=atlanta.com,nonce=n1"), &any), 0);
	auth_state_free(t->state);
	t->state = NULL;
	assert_int_equal(take(t, 401, WWW("realm=BILOXI.com,nonce=n1")), 0);
	end(t);
}

static void what_we_cannot_answer(void **state)
{
	struct client *t = begin();

	assert_int_equal(take(t, 401, ""), -ENOTSUP);
	assert_int_equal(take(t, 401, WWW("realm=biloxi.com,nonce=n1,algorithm=X")), -ENOTSUP);
	assert_int_equal(take(t, 401, WWW("realm=biloxi.com,nonce=n1,qop=x")), -ENOTSUP);
	assert_int_equal(take(t, 401, "WWW-Authenticate: Digest realm\r\n"), -ENOTSUP);
	assert_int_equal(take(t, 401, "WWW-Authenticate: Basic realm=\"biloxi.com\"\r\n"),
			 -ENOTSUP);
	assert_null(t->state);
	end(t);
}

static void a_wrong_password_does_not_loop(void **state)
{
	struct client *t = begin();

	assert_int_equal(take(t, 401, WWW("realm=biloxi.com,nonce=n1")), 0);
	put(t, "");
	assert_int_equal(take(t, 401, WWW("realm=biloxi.com,nonce=n1")), -EACCES);
	/* nor with a new nonce each time */
	assert_int_equal(take(t, 401, WWW("realm=biloxi.com,nonce=n2")), -EACCES);
	end(t);
}

/* A proxy and what stands behind it: only so often. */
static void another_realm_is_another_question(void **state)
{
	static const struct auth_login any = { "bob", "zanzibar", NULL };
	struct client *t = begin();

	assert_int_equal(take_as(t, 401, WWW("realm=a,nonce=n1"), &any), 0);
	put_as(t, "", &any);
	assert_int_equal(take_as(t, 401, WWW("realm=b,nonce=n2"), &any), 0);
	put_as(t, "", &any);
	assert_int_equal(take_as(t, 401, WWW("realm=a,nonce=n3"), &any), 0);
	put_as(t, "", &any);
	assert_int_equal(take_as(t, 401, WWW("realm=b,nonce=n4"), &any), -EACCES);
	end(t);
}

static void a_stale_nonce_is_replaced(void **state)
{
	struct client *t = begin();

	assert_int_equal(take(t, 401, WWW("realm=biloxi.com,nonce=n1,qop=auth")), 0);
	put(t, "");
	assert_int_equal(take(t, 401, WWW("realm=biloxi.com,nonce=n2,qop=auth,stale=true")), 0);
	put(t, "");
	assert_str(t->c.nonce, "n2");
	assert_str(t->c.nc, "00000001");
	/* whoever says so for ever is not believed for ever */
	assert_int_equal(take(t, 401, WWW("realm=biloxi.com,nonce=n3,stale=true")), 0);
	put(t, "");
	assert_int_equal(take(t, 401, WWW("realm=biloxi.com,nonce=n4,stale=true")), -EACCES);
	end(t);
}

/* Many servers forget a nonce without calling it stale. */
static void a_forgotten_nonce_is_replaced(void **state)
{
	struct client *t = begin();

	for (int i = 0; i < 8; i++) {
		assert_int_equal(take(t, 401,
				      i % 2 ? WWW("realm=biloxi.com,nonce=n1,qop=auth")
					    : WWW("realm=biloxi.com,nonce=n2,qop=auth")),
				 0);
		put(t, "");
		put(t, "");
		assert_str(t->c.nc, "00000002");
	}
	assert_int_equal(take(t, 401, WWW("realm=biloxi.com,nonce=n1,qop=auth")), -EACCES);
	end(t);
}

static void quotes_stay_escaped_on_the_wire(void **state)
{
	static const struct auth_login odd = { "b\"o\\b", "zanzibar", "say \"hi\"" };
	struct client *t = begin();

	assert_int_equal(take_as(t, 401, WWW("realm=\"say \\\"hi\\\"\",nonce=\"a\\\"b\""), &odd),
			 0);
	put_as(t, "", &odd);
	assert_str(t->c.username, "b\\\"o\\\\b");
	assert_str(t->c.realm, "say \\\"hi\\\"");
	assert_str(t->c.nonce, "a\\\"b");
	put_as(t, "", &(struct auth_login){ .user = "bob", .password = "zanzibar" });
	assert_response(t, "say \"hi\"", "a\"b", "");
	end(t);
}

static void hides_the_user_where_asked(void **state)
{
	struct client *t = begin();
	char out[AUTH_HEX_MAX];
	struct str h = { out, auth_userhash(AUTH_SHA256, STR("bob"), STR("biloxi.com"), out) };

	assert_int_equal(take(t, 401,
			      WWW("realm=biloxi.com,nonce=n1,qop=auth,algorithm=SHA-256,"
				  "userhash=true")),
			 0);
	put(t, "");
	assert_true(t->c.userhash);
	assert_true(str_eq(h, t->c.username));
	assert_response(t, "biloxi.com", "n1", "");
	end(t);
}

/* A user that cannot stand in a header field must not write another one. */
static void bad_logins_spoil_the_request(void **state)
{
	struct client *t = begin();
	struct buf b;

	assert_int_equal(take(t, 401, WWW("realm=biloxi.com,nonce=n1")), 0);
	buf_init(&b, t->text, sizeof(t->text));
	auth_put(t->state, &(struct auth_login){ "b\r\nX: y", "z", NULL }, STR("BYE"), STR(URI),
		 STR_NONE, &b);
	assert_false(buf_ok(&b));
	end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_35_answers_and_counts),
		cmocka_unit_test(cnonces_are_random),
		cmocka_unit_test(a_proxy_is_answered_in_its_field),
		cmocka_unit_test(without_qop_as_of_old),
		cmocka_unit_test(auth_int_where_nothing_else_is_offered),
		cmocka_unit_test(the_strongest_that_we_know),
		cmocka_unit_test(only_what_the_login_allows),
		cmocka_unit_test(other_realms_get_nothing),
		cmocka_unit_test(what_we_cannot_answer),
		cmocka_unit_test(a_wrong_password_does_not_loop),
		cmocka_unit_test(another_realm_is_another_question),
		cmocka_unit_test(a_stale_nonce_is_replaced),
		cmocka_unit_test(a_forgotten_nonce_is_replaced),
		cmocka_unit_test(quotes_stay_escaped_on_the_wire),
		cmocka_unit_test(hides_the_user_where_asked),
		cmocka_unit_test(bad_logins_spoil_the_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
