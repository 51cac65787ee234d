/* SPDX-License-Identifier: Apache-2.0 */
/* Records by name and type. One query at a time for each name, everybody who asks meanwhile waits for the
 * same; what was not asked for longest goes first. */
#include <errno.h>
#include <stdlib.h>
#include "sip/resolve_priv.h"

#define NAMES_MAX  4096
#define ASKING_MAX 512
#define LEAST_MS   5000
/* How long a set serves on after its end while no server answers (RFC 8767 5). */
#define STALE_MS (3600 * 1000)

struct entry {
	struct table_node node; /* first: table_find gives this */
	struct entry *older, *newer;
	struct dns_cache *cache;
	struct dns_wait *waits;
	struct dns_set *set; /* NULL: none known */
	uint64_t until;      /* the set holds */
	uint64_t retry_at;   /* the last query failed: no other before */
	int status;          /* of the last query */
	bool asking, aged;   /* aged: in the list, may be evicted */
	uint8_t type;
	char name[];
};

struct dns_cache {
	struct loop *loop;
	struct dns *dns;
	struct table names;
	struct entry *oldest,
		*newest; /* all but those that a question is out for; used longest ago first */
	uint32_t least_ms;
	unsigned asking;
	uint64_t *counter;
};

struct key {
	uint8_t type;
	const char *name;
};

static bool is_entry(const struct table_node *n, const void *key)
{
	const struct entry *e = (const struct entry *)n;
	const struct key *k = key;

	return e->type == k->type && strcmp(e->name, k->name) == 0;
}

static uint64_t key_hash(const struct dns_cache *c, const struct key *k)
{
	return table_hash(&c->names, k->name, strlen(k->name)) + k->type;
}

/* ---- age ---- */

static void age_del(struct entry *e)
{
	struct dns_cache *c = e->cache;

	if (!e->aged)
		return;
	e->aged = false;
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	e->older = e->newer = NULL;
}

static void age_add(struct entry *e)
{
	struct dns_cache *c = e->cache;

	e->aged = true;
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

static void entry_free(struct entry *e)
{
	table_del(&e->cache->names, &e->node);
	dns_set_put(e->set);
	free(e);
}

static void make_room(struct dns_cache *c)
{
	struct entry *e = c->oldest;

	if (c->names.count < NAMES_MAX || !e)
		return;
	age_del(e);
	entry_free(e);
	c->counter[RESOLVE_COUNT_EVICTED]++;
}

static struct entry *entry_of(struct dns_cache *c, const struct key *k)
{
	uint64_t hash = key_hash(c, k);
	struct entry *e = (struct entry *)table_find(&c->names, hash, is_entry, k);
	size_t n = strlen(k->name) + 1;

	if (e)
		return e;
	make_room(c);
	e = calloc(1, sizeof(*e) + n);
	if (!e)
		return NULL;
	e->cache = c;
	e->type = k->type;
	memcpy(e->name, k->name, n);
	table_add(&c->names, &e->node, hash);
	age_add(e);
	return e;
}

/* ---- who waits ---- */

static void wait_add(struct entry *e, struct dns_wait *w)
{
	w->next = e->waits;
	w->pprev = &e->waits;
	if (w->next)
		w->next->pprev = &w->next;
	e->waits = w;
}

static void wait_del(struct dns_wait *w)
{
	*w->pprev = w->next;
	if (w->next)
		w->next->pprev = w->pprev;
	w->pprev = NULL;
}

void dns_wait_end(struct dns_wait *w)
{
	if (w->pprev)
		wait_del(w);
	dns_set_put(w->set);
	w->set = NULL;
}

static void give(struct entry *e, struct dns_wait *w, bool known)
{
	uint64_t now = loop_now(e->cache->loop);

	w->set = known ? dns_set_get(e->set) : NULL;
	w->status = known ? 0 : e->status;
	w->left_ms = known && e->until > now ? (uint32_t)(e->until - now) : 0;
}

static bool serves_on(const struct entry *e)
{
	return e->set && loop_now(e->cache->loop) < e->until + STALE_MS;
}

/* ---- queries ---- */

static void learn(struct entry *e, int status, struct dns_set *set)
{
	uint64_t now = loop_now(e->cache->loop);
	uint32_t least = e->cache->least_ms;

	e->status = status;
	e->retry_at = status ? now + least : 0;
	if (status && status != -ENOENT)
		return; /* what was known stays */
	dns_set_put(e->set);
	e->set = set;
	e->until = set ? now + (set->ttl_ms > least ? set->ttl_ms : least) : now;
}

static void count(struct dns_cache *c, int status)
{
	if (status == -ENOENT)
		c->counter[RESOLVE_COUNT_NOT_FOUND]++;
	else if (status == -ETIMEDOUT)
		c->counter[RESOLVE_COUNT_TIMEOUT]++;
	else if (status)
		c->counter[RESOLVE_COUNT_FAILED]++;
}

static void answer(void *owner, void *arg, int status, const uint8_t *p, size_t n)
{
	struct dns_cache *c = owner;
	struct entry *e = arg;
	struct dns_set *set = NULL;
	struct dns_wait *w;

	if (!status)
		status = dns_reply_parse(e->type, p, n, &set);
	if (status && status != -ENOENT && status != -ETIMEDOUT)
		status = -EIO;
	count(c, status);
	learn(e, status, set);
	e->asking = false;
	c->asking--;
	/* Whoever is called may ask for more names: until all are called, this one is not evicted. */
	while ((w = e->waits)) {
		wait_del(w);
		give(e, w, serves_on(e));
		w->done(w);
	}
	age_add(e);
}

static void ask(struct entry *e)
{
	struct dns_cache *c = e->cache;

	if (c->asking >= ASKING_MAX) {
		c->counter[RESOLVE_COUNT_REFUSED]++;
		e->status = -EIO;
		return;
	}
	age_del(e);
	e->asking = true;
	c->asking++;
	c->counter[RESOLVE_COUNT_ASKED]++;
	dns_ask(c->dns, e->type, e->name, e);
}

static bool must_ask(const struct entry *e, uint64_t now, uint32_t fresh_ms)
{
	return !e->asking && now >= e->retry_at && !(e->set && now + fresh_ms < e->until);
}

bool dns_cache_get(struct dns_cache *c, struct dns_wait *w, enum dns_type type, const char *name,
		   uint32_t fresh_ms)
{
	uint64_t now = loop_now(c->loop);
	struct entry *e = entry_of(c, &(struct key){ (uint8_t)type, name });
	bool asked;

	w->set = NULL;
	if (!e) {
		w->status = -EIO;
		return true;
	}
	if (e->aged) {
		age_del(e);
		age_add(e);
	}
	asked = must_ask(e, now, fresh_ms);
	if (asked)
		ask(e);
	/* An expired set serves those who do not insist, and everybody where the servers failed. */
	if (e->set && (now + fresh_ms < e->until || (serves_on(e) && (!fresh_ms || !e->asking)))) {
		c->counter[now < e->until ? RESOLVE_COUNT_CACHED : RESOLVE_COUNT_STALE]++;
		give(e, w, true);
		return true;
	}
	if (!e->asking) {
		give(e, w, false);
		return true;
	}
	c->counter[RESOLVE_COUNT_JOINED] += !asked;
	wait_add(e, w);
	return false;
}

/* ---- the whole ---- */

struct dns_cache *dns_cache_new(const struct resolver_options *o, uint64_t *counter)
{
	struct dns_cache *c = calloc(1, sizeof(*c));
	uint64_t key[2];
	int rc;

	if (!c)
		return NULL;
	c->loop = o->loop;
	c->counter = counter;
	c->least_ms = o->least_ms ? o->least_ms : LEAST_MS;
	loop_random(o->loop, key, sizeof(key));
	rc = table_init(&c->names, key, 64);
	if (rc == 0) {
		c->dns = dns_new(o, answer, c);
		rc = c->dns ? 0 : -errno;
	}
	if (rc < 0) {
		dns_cache_free(c);
		errno = -rc;
		return NULL;
	}
	return c;
}

static void free_node(struct table_node *n, void *arg)
{
	entry_free((struct entry *)n);
}

void dns_cache_free(struct dns_cache *c)
{
	if (!c)
		return;
	dns_free(c->dns);
	if (c->names.bucket)
		table_each(&c->names, free_node, NULL);
	table_fini(&c->names);
	free(c);
}
