/* SPDX-License-Identifier: Apache-2.0 */
/* What we do not speak, offered by a plain OpenSSL that does. */
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include "sip/tls_pair_test.h"

struct raw {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out;
	int reason; /* of its failure */
};

static struct raw raw_new(bool server)
{
	struct raw r = { .ctx = SSL_CTX_new(TLS_method()) };

	assert_non_null(r.ctx);
	SSL_CTX_set_security_level(r.ctx, 0);
	assert_int_equal(SSL_CTX_set_min_proto_version(r.ctx, TLS1_VERSION), 1);
	r.ssl = SSL_new(r.ctx);
	r.in = BIO_new(BIO_s_mem());
	r.out = BIO_new(BIO_s_mem());
	assert_true(r.ssl && r.in && r.out);
	SSL_set_bio(r.ssl, r.in, r.out);
	if (server)
		SSL_set_accept_state(r.ssl);
	else
		SSL_set_connect_state(r.ssl);
	return r;
}

static void raw_free(struct raw *r)
{
	SSL_free(r->ssl);
	SSL_CTX_free(r->ctx);
	ERR_clear_error();
}

/* Until neither has anything to say. Returns what OpenSSL's side last made of it. */
static int raw_shake(struct raw *r, struct tls *t)
{
	char got[20000];
	int rc = 1, error = SSL_ERROR_NONE;

	for (int i = 0; i < 10 && (rc == 1 || error == SSL_ERROR_WANT_READ); i++) {
		struct str out = tls_take(t);
		int n;

		if (out.n)
			assert_int_equal(BIO_write(r->in, out.p, (int)out.n), out.n);
		tls_taken(t, out.n);
		ERR_clear_error();
		rc = SSL_do_handshake(r->ssl);
		error = SSL_get_error(r->ssl, rc);
		r->reason = ERR_GET_REASON(ERR_peek_error());
		n = BIO_read(r->out, got, sizeof(got));
		if (n > 0)
			tls_feed(t, got, (size_t)n);
	}
	return error;
}

static void server_refuses(struct pair *p, struct raw *r, const char *why)
{
	struct tls *t = tls_new(p->sc, NULL, STR_NONE);

	assert_non_null(t);
	assert_int_equal(raw_shake(r, t), SSL_ERROR_SSL);
	assert_int_equal(tls_feed(t, NULL, 0), TLS_FAILED);
	assert_contains(tls_why(t), why);
	tls_free(t);
	raw_free(r);
}

static void old_versions(void **state)
{
	struct pair *p = *state;

	for (int v = TLS1_VERSION; v <= TLS1_1_VERSION; v++) {
		struct raw r = raw_new(false);

		assert_int_equal(SSL_set_max_proto_version(r.ssl, v), 1);
		server_refuses(p, &r, "neither TLS 1.2 nor TLS 1.3");
	}
}

static void weak_suites(void **state)
{
	static const char *const suites[] = {
		"AES128-GCM-SHA256", /* no forward secrecy */
		"DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA",
		"ECDHE-ECDSA-AES128-CCM8",   "AECDH-AES128-SHA",        "ECDHE-ECDSA-NULL-SHA",
		"PSK-AES128-GCM-SHA256"
	};
	struct pair *p = *state;

	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		struct raw r = raw_new(false);

		assert_int_equal(SSL_set_max_proto_version(r.ssl, TLS1_2_VERSION), 1);
		assert_int_equal(SSL_set_cipher_list(r.ssl, suites[i]), 1);
		if (i == 7) /* cannot even be offered without a key */
			raw_free(&r);
		else
			server_refuses(p, &r, "no cipher suite that we allow");
	}
	for (int i = 0; i < 2; i++) {
		struct raw r = raw_new(false);

		assert_int_equal(SSL_set_min_proto_version(r.ssl, TLS1_3_VERSION), 1);
		assert_int_equal(SSL_set_ciphersuites(r.ssl, i ? "TLS_AES_128_CCM_SHA256"
							       : "TLS_AES_128_CCM_8_SHA256"),
				 1);
		server_refuses(p, &r, "no cipher suite that we allow");
	}
}

static void weak_groups(void **state)
{
	struct pair *p = *state;
	struct raw r = raw_new(false);
	struct pki_spec rsa = { .rsa = true }; /* so that it is only the group */

	pair_server_is(p, &rsa, &p->ca);
	assert_int_equal(SSL_set1_groups_list(r.ssl, "P-224:P-192"), 1);
	assert_int_equal(SSL_set_max_proto_version(r.ssl, TLS1_2_VERSION), 1);
	server_refuses(p, &r, "no cipher suite that we allow");
}

/* What both of our sides offer is just the list. */
static void offered_suites(void **state)
{
	struct pair *p = *state;
	STACK_OF(SSL_CIPHER) * all;

	pair_open(p, SERVER_NAME, STR_NONE);
	all = SSL_get1_supported_ciphers(p->c->ssl);
	assert_int_equal(sk_SSL_CIPHER_num(all), 9);
	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		const SSL_CIPHER *c = sk_SSL_CIPHER_value(all, i);
		int exchange = SSL_CIPHER_get_kx_nid(c);

		assert_int_equal(SSL_CIPHER_is_aead(c), 1);
		assert_true(exchange == NID_kx_ecdhe || exchange == NID_kx_any);
	}
	sk_SSL_CIPHER_free(all);
}

static void client_refuses_old_servers(void **state)
{
	struct pair *p = *state;
	struct raw r = raw_new(true);
	struct tls *t = tls_new(p->cc, SERVER_NAME, STR_NONE);

	assert_non_null(t);
	SSL_use_certificate(r.ssl, p->server.x);
	SSL_use_PrivateKey(r.ssl, p->server.key);
	assert_int_equal(SSL_set_max_proto_version(r.ssl, TLS1_1_VERSION), 1);
	raw_shake(&r, t);
	assert_int_equal(tls_feed(t, NULL, 0), TLS_FAILED);
	assert_contains(tls_why(t), "neither TLS 1.2 nor TLS 1.3");
	tls_free(t);
	raw_free(&r);
}

/* Refused, and what was agreed before goes on. */
static void renegotiation(void **state)
{
	struct pair *p = *state;
	struct raw r = raw_new(false);
	struct tls *t = tls_new(p->sc, NULL, STR_NONE);
	char got[1000];
	int n;

	assert_non_null(t);
	assert_int_equal(SSL_set_max_proto_version(r.ssl, TLS1_2_VERSION), 1);
	assert_int_equal(raw_shake(&r, t), SSL_ERROR_NONE);
	assert_int_equal(SSL_renegotiate(r.ssl), 1);
	assert_int_equal(SSL_do_handshake(r.ssl), -1);
	n = BIO_read(r.out, got, sizeof(got));
	assert_true(n > 100); /* a ClientHello */
	assert_int_equal(tls_feed(t, got, (size_t)n), TLS_UP);
	assert_true(SSL_is_init_finished(t->ssl));
	assert_int_equal(tls_take(t).n, 5 + 8 + 2 + 16); /* an alert, as the client understands */
	assert_int_equal(tls_write(t, "x", 1), 0);
	assert_int_equal(tls_feed(t, NULL, 0), TLS_UP);
	assert_int_equal(raw_shake(&r, t), SSL_ERROR_SSL);
	assert_int_equal(r.reason, SSL_R_NO_RENEGOTIATION);
	tls_free(t);
	raw_free(&r);
}

/* TLS 1.3: new keys as often as the peer likes, in both directions. */
static void key_update(void **state)
{
	struct pair *p = *state;
	struct raw r = raw_new(false);
	struct tls *t = tls_new(p->sc, NULL, STR_NONE);
	char got[64];

	assert_non_null(t);
	assert_int_equal(raw_shake(&r, t), SSL_ERROR_NONE);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(SSL_key_update(r.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		raw_shake(&r, t);
		assert_int_equal(SSL_write(r.ssl, "hello", 5), 5);
		raw_shake(&r, t);
		assert_int_equal(tls_read(t, got, sizeof(got)), 5);
		assert_int_equal(tls_write(t, "good day", 8), 0);
		raw_shake(&r, t);
		assert_int_equal(SSL_read(r.ssl, got, sizeof(got)), 8);
	}
	tls_free(t);
	raw_free(&r);
}

static void no_compression(void **state)
{
	struct pair *p = *state;

	pair_only_1_2(p->cc);
	pair_up(p, SERVER_NAME, STR_NONE);
	assert_null(SSL_get_current_compression(p->s->ssl));
	assert_true(SSL_get_options(p->s->ssl) & SSL_OP_NO_COMPRESSION);
	assert_int_equal(SSL_get_secure_renegotiation_support(p->s->ssl), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(old_versions),
		T(weak_suites),
		T(weak_groups),
		T(offered_suites),
		T(client_refuses_old_servers),
		T(renegotiation),
		T(key_update),
		T(no_compression),
	};

	return cmocka_run_group_tests_name("tls_policy", tests, NULL, NULL);
}
