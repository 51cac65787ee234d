/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets: the server's memory of a session, kept by the client, sealed with a key that only we have.
 * Who gets that key can read recorded TLS 1.2 sessions, hence it is thrown away after two turns. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include "sip/tls_priv.h"

static struct tls_generation *generation_of(SSL *ssl)
{
	const struct tls *t = SSL_get_app_data(ssl);

	return t->g;
}

static int init(const struct tls_ticket_key *k, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
		EVP_MAC_CTX *mac, int seal)
{
	OSSL_PARAM p[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)k->mac,
						  sizeof(k->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->aes, iv, seal) == 1 &&
	       EVP_MAC_CTX_set_params(mac, p) == 1;
}

/* For SSL_CTX_set_tlsext_ticket_key_evp_cb(): 0: not ours, 1: good, 2: good and to be renewed. */
static int on_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		  EVP_MAC_CTX *mac, int seal)
{
	struct tls_generation *g = generation_of(ssl);
	const struct tls_tickets *k = &g->tickets;

	if (seal) {
		memcpy(name, k->now.name, sizeof(k->now.name));
		loop_random(g->loop, iv, (size_t)EVP_CIPHER_get_iv_length(EVP_aes_256_cbc()));
		return init(&k->now, iv, cipher, mac, 1) ? 1 : -1;
	}
	if (memcmp(name, k->now.name, sizeof(k->now.name)) == 0)
		return init(&k->now, iv, cipher, mac, 0) ? 1 : -1;
	if (k->keys > 1 && memcmp(name, k->before.name, sizeof(k->before.name)) == 0)
		return init(&k->before, iv, cipher, mac, 0) ? 2 : -1;
	return 0;
}

/* A resumed session is not verified again, so the certificate in it must not have ended. */
static SSL_TICKET_RETURN on_opened(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
				   size_t name_n, SSL_TICKET_STATUS status, void *arg)
{
	const X509 *x = session ? SSL_SESSION_get0_peer(session) : NULL;
	int64_t now = tls_now(generation_of(ssl)->loop);

	switch (status) {
	case SSL_TICKET_SUCCESS:
	case SSL_TICKET_SUCCESS_RENEW:
		if (x && tls_certificate_ended(x, now))
			return SSL_TICKET_RETURN_IGNORE_RENEW;
		/* A ticket of TLS 1.3 is for one use (RFC 8446 C.4). */
		return status == SSL_TICKET_SUCCESS_RENEW || SSL_version(ssl) >= TLS1_3_VERSION
			       ? SSL_TICKET_RETURN_USE_RENEW
			       : SSL_TICKET_RETURN_USE;
	case SSL_TICKET_EMPTY:
	case SSL_TICKET_NO_DECRYPT:
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	default:
		return SSL_TICKET_RETURN_ABORT;
	}
}

void tls_tickets_use(SSL_CTX *ctx)
{
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_key);
	SSL_CTX_set_session_ticket_cb(ctx, NULL, on_opened, NULL);
	SSL_CTX_set_timeout(ctx, TLS_TICKET_S);
	SSL_CTX_set_num_tickets(ctx, 1);
}

void tls_tickets_turn(struct tls_tickets *k, struct loop *l)
{
	struct tls_ticket_key fresh;

	loop_random(l, &fresh, sizeof(fresh));
	k->keys += k->keys < 2;
	k->before = k->now;
	k->now = fresh;
	explicit_bzero(&fresh, sizeof(fresh));
}
