/* SPDX-License-Identifier: Apache-2.0 */
/* Challenging neighbours whose address is not enough (RFC 3261 22.2), before any other work and without keeping
 * anything. Whatever is wrong looks the same from outside. */
#include <stdlib.h>
#include "sip/dialog_priv.h"

#define FAILURES_MAX 5
#define WINDOW_MS    60000
#define LINES_MAX    1024

struct challenger {
	struct challenger *next;
	struct auth_server *server;
	char realm[];
};

void challenge_free(struct sip *s)
{
	struct challenger *c;

	while ((c = s->challengers)) {
		s->challengers = c->next;
		auth_server_free(c->server);
		free(c);
	}
}

/* There are as many as the configuration has realms. */
static struct auth_server *server_of(struct sip *s, const char *realm)
{
	struct challenger *c = s->challengers;
	size_t n = strlen(realm) + 1;

	while (c && strcmp(c->realm, realm) != 0)
		c = c->next;
	if (c)
		return c->server;
	c = malloc(sizeof(*c) + n);
	if (!c)
		return NULL;
	memcpy(c->realm, realm, n);
	c->server = auth_server_new(s->loop, realm);
	if (!c->server) {
		free(c);
		return NULL;
	}
	c->next = s->challengers;
	s->challengers = c;
	return c->server;
}

/* ---- guessing ---- */

struct attempt {
	struct sip *s;
	const struct incoming *in;
	const struct auth_login *want;
	struct failures *failures; /* of this user from this source */
	bool limited;
};

/* Users and sources that share a slot share its count: the table is bounded, and nobody shakes a count off by
 * trying others. */
static struct failures *failures_of(struct sip *s, struct str user, const struct addr *source)
{
	uint64_t h = siphash(s->reject_key, user.p, user.n) ^
		     siphash(s->reject_key, source->ip, sizeof(source->ip));
	struct failures *f = &s->failures[h % FAILURE_SLOTS];

	if (f->n && loop_now(s->loop) - f->since >= WINDOW_MS)
		f->n = 0;
	return f;
}

/* Who is limited is treated as a user that does not exist. */
static const char *password_of(void *arg, struct str user)
{
	struct attempt *a = arg;

	a->failures = failures_of(a->s, user, &a->in->source.addr);
	a->limited = a->failures->n >= FAILURES_MAX;
	return !a->limited && str_eq(user, str_of(a->want->user)) ? a->want->password : NULL;
}

static void note_failure(struct attempt *a)
{
	struct failures *f =
		a->failures ? a->failures : failures_of(a->s, STR_NONE, &a->in->source.addr);
	char text[ADDR_STR_MAX];

	count(a->s, a->limited ? COUNT_CHALLENGE_LIMITED : COUNT_CHALLENGE_FAILED);
	if (a->limited)
		return;
	if (f->n++ == 0)
		f->since = loop_now(a->s->loop);
	log_info(a->s->log, "sip", "wrong credentials from %s",
		 addr_print(&a->in->source.addr, text));
}

/* ---- the verdict ---- */

static void ask(struct attempt *a, struct auth_server *server, bool stale)
{
	char mem[LINES_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	auth_put_challenge(server, false, stale, a->want->algorithms, &b);
	count(a->s, COUNT_CHALLENGE_SENT);
	reject(a->s, a->in, 401, buf_ok(&b) ? buf_str(&b) : STR_NONE);
}

static bool judge(struct attempt *a, struct auth_server *server)
{
	switch (auth_check(server, a->in->m, false, password_of, a)) {
	case AUTH_OK:
		return false;
	case AUTH_NONE:
		ask(a, server, false);
		return true;
	case AUTH_STALE:
		ask(a, server, true);
		return true;
	case AUTH_BAD:
		break;
	}
	note_failure(a);
	if (a->limited)
		reject(a->s, a->in, 403, STR_NONE);
	else
		ask(a, server, false);
	return true;
}

bool challenge(struct sip *s, const struct incoming *in)
{
	const struct sent_by *us = sip_sent_by(s, &in->source);
	struct auth_login want = { 0 };
	struct attempt a = { .s = s, .in = in, .want = &want };
	struct auth_server *server;
	char host[SENT_BY_MAX];

	if (!s->user.challenge || !s->user.challenge(s->user.arg, in->source.peer, &want))
		return false;
	memcpy(host, us->text, us->host_len);
	host[us->host_len] = '\0';
	server = server_of(s, want.realm ? want.realm : host);
	if (!server) {
		count(s, COUNT_DROP_MEMORY);
		reject(s, in, 503, STR("Retry-After: 5\r\n"));
		return true;
	}
	return judge(&a, server);
}
