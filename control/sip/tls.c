/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: OpenSSL between two piles of octets. */
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include "sip/tls_priv.h"

#define PILE_MIN    1024
#define PILE_MAX    (1u << 20) /* octets that nobody takes, in either direction */
#define RECORD      16384
#define RECORD_MORE 64 /* octets on the wire that a record adds, rounded up */

/* ---- piles ---- */

static size_t pile_waiting(const struct tls_pile *p)
{
	return p->n - p->at;
}

static void pile_clear(struct tls_pile *p)
{
	/* It may have been a password's digest, or a key of SDES. */
	if (p->p)
		explicit_bzero(p->p, p->n);
	free(p->p);
	*p = (struct tls_pile){ 0 };
}

/* Room for n more octets, at p->p + p->n. */
static int pile_reserve(struct tls_pile *p, size_t n)
{
	size_t waiting = pile_waiting(p), cap = p->cap ? p->cap : PILE_MIN;
	char *bigger;

	if (p->cap - p->n >= n)
		return 0;
	if (waiting + n > PILE_MAX + RECORD + RECORD_MORE)
		return -ENOMEM;
	while (cap < waiting + n)
		cap *= 2;
	bigger = malloc(cap);
	if (!bigger)
		return -ENOMEM;
	if (waiting)
		memcpy(bigger, p->p + p->at, waiting);
	pile_clear(p);
	*p = (struct tls_pile){ .p = bigger, .n = waiting, .cap = cap };
	return 0;
}

static void pile_take(struct tls_pile *p, size_t n)
{
	p->at += n < pile_waiting(p) ? n : pile_waiting(p);
	if (p->at == p->n)
		pile_clear(p);
}

/* ---- the wire, as OpenSSL sees it ---- */

static int wire_read(BIO *b, char *out, int room)
{
	struct tls *t = BIO_get_data(b);
	size_t n = (size_t)room < t->in_n ? (size_t)room : t->in_n;

	BIO_clear_retry_flags(b);
	if (!n) {
		BIO_set_retry_read(b);
		return -1;
	}
	memcpy(out, t->in, n);
	t->in += n;
	t->in_n -= n;
	return (int)n;
}

static int wire_write(BIO *b, const char *p, int n)
{
	struct tls *t = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	if (n <= 0 || pile_reserve(&t->out, (size_t)n))
		return -1;
	memcpy(t->out.p + t->out.n, p, (size_t)n);
	t->out.n += (size_t)n;
	return n;
}

static long wire_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	return cmd == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_wire_new(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "pile");

	if (m && BIO_meth_set_read(m, wire_read) == 1 && BIO_meth_set_write(m, wire_write) == 1 &&
	    BIO_meth_set_ctrl(m, wire_ctrl) == 1)
		return m;
	BIO_meth_free(m);
	return NULL;
}

/* ---- states ---- */

static void fail(struct tls *t, int ssl_error)
{
	if (t->state == TLS_SHAKING && t->key_n)
		tls_sessions_drop(&t->g->sessions, (struct str){ t->key, t->key_n });
	t->state = TLS_FAILED;
	tls_say_error(t, ssl_error);
}

/* OpenSSL tells of the new ticket of a resumed session only in TLS 1.3. */
static void keep_renewed(struct tls *t)
{
	struct str key = { t->key, t->key_n };
	SSL_SESSION *session;

	if (!key.n || !SSL_session_reused(t->ssl) || SSL_version(t->ssl) >= TLS1_3_VERSION ||
	    SSL_get_session(t->ssl) == tls_sessions_get(&t->g->sessions, key, t->g->loop))
		return;
	session = SSL_get1_session(t->ssl);
	if (!tls_sessions_put(&t->g->sessions, key, session, t->g->loop))
		SSL_SESSION_free(session);
}

static void shake(struct tls *t)
{
	int rc, error;

	ERR_clear_error();
	rc = SSL_do_handshake(t->ssl);
	if (rc == 1) {
		t->state = TLS_UP;
		keep_renewed(t);
		return;
	}
	error = SSL_get_error(t->ssl, rc);
	if (error != SSL_ERROR_WANT_READ)
		fail(t, error);
}

static void receive(struct tls *t)
{
	size_t got, room = t->in_n > PILE_MIN ? t->in_n : PILE_MIN;
	int error = SSL_ERROR_NONE;

	while (t->state == TLS_UP) {
		if (pile_reserve(&t->plain, room)) {
			tls_say(t, "more octets wait than are kept");
			fail(t, SSL_ERROR_SYSCALL);
			break;
		}
		ERR_clear_error();
		if (SSL_read_ex(t->ssl, t->plain.p + t->plain.n, t->plain.cap - t->plain.n, &got) ==
		    1) {
			t->plain.n += got;
			continue;
		}
		error = SSL_get_error(t->ssl, 0);
		if (error == SSL_ERROR_ZERO_RETURN)
			tls_close(t);
		else if (error != SSL_ERROR_WANT_READ)
			fail(t, error);
		else
			break;
	}
	pile_take(&t->plain, 0);
}

enum tls_state tls_feed(struct tls *t, const char *p, size_t n)
{
	t->in = p;
	t->in_n = n;
	if (t->state == TLS_SHAKING)
		shake(t);
	if (t->state == TLS_UP)
		receive(t);
	t->in = NULL;
	t->in_n = 0;
	return t->state;
}

size_t tls_read(struct tls *t, char *out, size_t room)
{
	size_t n = pile_waiting(&t->plain);

	n = n < room ? n : room;
	if (n)
		memcpy(out, t->plain.p + t->plain.at, n);
	pile_take(&t->plain, n);
	return n;
}

int tls_write(struct tls *t, const char *p, size_t n)
{
	size_t wire, done;

	if (t->state != TLS_UP)
		return -ENOTCONN;
	if (!n)
		return 0;
	/* What does not fit must be known before a part of it is written; what OpenSSL itself has to say
	 * still does then. */
	if (n > PILE_MAX)
		return -ENOMEM;
	wire = n + (n / RECORD + 1) * RECORD_MORE;
	if (pile_waiting(&t->out) + wire > PILE_MAX || pile_reserve(&t->out, wire))
		return -ENOMEM;
	ERR_clear_error();
	if (SSL_write_ex(t->ssl, p, n, &done) == 1)
		return 0;
	fail(t, SSL_get_error(t->ssl, 0));
	return -ENOTCONN;
}

struct str tls_take(struct tls *t)
{
	return (struct str){ t->out.p ? t->out.p + t->out.at : NULL, pile_waiting(&t->out) };
}

void tls_taken(struct tls *t, size_t n)
{
	pile_take(&t->out, n);
}

void tls_close(struct tls *t)
{
	if (t->state == TLS_UP) {
		ERR_clear_error();
		SSL_shutdown(t->ssl);
		ERR_clear_error();
	}
	if (t->state != TLS_FAILED)
		t->state = TLS_CLOSED;
}

/* ---- made and unmade ---- */

int tls_new_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *t = SSL_get_app_data(ssl);

	return t->key_n && tls_sessions_put(&t->g->sessions, (struct str){ t->key, t->key_n },
					    session, t->g->loop);
}

static int set_client(struct tls *t)
{
	char name[256];
	size_t n = strlen(t->name);
	SSL_SESSION *session = NULL;

	SSL_set_connect_state(t->ssl);
	SSL_set_verify(t->ssl, SSL_VERIFY_PEER, NULL);
	if (!tls_is_address(t->name)) {
		/* RFC 6066 3: without the dot of the root. */
		n -= n && t->name[n - 1] == '.';
		if (!n || n >= sizeof(name))
			return -EINVAL;
		memcpy(name, t->name, n);
		name[n] = 0;
		if (SSL_set_tlsext_host_name(t->ssl, name) != 1)
			return -EINVAL;
	}
	if (t->key_n)
		session = tls_sessions_get(&t->g->sessions, (struct str){ t->key, t->key_n },
					   t->g->loop);
	if (session)
		SSL_set_session(t->ssl, session);
	return 0;
}

static int set_server(struct tls *t)
{
	SSL_set_accept_state(t->ssl);
	SSL_set_verify(t->ssl,
		       SSL_VERIFY_PEER | (t->g->demand ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
		       NULL);
	return 0;
}

static int set_up(struct tls *t)
{
	BIO *wire = BIO_new(t->g->wire);

	if (!wire)
		return -ENOMEM;
	BIO_set_data(wire, t);
	BIO_set_init(wire, 1);
	SSL_set_bio(t->ssl, wire, wire);
	SSL_set_app_data(t->ssl, t);
	X509_VERIFY_PARAM_set_time(SSL_get0_param(t->ssl), (time_t)tls_now(t->g->loop));
	return t->server ? set_server(t) : set_client(t);
}

static struct tls *allocate(const char *name, struct str session_of)
{
	size_t of = session_of.n, n = name ? strlen(name) : 0;
	struct tls *t = calloc(1, sizeof(*t) + of + 1 + n + 1);

	if (!t || !name)
		return t;
	if (of)
		memcpy(t->key, session_of.p, of);
	memcpy(t->key + of + 1, name, n + 1);
	t->name = t->key + of + 1;
	t->key_n = of ? of + 1 + n : 0;
	return t;
}

struct tls *tls_new(struct tls_context *c, const char *server_name, struct str session_of)
{
	struct tls *t;
	int rc = -EINVAL;

	errno = EINVAL;
	if (!server_name && !c->o.server)
		return NULL;
	t = allocate(server_name, session_of);
	if (!t)
		return NULL;
	t->g = c->now;
	t->g->refs++;
	t->server = !server_name;
	t->ssl = SSL_new(t->g->ctx);
	rc = t->ssl ? set_up(t) : -ENOMEM;
	ERR_clear_error();
	if (rc) {
		tls_free(t);
		errno = -rc;
		return NULL;
	}
	if (!t->server)
		shake(t);
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	/* Without a last word the session is as good as with one, which OpenSSL must be told. */
	if (t->state == TLS_UP)
		SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(t->ssl);
	ERR_clear_error();
	tls_generation_put(t->g);
	pile_clear(&t->out);
	pile_clear(&t->plain);
	free(t->why);
	free(t);
}

/* ---- what is known of it ---- */

const char *tls_why(const struct tls *t)
{
	if (t->why)
		return t->why;
	return t->state == TLS_FAILED ? "there is no memory to say why" : "";
}

bool tls_has_peer(const struct tls *t)
{
	return SSL_is_init_finished(t->ssl) && SSL_get0_peer_certificate(t->ssl) &&
	       SSL_get_verify_result(t->ssl) == X509_V_OK;
}

bool tls_peer_is(const struct tls *t, const char *name)
{
	return tls_has_peer(t) && tls_certificate_is(SSL_get0_peer_certificate(t->ssl), name);
}

bool tls_resumed(const struct tls *t)
{
	return SSL_session_reused(t->ssl) == 1;
}

struct str tls_sni(const struct tls *t)
{
	return str_of(t->server ? SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name) : NULL);
}

const char *tls_version(const struct tls *t)
{
	return SSL_get_version(t->ssl);
}
