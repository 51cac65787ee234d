/* SPDX-License-Identifier: Apache-2.0 */
/* A context is the newest reading of its files, and looks whether they have changed. */
#include <errno.h>
#include <stdlib.h>
#include "sip/tls_priv.h"

static void look(struct tls_stamp out[TLS_FILES], const struct tls_options *o)
{
	out[TLS_FILE_CERTIFICATE] = tls_stamp_of(o->certificate);
	out[TLS_FILE_KEY] = tls_stamp_of(o->key);
	out[TLS_FILE_CA] = tls_stamp_of(o->ca);
}

static bool same(const struct tls_stamp a[TLS_FILES], const struct tls_stamp b[TLS_FILES])
{
	for (unsigned i = 0; i < TLS_FILES; i++)
		if (!tls_stamp_eq(&a[i], &b[i]))
			return false;
	return true;
}

static void on_watch(void *arg)
{
	struct tls_context *c = arg;
	struct tls_stamp now[TLS_FILES];

	look(now, &c->o);
	/* Whoever renews writes several files: they are read when they have come to rest. */
	if (!same(now, c->read) && same(now, c->seen))
		tls_context_reload(c);
	memcpy(c->seen, now, sizeof(now));
	timer_start(c->o.loop, &c->watch, c->o.watch_ms);
}

static void on_turn(void *arg)
{
	struct tls_context *c = arg;

	tls_tickets_turn(&c->now->tickets, c->o.loop);
	timer_start(c->o.loop, &c->turn, TLS_TICKET_S * 1000ull);
}

static char *copy(const char *s, bool *failed)
{
	char *p = s ? strdup(s) : NULL;

	*failed |= s && !p;
	return p;
}

static void forget_options(struct tls_options *o)
{
	free((char *)(uintptr_t)o->name);
	free((char *)(uintptr_t)o->certificate);
	free((char *)(uintptr_t)o->key);
	free((char *)(uintptr_t)o->ca);
}

static int copy_options(struct tls_options *to, const struct tls_options *from)
{
	bool failed = false;

	*to = *from;
	to->name = copy(from->name, &failed);
	to->certificate = copy(from->certificate, &failed);
	to->key = copy(from->key, &failed);
	to->ca = copy(from->ca, &failed);
	return failed ? -ENOMEM : 0;
}

struct tls_context *tls_context_new(const struct tls_options *o)
{
	struct tls_context *c = calloc(1, sizeof(*c));
	int saved = ENOMEM;

	if (!c)
		return NULL;
	timer_init(&c->watch, on_watch, c);
	timer_init(&c->turn, on_turn, c);
	if (copy_options(&c->o, o) == 0) {
		look(c->read, &c->o);
		memcpy(c->seen, c->read, sizeof(c->seen));
		c->now = tls_generation_new(&c->o);
		saved = errno;
	}
	if (!c->now) {
		tls_context_free(c);
		errno = saved;
		return NULL;
	}
	timer_start(c->o.loop, &c->turn, TLS_TICKET_S * 1000ull);
	if (c->o.watch_ms)
		timer_start(c->o.loop, &c->watch, c->o.watch_ms);
	return c;
}

void tls_context_free(struct tls_context *c)
{
	if (!c)
		return;
	timer_stop(c->o.loop, &c->watch);
	timer_stop(c->o.loop, &c->turn);
	if (c->now)
		tls_generation_put(c->now);
	forget_options(&c->o);
	free(c);
}

int tls_context_reload(struct tls_context *c)
{
	struct tls_generation *g;
	char date[TLS_DATE];
	int rc;

	/* Before they are read: a change meanwhile is seen at the next look. */
	look(c->read, &c->o);
	g = tls_generation_new(&c->o);
	if (!g) {
		rc = -errno;
		log_warn(c->o.log, "tls", "%s: what was read before stays in use", c->o.name);
		return rc;
	}
	/* New keys for tickets and no old sessions: what they prove was verified by the old files. */
	tls_generation_put(c->now);
	c->now = g;
	timer_start(c->o.loop, &c->turn, TLS_TICKET_S * 1000ull);
	if (g->expires)
		log_notice(c->o.log, "tls", "%s: certificate read again, it ends on %s", c->o.name,
			   tls_date(g->expires, date));
	else
		log_notice(c->o.log, "tls", "%s: trusted certificates read again", c->o.name);
	return 0;
}

int64_t tls_context_expires(const struct tls_context *c)
{
	return c->now->expires;
}
