/* SPDX-License-Identifier: Apache-2.0 */
/* From files to what connections are made with. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include "sip/tls_priv.h"

#define CHAIN_MAX     10    /* certificates of a chain */
#define CERT_OCTETS   32768 /* that a peer may send of them */
#define CLIENT_CA_MAX 32    /* names of CAs that a client is told */
#define CIPHERS_1_2                                                                                \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:" \
	"ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define CIPHERS_1_3 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

/* What is being read, and where complaints go. */
struct load {
	const struct tls_options *o;
	struct tls_generation *g;
};

static int refuse(const struct load *l, const char *path, const char *reason)
{
	log_error(l->o->log, "tls", "%s: %s: %s", l->o->name, path, reason);
	ERR_clear_error();
	return -EINVAL;
}

/* With what OpenSSL says; its texts name no secrets. */
static int refuse_error(const struct load *l, const char *path, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	log_error(l->o->log, "tls", "%s: %s: %s: %s", l->o->name, path, what,
		  reason ? reason : "no memory");
	ERR_clear_error();
	return -EINVAL;
}

static int no_passphrase(char *buf, int size, int rwflag, void *asked)
{
	*(bool *)asked = true;
	return -1;
}

static BIO *bio_of(const struct tls_file *f)
{
	return BIO_new_mem_buf(f->n ? f->p : "", (int)f->n);
}

/* Was it the end of the file that ended a loop over its certificates? */
static bool at_end(void)
{
	unsigned long e = ERR_peek_last_error();

	return ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
}

static X509 *next_certificate(BIO *b)
{
	ERR_clear_error();
	return PEM_read_bio_X509(b, NULL, NULL, NULL);
}

static int use_chain(const struct load *l, const struct tls_file *f, BIO *b)
{
	X509 *x;

	while ((x = next_certificate(b))) {
		if (SSL_CTX_add0_chain_cert(l->g->ctx, x) != 1) {
			X509_free(x);
			return refuse_error(l, f->path,
					    "a certificate of the chain cannot be used");
		}
	}
	return at_end() ? 0 : refuse_error(l, f->path, "a certificate of the chain cannot be read");
}

static int use_certificate(const struct load *l, const struct tls_file *f)
{
	char date[TLS_DATE];
	BIO *b = bio_of(f);
	X509 *x = b ? next_certificate(b) : NULL;
	int rc;

	if (!x)
		rc = at_end() ? refuse(l, f->path, "there is no certificate in it (PEM)")
			      : refuse_error(l, f->path, "the certificate cannot be read");
	else if (SSL_CTX_use_certificate(l->g->ctx, x) != 1)
		rc = refuse_error(l, f->path, "the certificate cannot be used");
	else
		rc = use_chain(l, f, b);
	if (!rc) {
		l->g->expires = tls_time(X509_get0_notAfter(x));
		if (tls_certificate_ended(x, tls_now(l->o->loop)))
			log_warn(l->o->log, "tls",
				 "%s: %s: this certificate has expired on %s: renew it", l->o->name,
				 f->path, tls_date(l->g->expires, date));
	}
	X509_free(x);
	BIO_free(b);
	return rc;
}

/* The certificate must be there already. */
static int use_key(const struct load *l, const struct tls_file *f)
{
	bool asked = false;
	BIO *b = bio_of(f);
	EVP_PKEY *key;
	int rc = 0;

	ERR_clear_error();
	key = b ? PEM_read_bio_PrivateKey(b, NULL, no_passphrase, &asked) : NULL;
	if (asked)
		rc = refuse(l, f->path,
			    "the private key is protected by a passphrase, and nobody is here to "
			    "type it: "
			    "store it without (openssl pkey -in OLD -out NEW; chmod 600 NEW)");
	else if (!key)
		rc = !memmem(f->p, f->n, "PRIVATE KEY-----", 16)
			     ? refuse(l, f->path, "there is no private key in it (PEM)")
			     : refuse_error(l, f->path, "the private key cannot be read");
	else if (X509_check_private_key(SSL_CTX_get0_certificate(l->g->ctx), key) != 1)
		rc = refuse(
			l, f->path,
			"this private key does not belong to the certificate, the first one in its "
			"file");
	else if (SSL_CTX_use_PrivateKey(l->g->ctx, key) != 1)
		rc = refuse_error(l, f->path, "the private key cannot be used");
	EVP_PKEY_free(key);
	BIO_free(b);
	return rc;
}

static int load_own(const struct load *l)
{
	const struct tls_options *o = l->o;
	struct tls_file certificate = { 0 }, key = { 0 };
	int rc;

	if (!o->certificate) {
		if (!o->server && !o->key)
			return 0;
		return refuse(l, o->key ? o->key : "certificate",
			      "a certificate must be given, for a server and with a key");
	}
	rc = tls_file_read(&certificate, o, o->certificate, !o->key);
	if (!rc && o->key)
		rc = tls_file_read(&key, o, o->key, true);
	if (!rc)
		rc = use_certificate(l, &certificate);
	if (!rc)
		rc = use_key(l, o->key ? &key : &certificate);
	tls_file_forget(&certificate);
	tls_file_forget(&key);
	return rc;
}

/* Clients with several certificates choose by these names. */
static bool tell_clients(const struct load *l, X509 *x, int n)
{
	return !l->o->server || n >= CLIENT_CA_MAX || SSL_CTX_add_client_CA(l->g->ctx, x) == 1;
}

static int load_trust(const struct load *l)
{
	const char *path = l->o->ca;
	struct tls_file f;
	int rc, n = 0;
	BIO *b;
	X509 *x;

	/* Of OpenSSL's own places Debian fills the folder, out of which it takes what a chain needs. */
	if (!path)
		return SSL_CTX_set_default_verify_paths(l->g->ctx) == 1
			       ? 0
			       : refuse_error(l, "the system's certificates", "cannot be used");
	rc = tls_file_read(&f, l->o, path, false);
	if (rc)
		return rc;
	b = bio_of(&f);
	while (b && !rc && (x = next_certificate(b))) {
		if (X509_STORE_add_cert(SSL_CTX_get_cert_store(l->g->ctx), x) != 1 ||
		    !tell_clients(l, x, n))
			rc = refuse_error(l, path, "a certificate cannot be used");
		X509_free(x);
		n++;
	}
	if (!rc && !at_end())
		rc = refuse_error(l, path, "a certificate cannot be read");
	else if (!rc && !n)
		rc = refuse(l, path, "there is no certificate in it (PEM)");
	BIO_free(b);
	tls_file_forget(&f);
	return rc;
}

/* Said to be understood, or OpenSSL forgets the name: each context has one certificate, for any name. */
static int on_server_name(SSL *ssl, int *alert, void *unused)
{
	return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) ? SSL_TLSEXT_ERR_OK
								  : SSL_TLSEXT_ERR_NOACK;
}

static void set_peer_policy(SSL_CTX *ctx)
{
	SSL_CTX_set_cert_verify_callback(ctx, tls_verify, NULL);
	SSL_CTX_set_verify_depth(ctx, CHAIN_MAX);
	SSL_CTX_set_max_cert_list(ctx, CERT_OCTETS);
	/* Usage is judged by tls_verify(). Whoever is in the file is trusted, also if no root. */
	SSL_CTX_set_purpose(ctx, X509_PURPOSE_ANY);
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
}

/* Everything is set: what the system's openssl.cnf says changes nothing. */
static int set_policy(const struct load *l)
{
	SSL_CTX *ctx = l->g->ctx;

	SSL_CTX_set_security_level(ctx, 2);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, CIPHERS_1_2) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, CIPHERS_1_3) != 1 ||
	    SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") != 1 ||
	    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"sip", 3) != 1)
		return refuse_error(l, "OpenSSL", "cannot be set up");
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
					   SSL_OP_LEGACY_SERVER_CONNECT);
	/* Released buffers: most connections are idle. The chain is as the file has it. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, tls_new_session);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
	tls_tickets_use(ctx);
	set_peer_policy(ctx);
	return 0;
}

struct tls_generation *tls_generation_new(const struct tls_options *o)
{
	struct load l = { .o = o, .g = calloc(1, sizeof(*l.g)) };
	int rc = -ENOMEM;

	if (!l.g)
		return NULL;
	*l.g = (struct tls_generation){
		.refs = 1, .loop = o->loop, .server = o->server, .demand = o->demand
	};
	l.g->ctx = SSL_CTX_new(TLS_method());
	l.g->wire = tls_wire_new();
	l.g->trust = strdup(o->ca ? o->ca : "the system's certificates");
	if (!tls_sessions_init(&l.g->sessions, o->loop) && l.g->ctx && l.g->wire && l.g->trust)
		rc = set_policy(&l);
	if (!rc)
		rc = load_own(&l);
	if (!rc)
		rc = load_trust(&l);
	ERR_clear_error();
	if (rc) {
		tls_generation_put(l.g);
		errno = -rc;
		return NULL;
	}
	tls_tickets_turn(&l.g->tickets, o->loop);
	return l.g;
}

void tls_generation_put(struct tls_generation *g)
{
	if (--g->refs)
		return;
	tls_sessions_fini(&g->sessions);
	SSL_CTX_free(g->ctx);
	BIO_meth_free(g->wire);
	free(g->trust);
	explicit_bzero(&g->tickets, sizeof(g->tickets));
	free(g);
}
