/* SPDX-License-Identifier: Apache-2.0 */
/* What a client may resume: the last session under each key, the oldest give way. */
#include <errno.h>
#include <stdlib.h>
#include "sip/tls_priv.h"

struct tls_session {
	struct table_node node;
	struct tls_session *newer, *older;
	SSL_SESSION *session;
	uint64_t until; /* on the loop's clock */
	size_t n;
	char key[];
};

static bool has_key(const struct table_node *node, const void *key)
{
	const struct tls_session *e = (const struct tls_session *)node;

	return str_eq((struct str){ e->key, e->n }, *(const struct str *)key);
}

static struct tls_session *find(struct tls_sessions *s, struct str key)
{
	return (struct tls_session *)table_find(&s->table, table_hash(&s->table, key.p, key.n),
						has_key, &key);
}

static void unlink_session(struct tls_sessions *s, struct tls_session *e)
{
	*(e->newer ? &e->newer->older : &s->newest) = e->older;
	*(e->older ? &e->older->newer : &s->oldest) = e->newer;
}

static void link_newest(struct tls_sessions *s, struct tls_session *e)
{
	e->newer = NULL;
	e->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = e;
	s->newest = e;
}

static void drop(struct tls_sessions *s, struct tls_session *e)
{
	unlink_session(s, e);
	table_del(&s->table, &e->node);
	SSL_SESSION_free(e->session);
	free(e);
}

int tls_sessions_init(struct tls_sessions *s, struct loop *l)
{
	uint64_t key[2];

	*s = (struct tls_sessions){ 0 };
	loop_random(l, key, sizeof(key));
	return table_init(&s->table, key, 16);
}

void tls_sessions_fini(struct tls_sessions *s)
{
	while (s->oldest)
		drop(s, s->oldest);
	table_fini(&s->table);
}

bool tls_sessions_put(struct tls_sessions *s, struct str key, SSL_SESSION *session, struct loop *l)
{
	struct tls_session *e = find(s, key);

	if (e) {
		SSL_SESSION_free(e->session);
		unlink_session(s, e);
	} else {
		e = malloc(sizeof(*e) + key.n);
		if (!e)
			return false;
		e->n = key.n;
		memcpy(e->key, key.p, key.n);
		if (s->table.count >= TLS_SESSIONS)
			drop(s, s->oldest);
		table_add(&s->table, &e->node, table_hash(&s->table, key.p, key.n));
	}
	e->session = session;
	e->until = loop_now(l) + TLS_TICKET_S * 1000ull;
	link_newest(s, e);
	return true;
}

/* The server's certificate was verified when the session began, and is not again. */
static bool may_resume(const struct tls_session *e, struct loop *l)
{
	const X509 *x = SSL_SESSION_get0_peer(e->session);

	return loop_now(l) < e->until && SSL_SESSION_is_resumable(e->session) && x &&
	       !tls_certificate_ended(x, tls_now(l));
}

SSL_SESSION *tls_sessions_get(struct tls_sessions *s, struct str key, struct loop *l)
{
	struct tls_session *e = find(s, key);

	if (!e)
		return NULL;
	if (may_resume(e, l))
		return e->session;
	drop(s, e);
	return NULL;
}

void tls_sessions_drop(struct tls_sessions *s, struct str key)
{
	struct tls_session *e = find(s, key);

	if (e)
		drop(s, e);
}
