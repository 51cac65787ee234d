/* SPDX-License-Identifier: Apache-2.0 */
/* A binary search over disjoint ranges, each [lo, hi]. An address is one word (IPv4) or four. Comparing word
 * by word stops where the rest of the bound is all zeros (of lo) or all ones (of hi), so that a short IPv6
 * prefix costs no more than an IPv4 one. */
#include "sip/source_filter.h"
#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>

#define ACCEPT    UINT32_MAX /* octets of the packet to keep */
#define DROP      0
#define WORDS_MAX 4

struct range {
	uint32_t lo[WORDS_MAX], hi[WORDS_MAX];
};

struct program {
	struct sock_filter *code;
	unsigned n, words;
	uint32_t offset; /* of the source address, from the network header */
	bool full;
};

/* ---- ranges ---- */

static uint32_t word_of(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void range_of(const struct prefix *p, unsigned words, struct range *r)
{
	for (unsigned i = 0; i < words; i++) {
		unsigned fixed = p->len <= 32 * i ? 0 : p->len - 32 * i;
		uint32_t free_bits = fixed >= 32 ? 0 : UINT32_MAX >> fixed;

		r->lo[i] = word_of(p->addr.ip + 4 * i) & ~free_bits;
		r->hi[i] = r->lo[i] | free_bits;
	}
}

static int compare_words(const uint32_t *a, const uint32_t *b)
{
	for (unsigned i = 0; i < WORDS_MAX; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return compare_words(((const struct range *)a)->lo, ((const struct range *)b)->lo);
}

/* The address behind hi, or false: hi is the last one. */
static bool next_address(const uint32_t *hi, unsigned words, uint32_t *next)
{
	bool carry = true;

	memcpy(next, hi, sizeof(uint32_t) * WORDS_MAX);
	for (unsigned i = words; carry && i-- > 0;)
		carry = ++next[i] == 0;
	return !carry;
}

/* Sorted, and no two that touch. Returns how many are left. */
static unsigned merge(struct range *r, unsigned n, unsigned words)
{
	uint32_t next[WORDS_MAX];
	unsigned kept = 0;

	qsort(r, n, sizeof(*r), compare);
	for (unsigned i = 1; i < n; i++) {
		struct range *last = &r[kept];

		if (next_address(last->hi, words, next) && compare_words(r[i].lo, next) > 0)
			r[++kept] = r[i];
		else if (compare_words(r[i].hi, last->hi) > 0)
			memcpy(last->hi, r[i].hi, sizeof(last->hi));
	}
	return n ? kept + 1 : 0;
}

/* ---- the program ---- */

static unsigned emit(struct program *p, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (p->n == BPF_MAXINSNS) {
		p->full = true;
		return 0;
	}
	p->code[p->n] = (struct sock_filter){ code, jt, jf, k };
	return p->n++;
}

static void load(struct program *p, unsigned word)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, p->offset + 4 * word, 0, 0);
}

/* Words of a bound that must be looked at: behind them all are what decides nothing. */
static unsigned words_of(const struct program *p, const uint32_t *bound, uint32_t rest)
{
	unsigned words = p->words;

	while (words > 1 && bound[words - 1] == rest)
		words--;
	return words;
}

static unsigned size_of(const struct program *p, unsigned words)
{
	return p->words == 1 ? 1 : 3 * words - 1;
}

/* Is the address (op BPF_JGE) at or beyond the bound, (BPF_JGT) beyond it? Yes goes on behind the comparison, no
 * `skip` instructions further. */
static void compare_with(struct program *p, uint16_t op, const uint32_t *bound, unsigned skip)
{
	unsigned words = words_of(p, bound, op == BPF_JGE ? 0 : UINT32_MAX);
	unsigned left = size_of(p, words); /* instructions up to the end */

	for (unsigned i = 0; i + 1 < words; i++) {
		left -= 3;
		load(p, i);
		emit(p, BPF_JMP | BPF_JGT | BPF_K, bound[i], (uint8_t)(left + 1), 0);
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, bound[i], 0, (uint8_t)(left + skip));
	}
	if (p->words > 1)
		load(p, words - 1);
	emit(p, BPF_JMP | op | BPF_K, bound[words - 1], 0, (uint8_t)skip);
}

static void leaf(struct program *p, const struct range *r)
{
	unsigned to_drop = size_of(p, words_of(p, r->hi, UINT32_MAX));

	compare_with(p, BPF_JGE, r->lo, to_drop);
	compare_with(p, BPF_JGT, r->hi, 1);
	emit(p, BPF_RET | BPF_K, DROP, 0, 0);
	emit(p, BPF_RET | BPF_K, ACCEPT, 0, 0);
}

/* Among the ranges [from, to), at least one. Its depth is the logarithm of their number. */
static void search(struct program *p, const struct range *r, unsigned from, unsigned to)
{
	unsigned middle = from + (to - from) / 2, jump;

	if (to - from == 1) {
		leaf(p, &r[from]);
		return;
	}
	compare_with(p, BPF_JGE, r[middle].lo, 1);
	jump = emit(p, BPF_JMP | BPF_JA, 0, 0, 0);
	search(p, r, from, middle);
	if (p->full)
		return;
	p->code[jump].k = p->n - jump - 1;
	search(p, r, middle, to);
}

static int write_program(struct program *p, const struct range *r, unsigned n)
{
	if (n == 0) {
		emit(p, BPF_RET | BPF_K, DROP, 0, 0);
		return 0;
	}
	if (p->words == 1)
		load(p, 0);
	search(p, r, 0, n);
	return p->full ? -E2BIG : 0;
}

static unsigned collect(const struct prefix *known, unsigned n, unsigned words, struct range *r)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++)
		if (known[i].addr.family == (words == 1 ? 4 : 6)) {
			memset(&r[kept], 0, sizeof(*r));
			range_of(&known[i], words, &r[kept++]);
		}
	return merge(r, kept, words);
}

/* ---- for users ---- */

struct sock_fprog *source_filter_new(uint8_t family, const struct prefix *known, unsigned n)
{
	struct sock_fprog *f = malloc(sizeof(*f) + BPF_MAXINSNS * sizeof(struct sock_filter));
	struct range *r = calloc(n + 1, sizeof(*r));
	struct program p = { .words = family == 4 ? 1 : 4,
			     .offset = (uint32_t)SKF_NET_OFF + (family == 4 ? 12 : 8) };
	int rc = -ENOMEM;

	if (f && r) {
		p.code = (struct sock_filter *)(f + 1);
		rc = write_program(&p, r, collect(known, n, p.words, r));
		*f = (struct sock_fprog){ (unsigned short)p.n, p.code };
	}
	free(r);
	if (rc == 0)
		return f;
	free(f);
	errno = -rc;
	return NULL;
}

int source_filter_attach(int fd, const struct sock_fprog *filter)
{
	int on = 1, rc;

	if (filter)
		rc = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, sizeof(*filter));
	else
		rc = setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof(on));
	/* There was none. */
	return rc == 0 || (!filter && errno == ENOENT) ? 0 : -errno;
}

uint64_t source_filter_drops(int fd)
{
	uint32_t v[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(v);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, v, &len) < 0)
		return 0;
	return v[SK_MEMINFO_DROPS];
}
