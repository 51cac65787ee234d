/* SPDX-License-Identifier: Apache-2.0 */
/* Flows that an earlier life of control left in the engine. Their calls may go on; so their ports
 * are nobody else's until they fall silent and are deleted. */
#include <errno.h>
#include <stdlib.h>
#include "media/media_priv.h"

#define IDLE_MS 60000 /* for a flow that would never say that it is idle */

static bool has_id(const struct table_node *n, const void *key)
{
	return ((const struct orphan *)n)->id == *(const u64 *)key;
}

static struct orphan *find(const struct media_shard *ms, u64 id)
{
	return (struct orphan *)table_find(&ms->orphans, table_hash(&ms->orphans, &id, sizeof(id)),
					   has_id, &id);
}

bool orphan_known(struct media_shard *ms, u64 id)
{
	struct orphan *o = find(ms, id);

	if (o)
		o->seen = true;
	return o != NULL;
}

static void free_orphan(struct media_shard *ms, struct orphan *o)
{
	for (int i = 0; i < 2; i++)
		if (o->side[i].ports)
			ports_rest(o->side[i].ports, o->side[i].port);
	table_del(&ms->orphans, &o->node);
	free(o);
}

/* The ports of this shard that the address stands for; NULL: not this shard's. */
static struct ports *ports_at(const struct media_shard *ms, const struct flow_addr *local)
{
	for (unsigned i = 0; i < ms->n_networks; i++) {
		struct ports *p = pool_at(&ms->pool[i], local->ip, local->family);
		if (p)
			return p;
	}
	return NULL;
}

/* *in_use: a session has one of the ports already. */
static bool mark_ports(struct media_shard *ms, struct orphan *o, const struct flow *f, bool *in_use)
{
	bool ours = false;

	*in_use = false;
	for (int i = 0; i < 2; i++) {
		u16 port = f->side[i].local.port;
		struct ports *p = ports_at(ms, &f->side[i].local);
		enum ports_mark mark = p ? ports_orphan(p, port) : PORTS_FOREIGN;
		ours |= mark != PORTS_FOREIGN;
		*in_use |= mark == PORTS_IN_USE;
		if (mark != PORTS_MARKED)
			continue;
		o->side[i].ports = p;
		o->side[i].port = port;
	}
	return ours;
}

static void make_it_end(struct media_shard *ms, const struct flow *f)
{
	struct flow again = *f;

	if (f->idle_ms)
		return;
	again.idle_ms = IDLE_MS;
	again.gen++;
	engine_set(ms->engine, &again, NULL, NULL);
}

void orphan_add(struct media_shard *ms, const struct tlv_report *r)
{
	const struct flow *f = &r->flow;
	bool in_use, responsible = (f->id >> 56) % ms->n_shards == ms->shard;
	struct orphan *o = calloc(1, sizeof(*o));

	if (!o) {
		log_error(ms->log, "media", "no memory to remember a flow of an earlier life");
		return;
	}
	/* One whose ports aren't ours and whose id is another shard's lives there. */
	if (!mark_ports(ms, o, f, &in_use) && !responsible) {
		free(o);
		return;
	}
	o->ms = ms;
	o->id = f->id;
	o->seen = true;
	table_add(&ms->orphans, &o->node, table_hash(&ms->orphans, &o->id, sizeof(o->id)));
	/* A session that ended while the engine was away is over; and where a port was given to a
	 * session before anybody knew, the session has the better right. */
	if (engine_gave_id(ms->engine, f->id) || in_use)
		orphan_idle(ms, f->id);
	else
		make_it_end(ms, f);
}

static void deleted(void *arg, int status, const struct tlv_report *r)
{
	struct orphan *o = arg;

	o->deleting = false;
	if (status == 0 || status == -ENOENT)
		free_orphan(o->ms, o);
	/* else the next dump shows whether it is still there */
}

void orphan_idle(struct media_shard *ms, u64 id)
{
	struct orphan *o = find(ms, id);

	if (o && !o->deleting)
		o->deleting = engine_del(ms->engine, id, deleted, o) == 0;
}

static void forget_unseen(struct table_node *n, void *arg)
{
	struct orphan *o = (struct orphan *)n;

	if (!o->seen)
		free_orphan(arg, o);
	else
		o->seen = false; /* until the next dump */
}

void orphan_forget_unseen(struct media_shard *ms)
{
	table_each(&ms->orphans, forget_unseen, ms);
}

static void free_one(struct table_node *n, void *arg)
{
	free_orphan(arg, (struct orphan *)n);
}

void orphan_free_all(struct media_shard *ms)
{
	if (ms->orphans.bucket)
		table_each(&ms->orphans, free_one, ms);
}
