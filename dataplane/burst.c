/* SPDX-License-Identifier: Apache-2.0 */
/* One burst of packets whose paths are known. What is SRTP is opened first, all of it at once; then each packet goes its
 * way in the order of arrival (path.c); what leaves as SRTP is put aside there and sealed at once in the end. */
#include <rte_cycles.h>
#include "worker_priv.h"

/* worker.c counts all of a burst as the relay's rules: what the cipher takes is none of them. */
static void count_cipher(struct worker *w, u64 since)
{
	u64 cycles = rte_rdtsc() - since;
	w->stats.cycles_cipher += cycles;
	w->stats.cycles_relay -= cycles;
}

/* RTCP that shares the RTP port is the other component's. */
static void tell_index(struct worker *w, struct path *path, const struct relay_crypt *how)
{
	struct path *of = how->is_rtcp ? &path_flow(path)->path[path->dir.side][RELAY_RTCP] : path;
	if (unlikely(of->dir.srtp->tell))
		note_index(w, of);
}

/* ---- in ---- */

struct opening {
	struct crypto_job job[BURST];
	struct relay_crypt how[BURST];
	u8 at[BURST]; /* places in the burst */
	unsigned n;
};

/* Were there no key before, the tag would be wrong under any. */
static struct crypto_key *open_key(const struct path *path, const struct relay_crypt *how)
{
	return how->old && path->open_old ? path->open_old : path->open;
}

/* Puts p in line for the cipher, or drops it. */
static void begin(struct worker *w, struct path *path, struct packet *p, unsigned at,
		  struct opening *o)
{
	struct relay_crypt *how = &o->how[o->n];
	switch (relay_open(&path->dir, &path->rtp->dir, &p->r, how)) {
	case RELAY_FORWARD:
		o->job[o->n] = (struct crypto_job){ .key = open_key(path, how),
						    .how = how,
						    .octets = p->r.payload,
						    .len = p->r.len };
		crypto_prefetch(o->job[o->n].key);
		o->at[o->n++] = (u8)at;
		break;
	case RELAY_PUNT: /* relay_plan() says what it is */
		break;
	default:
		path_drop(w, path, p->m, how->drop);
		p->m = NULL;
	}
}

static bool came_before(const struct opening *o, struct path *const *path, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (o->job[k].right && path[o->at[k]] == path[o->at[i]])
			return true;
	return false;
}

/* Of a stream that begins in this burst the index was a guess from the sequence number alone, which fails when that wraps. By
 * now what came before is known. False: it is dropped, and counted. */
static bool guess_again(struct worker *w, struct path *path, struct packet *p,
			struct crypto_job *job, struct relay_crypt *how)
{
	u64 before = how->index;
	if (relay_open(&path->dir, &path->rtp->dir, &p->r, how) != RELAY_FORWARD)
		return false;
	if (how->index != before)
		crypto_open(w->crypto, job, 1);
	return true;
}

/* The key before is for few packets and a short time: one by one. False: it is dropped, and counted. */
static bool finish(struct worker *w, struct path *const *path, struct packet *p, struct opening *o,
		   unsigned i)
{
	struct path *of = path[o->at[i]];
	struct crypto_job *job = &o->job[i];
	struct relay_crypt *how = &o->how[i];
	bool again = false;
	if (unlikely(!job->right && came_before(o, path, i)) && !guess_again(w, of, p, job, how))
		return false;
	if (relay_opened(&of->dir, &p->r, how, job->right, &again))
		return true;
	if (!again)
		return false;
	job->key = open_key(of, how);
	crypto_open(w->crypto, job, 1);
	return relay_opened(&of->dir, &p->r, how, job->right, &again);
}

/* Packets that are dropped have no mbuf after it. */
static void open_all(struct worker *w, struct path *const *path, struct packet *p, unsigned n)
{
	struct opening o;
	o.n = 0;
	for (unsigned i = 0; i < n; i++) {
		p[i].r.now_us = w->now_us;
		if (path[i]->open)
			begin(w, path[i], &p[i], i, &o);
	}
	u64 t0 = rte_rdtsc();
	crypto_open(w->crypto, o.job, o.n);
	count_cipher(w, t0);
	for (unsigned i = 0; i < o.n; i++) {
		struct packet *one = &p[o.at[i]];
		if (finish(w, path, one, &o, i)) {
			tell_index(w, path[o.at[i]], &o.how[i]);
			continue;
		}
		path_drop(w, path[o.at[i]], one->m, o.how[i].drop);
		one->m = NULL;
	}
}

/* ---- out ---- */

void burst_seal(struct worker *w, struct path *path, const struct packet *p,
		const struct relay_plan *plan)
{
	struct sealing *s = &w->sealing[w->n_sealing];
	if (!relay_seal(&path->dir, &p->r, plan, &s->how)) {
		path_drop(w, path, p->m, s->how.drop);
		return;
	}
	tell_index(w, path, &s->how);
	s->path = path;
	s->packet = *p;
	s->plan = *plan;
	if (++w->n_sealing == BURST)
		burst_flush(w);
}

static u32 room_from(const struct rte_mbuf *m, const u8 *octets)
{
	return (u32)((const u8 *)m->buf_addr + m->buf_len - octets);
}

void burst_flush(struct worker *w)
{
	struct crypto_job job[BURST];
	unsigned n = w->n_sealing;
	if (!n)
		return;
	for (unsigned i = 0; i < n; i++) {
		struct sealing *s = &w->sealing[i];
		job[i] = (struct crypto_job){ .key = s->path->seal,
					      .how = &s->how,
					      .octets = s->packet.r.payload,
					      .len = s->packet.r.len,
					      .room = room_from(s->packet.m, s->packet.r.payload) };
	}
	u64 t0 = rte_rdtsc();
	crypto_seal(w->crypto, job, n);
	count_cipher(w, t0);
	w->n_sealing = 0;
	for (unsigned i = 0; i < n; i++) {
		struct sealing *s = &w->sealing[i];
		if (!job[i].right) {
			s->path->dir.dropped++;
			path_drop(w, s->path, s->packet.m, RELAY_DROP_SRTP_KEY);
			continue;
		}
		s->packet.r.len = job[i].len;
		packet_sum(&s->packet);
		send_packet(w, s->path, &s->packet, &s->plan);
	}
}

/* ---- all of it ---- */

static void fetch_span(const void *from, size_t n)
{
	for (const char *p = from, *end = p + n; p < end; p += RTE_CACHE_LINE_SIZE)
		rte_prefetch0(p);
}

static void fetch_secure(const struct path *path)
{
	const struct relay_srtp *s = path->dir.srtp;
	const struct flow_side *side = path->dir.rule->side;
	/* Whether these are still the rule's keys is looked at with each packet. */
	rte_prefetch0(&side[path->dir.side].in);
	rte_prefetch0(&side[!path->dir.side].out);
	rte_prefetch0(&s->in.number);
	rte_prefetch0(&s->out.number);
	fetch_span(&s->old_us, sizeof(*s) - offsetof(struct relay_srtp, old_us));
	if (path->open)
		fetch_span(&s->in, sizeof(s->in));
	if (path->seal) {
		fetch_span(&s->out, sizeof(s->out));
		crypto_prefetch(path->seal);
	}
}

/* What is far from the paths: their hops and the state of SRTP, of which first where it is, then what is there. False:
 * nothing of the burst comes in as SRTP. */
static bool fetch(struct path *const *path, unsigned n)
{
	bool secure = false, opens = false;
	for (unsigned i = 0; i < n; i++) {
		rte_prefetch0(path[i]->hop);
		if (!path[i]->open && !path[i]->seal)
			continue;
		rte_prefetch0(&path[i]->dir.rule);
		rte_prefetch0(&path[i]->dir.srtp);
		secure = true;
		opens |= path[i]->open != NULL;
	}
	for (unsigned i = 0; secure && i < n; i++)
		if (path[i]->open || path[i]->seal)
			fetch_secure(path[i]);
	return opens;
}

void burst_relay(struct worker *w, struct path *const *path, struct packet *p, unsigned n)
{
	if (unlikely(fetch(path, n)))
		open_all(w, path, p, n);
	for (unsigned i = 0; i < n; i++)
		if (likely(p[i].m != NULL))
			path_packet(w, path[i], &p[i]);
	burst_flush(w);
}
