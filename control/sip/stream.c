/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "sip/stream_priv.h"

#define SERIAL_MAX 0xffffffu

static const char *const names[] = {
#define X(id, name) [STREAM_##id] = name,
	STREAM_COUNTERS(X)
#undef X
};

/* ---- tables ---- */

static bool has_id(const struct table_node *n, const void *key)
{
	return container_of(n, struct conn, by_id)->hop.conn == *(const uint32_t *)key;
}

static struct conn *find_id(const struct stream *s, uint32_t id)
{
	struct table_node *n =
		table_find(&s->by_id, table_hash(&s->by_id, &id, sizeof(id)), has_id, &id);

	return n ? container_of(n, struct conn, by_id) : NULL;
}

static struct conn *find_open(const struct stream *s, uint32_t id)
{
	struct conn *c = find_id(s, id);

	return c && (c->state != CONN_SHUT || conn_owes(c)) ? c : NULL;
}

/* The neighbour is part of it: a certificate was checked for one, and a name may come to stand for
 * an address that another had. */
static uint64_t hop_hash(const struct stream *s, const struct sip_hop *h)
{
	struct {
		struct addr addr;
		uint16_t network;
		int16_t peer;
		uint32_t transport;
	} key = { h->addr, h->network, h->peer, h->transport };

	return table_hash(&s->by_hop, &key, sizeof(key));
}

static bool goes_to(const struct table_node *n, const void *key)
{
	const struct sip_hop *a = &container_of(n, struct conn, by_hop)->hop, *b = key;

	return addr_eq(&a->addr, &b->addr) && a->network == b->network && a->peer == b->peer &&
	       a->transport == b->transport;
}

static struct conn *find_hop(const struct stream *s, const struct sip_hop *to)
{
	struct table_node *n = table_find(&s->by_hop, hop_hash(s, to), goes_to, to);

	return n ? container_of(n, struct conn, by_hop) : NULL;
}

uint32_t stream_new_id(struct stream *s)
{
	uint32_t id;

	do {
		s->serial = s->serial == SERIAL_MAX ? 1 : s->serial + 1;
		id = (s->o.shard + 1u) << 24 | s->serial;
	} while (find_id(s, id));
	return id;
}

void stream_add(struct conn *c)
{
	struct stream *s = c->stream;

	table_add(&s->by_id, &c->by_id, table_hash(&s->by_id, &c->hop.conn, sizeof(c->hop.conn)));
	table_add(&s->by_hop, &c->by_hop, hop_hash(s, &c->hop));
	c->named = true;
	s->n++;
}

void stream_forget(struct conn *c)
{
	if (c->named)
		table_del(&c->stream->by_hop, &c->by_hop);
	c->named = false;
}

void stream_remove(struct conn *c)
{
	stream_forget(c);
	table_del(&c->stream->by_id, &c->by_id);
	c->stream->n--;
}

/* ---- the end of a round ---- */

void stream_dirty(struct conn *c)
{
	struct stream *s = c->stream;

	if (c->dirty)
		return;
	c->dirty = true;
	c->next_dirty = s->dirty;
	s->dirty = c;
	loop_defer(s->o.loop, &s->task);
}

void stream_gone(struct conn *c)
{
	struct stream *s = c->stream;

	if (c->gone)
		return;
	c->gone = true;
	c->next_gone = s->gone;
	s->gone = c;
	loop_defer(s->o.loop, &s->task);
}

static void flush_all(struct stream *s)
{
	while (s->dirty) {
		struct conn *c = s->dirty;

		s->dirty = c->next_dirty;
		c->dirty = false;
		if (c->state != CONN_DEAD)
			conn_flush(c);
	}
}

static void tell(struct conn *c)
{
	uint64_t senders = c->senders;

	c->senders = 0;
	for (; senders; senders &= senders - 1)
		c->stream->o.broken(c->stream->o.arg, (unsigned)__builtin_ctzll(senders), &c->hop);
}

/* What dies while others are told waits for the next round: it may have become dirty. */
static void end_of_round(void *arg)
{
	struct stream *s = arg;
	struct conn *c, *gone;

	flush_all(s);
	gone = s->gone;
	s->gone = NULL;
	while ((c = gone)) {
		gone = c->next_gone;
		c->gone = false;
		tell(c);
		if (c->state == CONN_DEAD && !c->gone && !c->dirty)
			conn_free(c);
	}
}

/* ---- sending ---- */

/* The connection that the hop names, if it still is the one: numbers come round again. */
static struct conn *find_named(const struct stream *s, const struct sip_hop *to)
{
	struct conn *c = find_open(s, to->conn);

	return c && c->hop.network == to->network && addr_ip_eq(&c->hop.addr, &to->addr) ? c : NULL;
}

int stream_send(struct stream *s, unsigned sender, const struct sip_hop *to, struct str data)
{
	struct conn *c = to->conn ? find_named(s, to) : find_hop(s, to);
	int rc;

	if (!c && to->conn)
		return -ENOTCONN;
	if (!c) {
		rc = stream_dial(s, to, &c);
		if (rc < 0)
			return rc;
	}
	rc = conn_queue(c, data);
	if (rc < 0)
		return rc;
	c->senders |= 1ull << sender;
	stream_count(s, STREAM_SENT);
	return 0;
}

bool stream_ask_alias(struct stream *s, uint32_t conn)
{
	struct conn *c = find_open(s, conn);
	bool may = c && c->proven;

	if (may)
		c->proven = false;
	return may;
}

bool stream_watch(struct stream *s, uint32_t conn, unsigned sender)
{
	struct conn *c = find_open(s, conn);

	if (c)
		c->senders |= 1ull << sender;
	return c != NULL;
}

void stream_hang_up(struct stream *s, uint32_t conn)
{
	struct conn *c = find_open(s, conn);

	if (c)
		conn_shut(c, STREAM_OURSELVES);
}

size_t stream_connections(const struct stream *s)
{
	return s->n;
}

void stream_counters(const struct stream *s, void (*fn)(void *arg, const char *name, uint64_t v),
		     void *arg)
{
	for (unsigned i = 0; i < STREAM_COUNTS; i++)
		fn(arg, names[i], s->counter[i]);
	fn(arg, "stream.refused.in-kernel", stream_filtered(s));
	fn(arg, "stream.connections", s->n);
}

/* ---- life ---- */

static void set_default(uint32_t *v, uint32_t usual)
{
	if (*v == 0)
		*v = usual;
}

static void set_defaults(struct stream_options *o)
{
	set_default(&o->max_connections, 4096);
	set_default(&o->per_source, 32);
	set_default(&o->rate_per_source, 10);
	set_default(&o->first_message_ms, 5000);
	set_default(&o->handshake_ms, 5000);
	set_default(&o->message_ms, 10000);
	set_default(&o->idle_ms, 120000);
	set_default(&o->connect_ms, 4000);
	if (o->send_buffer == 0)
		o->send_buffer = (size_t)256 * 1024;
}

static int make_tables(struct stream *s)
{
	uint64_t key[2];

	loop_random(s->o.loop, key, sizeof(key));
	if (table_init(&s->by_id, key, 64) < 0 || table_init(&s->by_hop, key, 64) < 0 ||
	    table_init(&s->sources, key, 64) < 0)
		return -ENOMEM;
	return 0;
}

struct stream *stream_new(const struct stream_options *o)
{
	struct stream *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return NULL;
	s->o = *o;
	s->o.listen = NULL;
	set_defaults(&s->o);
	s->task = (struct loop_task){ .run = end_of_round, .arg = s };
	s->idle_last = &s->idle_first;
	s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	rc = make_tables(s);
	if (rc == 0)
		rc = stream_listen_all(s, o->listen, o->n_listen);
	if (rc == 0)
		return s;
	stream_free(s);
	errno = -rc;
	return NULL;
}

static void end_conn(struct table_node *n, void *arg)
{
	struct conn *c = container_of(n, struct conn, by_id);

	conn_flush(c);
	if (c->state != CONN_DEAD)
		conn_kill(c, STREAM_OURSELVES);
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	stream_deafen(s);
	if (s->by_id.count)
		table_each(&s->by_id, end_conn, NULL);
	loop_undefer(s->o.loop, &s->task);
	while (s->gone) {
		struct conn *c = s->gone;

		s->gone = c->next_gone;
		conn_free(c);
	}
	source_free_all(s);
	table_fini(&s->by_id);
	table_fini(&s->by_hop);
	table_fini(&s->sources);
	if (s->spare >= 0)
		close(s->spare);
	free(s->of_peer);
	free(s);
}
