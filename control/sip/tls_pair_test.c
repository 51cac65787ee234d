/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "sip/tls_pair_test.h"

static const struct pki_spec ca_spec = { .cn = "Test CA",
					 .ca = true,
					 .usage = "critical,keyCertSign" };
static const struct pki_spec server_spec = { .cn = "server",
					     .alt = { STR("URI:sip:" SERVER_NAME) },
					     .extended = "serverAuth" };
static const struct pki_spec client_spec = { .cn = "client",
					     .alt = { STR("DNS:" CLIENT_NAME) },
					     .extended = "clientAuth" };

#define PATH(f, member, name) snprintf((f)->member, sizeof((f)->member), "%s/%s", (f)->dir, name)

static void make_folder(struct pair_files *f)
{
	snprintf(f->dir, sizeof(f->dir), "/tmp/sip-tls-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	PATH(f, ca, "ca.pem");
	PATH(f, cert, "cert.pem");
	PATH(f, key, "key.pem");
	PATH(f, client_cert, "client.pem");
	PATH(f, client_key, "client-key.pem");
	PATH(f, other, "other.pem");
	PATH(f, other_key, "other-key.pem");
}

static void remove_folder(struct pair_files *f)
{
	const char *all[] = { f->ca,         f->cert,  f->key,      f->client_cert,
			      f->client_key, f->other, f->other_key };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		unlink(all[i]);
	assert_int_equal(rmdir(f->dir), 0);
}

struct tls_options pair_server_options(struct pair *p)
{
	return (struct tls_options){ .loop = p->loop,
				     .log = p->log,
				     .name = "networks.outside",
				     .certificate = p->path.cert,
				     .key = p->path.key,
				     .ca = p->path.ca,
				     .server = true };
}

struct tls_options pair_client_options(struct pair *p)
{
	return (struct tls_options){
		.loop = p->loop, .log = p->log, .name = "trunks.carrier", .ca = p->path.ca
	};
}

void pair_server(struct pair *p, const struct tls_options *o)
{
	tls_context_free(p->sc);
	p->sc = tls_context_new(o);
	assert_non_null(p->sc);
}

void pair_client(struct pair *p, const struct tls_options *o)
{
	tls_context_free(p->cc);
	p->cc = tls_context_new(o);
	assert_non_null(p->cc);
}

void pair_server_is(struct pair *p, const struct pki_spec *spec, const struct pki *issuer)
{
	struct tls_options o = pair_server_options(p);

	pki_free(&p->server);
	p->server = pki_issue(p->loop, spec, issuer);
	pki_write_certificate(p->path.cert, p->server.x, NULL, 0644);
	pki_write_key(p->path.key, p->server.key, NULL, 0600);
	pair_server(p, &o);
}

void pair_client_is(struct pair *p, const struct pki_spec *spec, const struct pki *issuer)
{
	struct tls_options o = pair_client_options(p);

	pki_free(&p->client);
	p->client = pki_issue(p->loop, spec, issuer);
	pki_write_certificate(p->path.client_cert, p->client.x, NULL, 0644);
	pki_write_key(p->path.client_key, p->client.key, NULL, 0600);
	o.certificate = p->path.client_cert;
	o.key = p->path.client_key;
	pair_client(p, &o);
}

int pair_setup(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));
	struct tls_options o;

	assert_non_null(p);
	*state = p;
	p->loop = loop_new_virtual(7);
	p->log_fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(p->loop && p->log_fd >= 0);
	p->log = log_new(p->log_fd, LOG_LEVEL_DEBUG);
	make_folder(&p->path);
	p->ca = pki_issue(p->loop, &ca_spec, NULL);
	pki_write_certificate(p->path.ca, p->ca.x, NULL, 0644);
	pair_server_is(p, &server_spec, &p->ca);
	pair_client_is(p, &client_spec, &p->ca);
	o = pair_client_options(p);
	pair_client(p, &o);
	return 0;
}

int pair_teardown(void **state)
{
	struct pair *p = *state;

	pair_close(p);
	tls_context_free(p->sc);
	tls_context_free(p->cc);
	pki_free(&p->ca);
	pki_free(&p->server);
	pki_free(&p->client);
	remove_folder(&p->path);
	assert_true(loop_next(p->loop) == UINT64_MAX); /* no timer is left */
	log_free(p->log);
	close(p->log_fd);
	loop_free(p->loop);
	free(p);
	return 0;
}

void pair_open(struct pair *p, const char *server_name, struct str session_of)
{
	pair_close(p);
	p->s = tls_new(p->sc, NULL, STR_NONE);
	p->c = tls_new(p->cc, server_name, session_of);
	assert_true(p->s && p->c);
}

/* Each piece in memory of just its size, so that reading past it is seen. */
static bool move(struct tls *from, struct tls *to, size_t piece)
{
	struct str out = tls_take(from);
	char *copy;

	if (!out.n)
		return false;
	out.n = out.n < piece ? out.n : piece;
	copy = malloc(out.n);
	assert_non_null(copy);
	memcpy(copy, out.p, out.n);
	tls_taken(from, out.n);
	tls_feed(to, copy, out.n);
	free(copy);
	return true;
}

void pair_pump(struct pair *p, size_t piece)
{
	bool there = true, back = true;

	while (there || back) {
		there = move(p->c, p->s, piece);
		back = move(p->s, p->c, piece);
	}
}

/* The state as tls_feed() of nothing says it. */
static enum tls_state state_of(struct tls *t)
{
	return tls_feed(t, NULL, 0);
}

void pair_up(struct pair *p, const char *server_name, struct str session_of)
{
	pair_open(p, server_name, session_of);
	pair_pump(p, WHOLE);
	if (state_of(p->c) != TLS_UP || state_of(p->s) != TLS_UP)
		fail_msg("client: \"%s\", server: \"%s\"", tls_why(p->c), tls_why(p->s));
}

void pair_fails(struct pair *p, const char *server_name, const char *why)
{
	pair_open(p, server_name, STR_NONE);
	pair_pump(p, WHOLE);
	assert_int_equal(state_of(p->c), TLS_FAILED);
	assert_int_equal(state_of(p->s), TLS_FAILED);
	assert_contains(tls_why(p->c), why);
	assert_int_equal(tls_write(p->c, "x", 1), -ENOTCONN);
}

void pair_close(struct pair *p)
{
	tls_free(p->s);
	tls_free(p->c);
	p->s = p->c = NULL;
}

void pair_says(struct pair *p, struct tls *from, const char *text)
{
	struct tls *to = from == p->s ? p->c : p->s;
	char got[256];
	size_t n;

	assert_int_equal(tls_write(from, text, strlen(text)), 0);
	pair_pump(p, WHOLE);
	n = tls_read(to, got, sizeof(got));
	assert_int_equal(n, strlen(text));
	assert_memory_equal(got, text, n);
}

void pair_only_1_2(struct tls_context *c)
{
	assert_int_equal(SSL_CTX_set_max_proto_version(c->now->ctx, TLS1_2_VERSION), 1);
}

const char *pair_log(struct pair *p)
{
	ssize_t n = pread(p->log_fd, p->text, sizeof(p->text) - 1, 0);

	assert_true(n >= 0);
	p->text[n] = 0;
	assert_int_equal(ftruncate(p->log_fd, 0), 0);
	lseek(p->log_fd, 0, SEEK_SET);
	return p->text;
}
