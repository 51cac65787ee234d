/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of TLS: tls_context.c makes generations, tls.c connections. */
#ifndef SLUICE_SIP_TLS_PRIV_H
#define SLUICE_SIP_TLS_PRIV_H

#include <openssl/ssl.h>
#include <sys/types.h>
#include <time.h>
#include "base/buf.h"
#include "base/table.h"
#include "sip/tls.h"

/* ---- files (tls_file.c) ---- */

/* What tells one content of a file from another. All zero: it is not there. */
struct tls_stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed;
};

struct tls_stamp tls_stamp_of(const char *path);
bool tls_stamp_eq(const struct tls_stamp *a, const struct tls_stamp *b);

struct tls_file {
	const char *path;
	char *p;
	size_t n;
};

/* All of it. 0 or -errno, logged. `secret`: others may not read it. Wiped when it is forgotten. */
int tls_file_read(struct tls_file *f, const struct tls_options *o, const char *path, bool secret);
void tls_file_forget(struct tls_file *f);

/* ---- keys of tickets (tls_ticket.c) ---- */

#define TLS_TICKET_S (12 * 3600) /* a key's turn, and how long a session can be resumed */

struct tls_ticket_key {
	unsigned char name[16], aes[32], mac[32];
};

struct tls_tickets {
	struct tls_ticket_key now, before;
	unsigned keys; /* 1: there is no `before` yet */
};

void tls_tickets_use(SSL_CTX *ctx);
/* `now` is made new, what it was becomes `before`; that is forgotten. */
void tls_tickets_turn(struct tls_tickets *k, struct loop *l);

/* ---- sessions of clients (tls_session.c) ---- */

#define TLS_SESSIONS 1024 /* of one generation */

struct tls_session;
struct tls_sessions {
	struct table table;
	struct tls_session *newest, *oldest;
};

int tls_sessions_init(struct tls_sessions *s, struct loop *l);
void tls_sessions_fini(struct tls_sessions *s);
/* Takes `session` over; in place of what was there under `key`. False: no memory, nothing taken. */
bool tls_sessions_put(struct tls_sessions *s, struct str key, SSL_SESSION *session, struct loop *l);
/* One that may be resumed now. Borrowed until the next call; NULL: none. */
SSL_SESSION *tls_sessions_get(struct tls_sessions *s, struct str key, struct loop *l);
void tls_sessions_drop(struct tls_sessions *s, struct str key);

/* ---- one reading of the files (tls_load.c) ---- */

/* Held by its context while it is the newest, and by each connection that began with it. */
struct tls_generation {
	unsigned refs;
	SSL_CTX *ctx;
	BIO_METHOD *wire;
	struct loop *loop;
	char *trust; /* where trust comes from, for messages */
	bool server, demand;
	int64_t expires; /* of the own certificate, 0: there is none */
	struct tls_tickets tickets;
	struct tls_sessions sessions;
};

struct tls_generation *tls_generation_new(const struct tls_options *o); /* NULL + errno, logged */
void tls_generation_put(struct tls_generation *g);

/* ---- a context (tls_context.c) ---- */

enum tls_role {
	TLS_FILE_CERTIFICATE,
	TLS_FILE_KEY,
	TLS_FILE_CA,
	TLS_FILES
};

struct tls_context {
	struct tls_options o; /* its strings are owned */
	struct tls_generation *now;
	struct timer watch, turn;
	/* What was there when it was read last, successfully or not, and at the last look. */
	struct tls_stamp read[TLS_FILES], seen[TLS_FILES];
};

/* ---- a connection (tls.c) ---- */

/* Octets at..n of p wait. Nothing is kept while none do. */
struct tls_pile {
	char *p;
	size_t at, n, cap;
};

struct tls {
	SSL *ssl;
	struct tls_generation *g;
	const char *in; /* what is being fed, and not yet taken by OpenSSL */
	size_t in_n;
	struct tls_pile out, plain;
	char *why;
	enum tls_state state;
	bool server;
	bool remark; /* `why` is no failure: a certificate that was not demanded does not count */
	/* Client: under which its session is kept: session_of, NUL, name of the server; n 0: not at all. */
	size_t key_n;
	const char *name; /* of the server, inside key; NULL: we are the server */
	char key[];
};

BIO_METHOD *tls_wire_new(void);
int tls_new_session(SSL *ssl, SSL_SESSION *session); /* for SSL_CTX_sess_set_new_cb() */

/* ---- is the peer who it should be (tls_verify.c, tls_names.c) ---- */

int tls_verify(X509_STORE_CTX *sc, void *unused); /* for SSL_CTX_set_cert_verify_callback() */
/* Has that certificate ended at `now` (seconds since 1970)? */
bool tls_certificate_ended(const X509 *x, int64_t now);
int64_t tls_time(const ASN1_TIME *t);
static inline int64_t tls_now(const struct loop *l)
{
	return (int64_t)(loop_wall_us(l) / 1000000);
}

/* Is `name` one of the certificate's identities by RFC 5922 7.1 and 7.2? An address: by its iPAddress
 * entries. */
bool tls_certificate_is(const X509 *x, const char *name);
/* All that it bears, for a person: "sip:a.example, DNS:b.example"; printable whatever is in it. */
void tls_certificate_names(const X509 *x, struct buf *out);
bool tls_is_address(const char *name);

/* ---- for people (tls_why.c) ---- */

#define TLS_DATE 40

const char *tls_date(int64_t t, char out[TLS_DATE]); /* returns out */
/* The first reason of a failure is kept. */
void tls_say(struct tls *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* From OpenSSL's queue of errors, which is empty afterwards. */
void tls_say_error(struct tls *t, int ssl_error);
/* Of the certificate that X509_verify_cert() or tls_verify() found wanting. */
void tls_say_certificate(struct tls *t, X509_STORE_CTX *sc);

#endif
