/* SPDX-License-Identifier: Apache-2.0 */
/* What a handshake costs the server and the client; a message written and read; and the memory of a
 * connection that is idle after its first messages. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "sip/tls_pki_test.h"
#include "sip/tls_priv.h"

#define SHAKES   500
#define MESSAGES 20000
#define IDLE     1000
#define NAME     "sip.b.example"

struct side {
	struct tls *t;
	double seconds;
};

struct bench {
	struct loop *loop;
	char dir[32], ca[64], cert[64], key[64];
	struct pki issuer;
	struct tls_context *server, *client;
	struct side s, c;
};

/* Of this thread's own CPU time: what else runs on the machine is not to be seen. */
static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool move(struct side *from, struct side *to)
{
	struct str out = tls_take(from->t);

	if (!out.n)
		return false;
	tls_feed(to->t, out.p, out.n);
	tls_taken(from->t, out.n);
	return true;
}

static bool timed_move(struct side *from, struct side *to)
{
	double start = seconds();
	bool moved = move(from, to);

	to->seconds += seconds() - start;
	return moved;
}

static bool say(struct side *from, struct side *to, const char *msg, size_t n)
{
	char got[2048];

	return tls_write(from->t, msg, n) == 0 && move(from, to) &&
	       tls_read(to->t, got, sizeof(got)) == n;
}

static bool up(const struct bench *b)
{
	return b->s.t->state == TLS_UP && b->c.t->state == TLS_UP;
}

static bool shake(struct bench *b, struct str session_of)
{
	double start = seconds(), between;

	b->s.t = tls_new(b->server, NULL, STR_NONE);
	between = seconds();
	b->c.t = tls_new(b->client, NAME, session_of);
	b->s.seconds += between - start;
	b->c.seconds += seconds() - between;
	if (!b->s.t || !b->c.t)
		return false;
	for (bool there = true, back = true; there || back;) {
		there = timed_move(&b->c, &b->s);
		back = timed_move(&b->s, &b->c);
	}
	return up(b);
}

static void hang_up(struct bench *b)
{
	double start = seconds(), between;

	tls_free(b->s.t);
	between = seconds();
	tls_free(b->c.t);
	b->s.seconds += between - start;
	b->c.seconds += seconds() - between;
	b->s.t = b->c.t = NULL;
}

static int bench_shakes(struct bench *b, const char *name, struct str session_of)
{
	bool resumed = false;

	if (!shake(b, session_of)) /* the first one fills caches, and the session's */
		return -1;
	hang_up(b);
	b->s.seconds = b->c.seconds = 0;
	for (int i = 0; i < SHAKES; i++) {
		if (!shake(b, session_of))
			return -1;
		resumed = tls_resumed(b->s.t);
		hang_up(b);
	}
	if (resumed != (session_of.n != 0))
		return -1;
	printf("sip.tls_accept %s us %.0f\n", name, b->s.seconds * 1e6 / SHAKES);
	printf("sip.tls_connect %s us %.0f\n", name, b->c.seconds * 1e6 / SHAKES);
	fprintf(stderr, "# %s: %.0f accepted a second\n", name, SHAKES / b->s.seconds);
	return 0;
}

static int bench_messages(struct bench *b)
{
	char msg[1100] = { 0 };
	double start;

	if (!shake(b, STR_NONE))
		return -1;
	start = seconds();
	for (int i = 0; i < MESSAGES; i++) {
		if (!say(&b->c, &b->s, msg, sizeof(msg)))
			return -1;
	}
	printf("sip.tls_message 1100 ns %.0f\n", (seconds() - start) * 1e9 / MESSAGES);
	hang_up(b);
	return 0;
}

static size_t allocated(void)
{
	return mallinfo2().uordblks;
}

/* Of connections of both sides; those of one side are freed to tell what they took. */
static int bench_idle(struct bench *b, const char *name)
{
	static struct tls *s[IDLE], *c[IDLE];
	size_t start = allocated(), both, clients;

	for (int i = 0; i < IDLE; i++) {
		if (!shake(b, STR_NONE) || !say(&b->c, &b->s, "there", 5) ||
		    !say(&b->s, &b->c, "back", 4))
			return -1;
		s[i] = b->s.t;
		c[i] = b->c.t;
	}
	both = allocated();
	for (int i = 0; i < IDLE; i++)
		tls_free(s[i]);
	clients = allocated();
	for (int i = 0; i < IDLE; i++)
		tls_free(c[i]);
	b->s.t = b->c.t = NULL;
	printf("sip.tls_idle %s_server octets %zu\n", name, (both - clients) / IDLE);
	printf("sip.tls_idle %s_client octets %zu\n", name, (clients - start) / IDLE);
	return 0;
}

static int contexts(struct bench *b, bool rsa)
{
	struct pki_spec spec = { .cn = "server", .alt = { STR("DNS:" NAME) }, .rsa = rsa };
	struct pki p = pki_issue(b->loop, &spec, &b->issuer);
	struct tls_options o = { .loop = b->loop, .name = "bench", .ca = b->ca };

	pki_write_certificate(b->cert, p.x, NULL, 0644);
	pki_write_key(b->key, p.key, NULL, 0600);
	pki_free(&p);
	tls_context_free(b->client);
	tls_context_free(b->server);
	b->client = tls_context_new(&o);
	o.server = true;
	o.certificate = b->cert;
	o.key = b->key;
	b->server = tls_context_new(&o);
	return b->client && b->server ? 0 : -1;
}

static int run(struct bench *b)
{
	static const char *const names[2][4] = {
		{ "p256", "p256_resumed", "p256_1.2", "p256_1.2_resumed" },
		{ "rsa2048", "rsa2048_resumed", "rsa2048_1.2", "rsa2048_1.2_resumed" }
	};

	for (int rsa = 0; rsa < 2; rsa++) {
		if (contexts(b, rsa))
			return -1;
		for (int i = 0; i < 4; i++) {
			if (i == 2) {
				if (bench_idle(b, names[rsa][0]))
					return -1;
				SSL_CTX_set_max_proto_version(b->client->now->ctx, TLS1_2_VERSION);
			}
			if (bench_shakes(b, names[rsa][i], i % 2 ? STR("1") : STR_NONE))
				return -1;
		}
	}
	return bench_idle(b, "rsa2048_1.2") || bench_messages(b) ? -1 : 0;
}

static int set_up(struct bench *b)
{
	struct pki_spec ca = { .cn = "CA", .ca = true };

	snprintf(b->dir, sizeof(b->dir), "/tmp/sip-tls-XXXXXX");
	b->loop = loop_new_virtual(1);
	if (!b->loop || !mkdtemp(b->dir))
		return -1;
	snprintf(b->ca, sizeof(b->ca), "%s/ca.pem", b->dir);
	snprintf(b->cert, sizeof(b->cert), "%s/cert.pem", b->dir);
	snprintf(b->key, sizeof(b->key), "%s/key.pem", b->dir);
	b->issuer = pki_issue(b->loop, &ca, NULL);
	pki_write_certificate(b->ca, b->issuer.x, NULL, 0644);
	return 0;
}

int main(void)
{
	struct bench b = { 0 };
	int rc = set_up(&b) || run(&b);

	if (rc)
		fprintf(stderr, "a handshake fails: %s\n",
			b.c.t ? tls_why(b.c.t) : "no connection");
	tls_free(b.s.t);
	tls_free(b.c.t);
	tls_context_free(b.server);
	tls_context_free(b.client);
	pki_free(&b.issuer);
	unlink(b.ca);
	unlink(b.cert);
	unlink(b.key);
	rmdir(b.dir);
	loop_free(b.loop);
	return rc != 0;
}
