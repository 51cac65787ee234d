/* SPDX-License-Identifier: Apache-2.0 */
/* Which calls are turned away: whole ones, by a hash of the Call-ID, so that a call and its repetitions share
 * one fate. Who was turned away without a word is remembered for as long as he may repeat himself: else the
 * repetitions of the last half minute, which are many times the load, would keep out those who come after
 * it. What can be decided in the kernel (shed.h) is. */
#include <stdlib.h>
#include "sip/overload_priv.h"

#define RETRY_AFTER_S 10

static uint64_t hash_of(const struct overload *v, struct str call_id)
{
	uint64_t h = v->shed.seed;

	for (size_t i = 0; i < call_id.n; i++)
		h = shed_hash_octet(h, (uint8_t)call_id.p[i]);
	return shed_hash_end(h);
}

static uint32_t now_s(const struct overload *v)
{
	return (uint32_t)(loop_now(v->loop) / 1000);
}

void overload_shed_init(struct overload *v, const struct overload_options *o)
{
	v->shed.kernel = o->shed;
	v->shed.in_kernel = o->in_kernel;
	if (v->shed.kernel) {
		v->shed.seed = shed_seed(o->shed);
		v->shed.marks = shed_marks(o->shed);
	} else {
		loop_random(v->loop, &v->shed.seed, sizeof(v->shed.seed));
	}
}

void overload_shed_free(struct overload *v)
{
	if (!v->shed.kernel)
		free(v->shed.marks);
	v->shed.marks = NULL;
}

static void remember(struct overload *v, struct str call_id)
{
	struct overload_shed *s = &v->shed;
	uint64_t h = hash_of(v, call_id);

	if (!s->marks)
		s->marks = calloc(SHED_BUCKETS, sizeof(*s->marks));
	s->last_s = now_s(v);
	s->any = true;
	if (s->marks) /* without memory its repetition is a new call */
		shed_put(&s->marks[shed_bucket(h)], h, s->last_s);
}

bool overload_was_shed(const struct overload *v, struct str call_id)
{
	uint64_t h;

	if (!v->shed.any || !v->shed.marks)
		return false;
	h = hash_of(v, call_id);
	return shed_holds(&v->shed.marks[shed_bucket(h)], h, now_s(v));
}

bool overload_admit(struct overload *v, struct overload_peer *p, struct str call_id)
{
	p->calls++;
	return p->pass == PERMILLE || shed_part(hash_of(v, call_id)) < p->pass;
}

void overload_turn_away(struct overload *v, const struct sip_hop *from, char *buf, size_t len)
{
	struct overload_peer *p = overload_peer(v, from->peer);
	struct overload_scan s;
	unsigned after = 0;

	overload_admit_start(v);
	if (overload_may_refuse(v, from)) {
		overload_count(v, COUNT_REFUSED);
		if (!overload_oc_speaks(v, p))
			after = 1 + loop_random_u32(v->loop, RETRY_AFTER_S);
		v->refuse(v->arg, from, buf, len, after);
		return;
	}
	overload_count(v, COUNT_SILENT);
	overload_scan(buf, len, true, &s);
	if (s.class != OVERLOAD_CALL)
		return;
	remember(v, s.call_id);
	for (unsigned i = 0; v->shed.kernel && i < SOURCES; i++) {
		if (addr_ip_eq(&p->source[i].addr, &from->addr))
			return;
		if (p->source[i].addr.family)
			continue;
		p->source[i].addr = from->addr;
		shed_dropped(v->shed.kernel, &from->addr, &p->source[i].first, &p->source[i].again);
		return;
	}
}

/* ---- the kernel's part ---- */

static void count_source(struct overload *v, struct overload_peer *p, struct overload_source *s)
{
	uint64_t first, again, calls;

	shed_dropped(v->shed.kernel, &s->addr, &first, &again);
	/* Each shard counts its part of what the kernel drops for all. */
	calls = (first - s->first) / v->n_shards;
	v->counter[COUNT_KERNEL] += calls;
	v->counter[COUNT_KERNEL_AGAIN] += (again - s->again) / v->n_shards;
	p->calls += (uint32_t)calls;
	if (first != s->first) {
		v->shed.last_s = now_s(v);
		v->shed.any = true;
	}
	s->first = first;
	s->again = again;
}

void overload_shed_count(struct overload *v)
{
	for (unsigned i = 0; v->shed.on && i < v->n_peers; i++)
		for (unsigned k = 0; k < SOURCES && v->peers[i].source[k].addr.family; k++)
			count_source(v, &v->peers[i], &v->peers[i].source[k]);
}

/* Half as many again as are let in are seen here: of these some are refused, with a word, and none too few
 * come where the kernel's part is a little behind. */
void overload_shed_tick(struct overload *v)
{
	if (!v->shed.kernel)
		return;
	shed_set_time(v->shed.kernel, now_s(v));
	for (unsigned i = 0; i < v->n_peers; i++) {
		const struct overload_peer *p = &v->peers[i];
		uint32_t pass = p->pass + p->pass / 2 + 5;

		for (unsigned k = 0; k < SOURCES && p->source[k].addr.family; k++) {
			shed_limit(v->shed.kernel, &p->source[k].addr,
				   pass < PERMILLE ? pass : PERMILLE);
			if (!v->shed.on)
				v->shed.in_kernel(v->arg, true);
			v->shed.on = true;
		}
	}
}

bool overload_shed_over(struct overload *v)
{
	if (v->shed.any && now_s(v) - v->shed.last_s <= SHED_SECONDS)
		return false;
	v->shed.any = false;
	overload_shed_free(v);
	if (!v->shed.kernel)
		return true;
	v->shed.marks = shed_marks(v->shed.kernel);
	for (unsigned i = 0; i < v->n_peers; i++)
		for (unsigned k = 0; k < SOURCES && v->peers[i].source[k].addr.family; k++) {
			shed_forget(v->shed.kernel, &v->peers[i].source[k].addr);
			v->peers[i].source[k].addr.family = 0;
		}
	if (v->shed.on)
		v->shed.in_kernel(v->arg, false);
	v->shed.on = false;
	return true;
}
