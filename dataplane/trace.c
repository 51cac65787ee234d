/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include "trace.h"

#define HUGE_PAGE  (2u << 20)
#define WORDS      15 /* of 8 octets, of an entry beside its order */
#define CAPS_BITS  12 /* of flows that are capped apart; those that share a place share the cap */
#define RTP_HEADER 12
#define UDP_HEADER 8

/* The words are atomic so that the agent may read them while they change; `order` tells it that they did:
 * odd while the entry is written, then twice the number of the packet. */
struct entry {
	_Atomic u64 order;
	_Atomic u64 word[WORDS];
};

_Static_assert(sizeof(struct trace_frame) == WORDS * 8, "an entry is two cache lines");

/* Drops of one second. */
struct cap {
	u32 second;
	u32 n;
};

struct trace {
	struct entry *entry;
	u32 mask;
	_Atomic u64 next; /* packets written; by the worker */
	struct cap cap[1 << CAPS_BITS];
};

struct trace *trace_new(unsigned workers)
{
	struct trace *t = calloc(1, sizeof(*t));
	u32 n = 1;
	if (!t)
		return NULL;
	while (n * 2 * sizeof(struct entry) <= TRACE_MEMORY / (workers ? workers : 1))
		n *= 2;
	t->mask = n - 1;
	t->entry = aligned_alloc(HUGE_PAGE, RTE_ALIGN_CEIL(n * sizeof(struct entry), HUGE_PAGE));
	if (!t->entry) {
		free(t);
		return NULL;
	}
	/* Touched now: the first packets need not wait for the kernel's pages. */
	(void)madvise((void *)t->entry, n * sizeof(struct entry), MADV_HUGEPAGE);
	memset((void *)t->entry, 0, n * sizeof(struct entry));
	return t;
}

void trace_free(struct trace *t)
{
	if (!t)
		return;
	free(t->entry);
	free(t);
}

/* ---- what is kept ---- */

bool trace_due_rarely(const struct relay_dir *d, bool is_rtcp)
{
	if (!is_rtcp && d->rtp.started)
		return true; /* the SSRC changes with this packet */
	if (is_rtcp && d->component == RELAY_RTP && d->mate)
		d = d->mate;
	return d->packets_low < TRACE_FIRST || d->packets_low % TRACE_EVERY == 0;
}

/* How much of a UDP payload is no content. */
static u32 payload_head(const u8 *p, u32 n, bool raw)
{
	if (raw) /* UDPTL: its sequence number */
		return 2;
	if (n < 2)
		return n;
	if (p[0] >> 6 == 2) { /* RFC 5761 4: RTCP, else RTP with its CSRCs and extension */
		if (p[1] >= 192 && p[1] <= 223)
			return FLOW_HEAD_MAX;
		u32 len = RTP_HEADER + (p[0] & 15) * 4u;
		if (p[0] & 0x10 && len + 4 <= n)
			len += 4 + (u32)(p[len + 2] << 8 | p[len + 3]) * 4;
		return len;
	}
	/* RFC 7983: STUN and DTLS, which are signalling of a kind. Of anything else as much as of RTP. */
	return p[0] < 64 ? FLOW_HEAD_MAX : RTP_HEADER;
}

/* Of the IP packet at `ip`, `n` octets of which are there: how much is kept. */
static u32 head_len(const u8 *ip, u32 n, bool raw)
{
	u32 udp = ip[0] >> 4 == 6 ? 40 : (ip[0] & 15) * 4u;
	if (n <= udp + UDP_HEADER)
		return RTE_MIN(n, (u32)FLOW_HEAD_MAX);
	u32 len = udp + UDP_HEADER + payload_head(ip + udp + UDP_HEADER, n - udp - UDP_HEADER, raw);
	return RTE_MIN(RTE_MIN(len, n), (u32)FLOW_HEAD_MAX);
}

/* The IP packet inside of a frame; NULL: none. */
static const u8 *ip_of(const struct rte_mbuf *m, u32 *n)
{
	const u8 *frame = rte_pktmbuf_mtod(m, const u8 *);
	u32 at = RTE_ETHER_HDR_LEN, len = rte_pktmbuf_data_len(m);
	if (len > at && frame[12] == 0x81 && frame[13] == 0x00)
		at += RTE_VLAN_HLEN;
	if (len < at + 20)
		return NULL;
	*n = len - at;
	return frame + at;
}

/* What its own header says, without what Ethernet pads it with. */
static u32 ip_len(const u8 *ip, u32 n)
{
	u32 len = ip[0] >> 4 == 6 ? 40u + (u32)(ip[4] << 8 | ip[5]) : (u32)(ip[2] << 8 | ip[3]);
	return len && len < n ? len : n;
}

/* ---- writing ---- */

static void put(struct trace *t, const struct trace_frame *f)
{
	u64 n = atomic_load_explicit(&t->next, memory_order_relaxed), word[WORDS];
	struct entry *e = &t->entry[n & t->mask];
	memcpy(word, f, sizeof(word));
	atomic_store_explicit(&e->order, n * 2 + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (unsigned i = 0; i < WORDS; i++)
		atomic_store_explicit(&e->word[i], word[i], memory_order_relaxed);
	atomic_store_explicit(&e->order, n * 2 + 2, memory_order_release);
	atomic_store_explicit(&t->next, n + 1, memory_order_relaxed);
}

static void keep(struct trace *t, struct trace_frame *f, bool raw, const struct rte_mbuf *m)
{
	u32 n;
	const u8 *ip = ip_of(m, &n);
	if (!ip)
		return;
	n = ip_len(ip, n);
	f->len = (u16)RTE_MIN(n, 65535u);
	f->n = (u8)head_len(ip, n, raw);
	memcpy(f->head, ip, f->n);
	put(t, f);
}

struct trace_tag trace_tag(const struct relay_dir *d)
{
	return (struct trace_tag){ .flow_id = d->rule->id,
				   .side = !d->side,
				   .raw = d->rule->kind == FLOW_KIND_RAW };
}

void trace_in(struct trace *t, const struct relay_dir *d, const struct rte_mbuf *m, u64 at_us)
{
	struct trace_frame f = {
		.flow_id = d->rule->id, .at_us = at_us, .side = d->side, .why = TRACE_RELAYED
	};
	keep(t, &f, d->rule->kind == FLOW_KIND_RAW, m);
}

/* Has this flow had its drops of this second? */
static bool capped(struct trace *t, u64 flow_id, u64 at_us)
{
	/* Ids are anything: the upper bits of a product depend on all of theirs. */
	struct cap *c = &t->cap[flow_id * 0x9e3779b97f4a7c15ull >> (64 - CAPS_BITS)];
	u32 second = (u32)(at_us / 1000000);
	if (c->second != second)
		*c = (struct cap){ .second = second };
	return c->n++ >= TRACE_DROPS;
}

void trace_out(struct trace *t, const struct trace_tag *tag, const struct rte_mbuf *m, u64 at_us,
	       unsigned why)
{
	if (why != TRACE_RELAYED && capped(t, tag->flow_id, at_us))
		return;
	struct trace_frame f = { .flow_id = tag->flow_id,
				 .at_us = at_us,
				 .side = tag->side,
				 .out = 1,
				 .why = (u16)why };
	keep(t, &f, tag->raw, m);
}

void trace_drop(struct trace *t, const struct relay_dir *d, const struct rte_mbuf *m, u64 at_us,
		unsigned why)
{
	if (capped(t, d->rule->id, at_us))
		return;
	struct trace_frame f = {
		.flow_id = d->rule->id, .at_us = at_us, .side = d->side, .why = (u16)why
	};
	keep(t, &f, d->rule->kind == FLOW_KIND_RAW, m);
}

/* ---- reading, by the agent ---- */

/* False: it is another flow's, empty, or being written. */
static bool get(const struct entry *e, u64 flow_id, struct trace_frame *f)
{
	u64 word[WORDS];
	u64 order = atomic_load_explicit(&e->order, memory_order_acquire);
	if (!order || order & 1 ||
	    atomic_load_explicit(&e->word[0], memory_order_relaxed) != flow_id)
		return false;
	for (unsigned i = 0; i < WORDS; i++)
		word[i] = atomic_load_explicit(&e->word[i], memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&e->order, memory_order_relaxed) != order)
		return false;
	memcpy(f, word, sizeof(*f));
	return f->flow_id == flow_id;
}

/* While they are put in order. */
struct found {
	struct trace_frame f;
	u64 nth; /* among those of one time */
};

struct list {
	struct found *all;
	size_t n, cap;
};

static int add(struct list *l, const struct trace_frame *f)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 256;
		void *more = realloc(l->all, cap * sizeof(*l->all));
		if (!more)
			return -ENOMEM;
		l->all = more;
		l->cap = cap;
	}
	l->all[l->n] = (struct found){ .f = *f, .nth = l->n };
	l->n++;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	if (x->f.at_us != y->f.at_us)
		return x->f.at_us < y->f.at_us ? -1 : 1;
	return x->nth < y->nth ? -1 : 1;
}

static int collect(struct trace *t, u64 flow_id, struct list *l)
{
	u64 oldest = atomic_load_explicit(&t->next, memory_order_relaxed);
	struct trace_frame f;
	int err = 0;
	for (u64 i = 0; i <= t->mask && !err; i++)
		if (get(&t->entry[(oldest + i) & t->mask], flow_id, &f))
			err = add(l, &f);
	return err;
}

int trace_collect(struct trace *const *rings, unsigned n, u64 flow_id, unsigned max,
		  struct trace_frame **out)
{
	struct list l = { 0 };
	int err = 0;
	*out = NULL;
	for (unsigned i = 0; i < n && !err; i++)
		err = collect(rings[i], flow_id, &l);
	if (l.n)
		qsort(l.all, l.n, sizeof(*l.all), by_time);
	size_t left = l.n < max ? l.n : max;
	if (!err && left && !(*out = calloc(left, sizeof(**out))))
		err = -ENOMEM;
	for (size_t i = 0; i < left && !err; i++)
		(*out)[i] = l.all[l.n - left + i].f;
	free(l.all);
	return err ? err : (int)left;
}
