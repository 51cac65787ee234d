/* SPDX-License-Identifier: Apache-2.0 */
/* What a request is not to be: each of these takes one that is whole. */
#include <string.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "fuzz.h"

#define HEAD      (NLMSG_HDRLEN + GENL_HDRLEN)
#define FOUND_MAX 256

struct text {
	u8 *p;
	size_t n, cap;
	struct nlmsghdr *nh;
	u16 found[FOUND_MAX]; /* where attributes begin, nested ones, too */
	unsigned n_found;
};

static bool is_nest(const struct nlattr *a)
{
	return a->nla_type & NLA_F_NESTED;
}

static void find_attrs(struct text *t, size_t at, size_t end)
{
	while (at + NLA_HDRLEN <= end && t->n_found < FOUND_MAX) {
		const struct nlattr *a = (const void *)(t->p + at);
		size_t len = NLA_ALIGN(a->nla_len);
		if (a->nla_len < NLA_HDRLEN || at + len > end)
			return;
		t->found[t->n_found++] = (u16)at;
		at += is_nest(a) ? NLA_HDRLEN : len; /* inside it: its parts are found, too */
	}
}

static struct nlattr *some_attr(struct text *t, struct dice *d)
{
	return t->n_found ? (void *)(t->p + t->found[dice_below(d, t->n_found)]) : NULL;
}

static void flip(struct text *t, struct dice *d)
{
	for (unsigned i = 1 + dice_below(d, 4); i--;)
		t->p[HEAD + dice_below(d, (u32)(t->n - HEAD))] ^= (u8)(1 << dice_below(d, 8));
}

static void other_length(struct text *t, struct dice *d)
{
	static const u16 odd[] = { 0, 1, 3, 4, 5, 6, 7, 8, 12, 20, 36, 0x7fff, 0xfffc, 0xffff };
	struct nlattr *a = some_attr(t, d);

	if (a && dice_percent(d, 50))
		a->nla_len = odd[dice_below(d, COUNT(odd))];
	else if (a)
		a->nla_len = (u16)(a->nla_len - 8 + dice_below(d, 16));
}

static void other_type(struct text *t, struct dice *d)
{
	struct nlattr *a = some_attr(t, d);

	if (a && dice_percent(d, 80))
		a->nla_type = (u16)((a->nla_type & 0xc000) | dice_below(d, FLOW_A_MAX + 4));
	else if (a)
		a->nla_type ^= (u16)(1u << (8 + dice_below(d, 8)));
}

static void other_value(struct text *t, struct dice *d)
{
	static const u8 with[] = { 0, 0xff, 0x80, 0x7f, 1 };
	struct nlattr *a = some_attr(t, d);
	size_t left = a ? t->n - (size_t)((u8 *)a - t->p) - NLA_HDRLEN : 0;
	size_t n = a && a->nla_len >= NLA_HDRLEN ? a->nla_len - NLA_HDRLEN : 0;

	if (a && dice_percent(d, 50))
		memset((u8 *)a + NLA_HDRLEN, with[dice_below(d, COUNT(with))], n < left ? n : left);
	else if (a)
		dice_fill(d, (u8 *)a + NLA_HDRLEN, n < left ? n : left);
}

/* Behind the others, where the last one wins or nobody looks. */
static void once_more(struct text *t, struct dice *d)
{
	struct nlattr *a = some_attr(t, d);
	size_t len = a ? NLA_ALIGN(a->nla_len) : 0;

	if (!a || (u8 *)a + len > t->p + t->n || t->n + len > t->cap)
		return;
	memcpy(t->p + t->n, a, len);
	t->n += len;
}

static void without(struct text *t, struct dice *d)
{
	struct nlattr *a = some_attr(t, d);
	size_t at = a ? (size_t)((u8 *)a - t->p) : 0, len = a ? NLA_ALIGN(a->nla_len) : 0;

	if (!a || at + len > t->n)
		return;
	memmove(a, t->p + at + len, t->n - at - len);
	t->n -= len;
}

static void more(struct text *t, struct dice *d)
{
	size_t len = NLA_HDRLEN + dice_below(d, 80);
	struct nlattr *a = (void *)(t->p + t->n);

	if (t->n + NLA_ALIGN(len) > t->cap)
		return;
	dice_fill(d, a, NLA_ALIGN(len));
	a->nla_len = (u16)len;
	a->nla_type =
		(u16)(dice_below(d, FLOW_A_MAX + 8) | (dice_percent(d, 40) ? NLA_F_NESTED : 0));
	t->n += NLA_ALIGN(len);
}

/* Nests in nests, all of one type. */
static void deep(struct text *t, struct dice *d)
{
	unsigned levels = 1 + dice_below(d, 200);
	u16 type = (u16)(NLA_F_NESTED | dice_below(d, FLOW_A_MAX + 1));

	if (t->n + levels * NLA_HDRLEN > t->cap)
		return;
	for (unsigned i = 0; i < levels; i++, t->n += NLA_HDRLEN) {
		struct nlattr *a = (void *)(t->p + t->n);
		a->nla_type = type;
		a->nla_len = (u16)((levels - i) * NLA_HDRLEN);
	}
}

static void many(struct text *t, struct dice *d)
{
	u16 type = (u16)dice_below(d, FLOW_A_MAX + 1);

	for (unsigned i = dice_below(d, 1000); i-- && t->n + 8 <= t->cap; t->n += 8) {
		struct nlattr *a = (void *)(t->p + t->n);
		a->nla_type = type;
		a->nla_len = 8;
		dice_fill(d, t->p + t->n + NLA_HDRLEN, 4);
	}
}

static void shorter(struct text *t, struct dice *d)
{
	t->n = dice_below(d, (u32)t->n + 1);
}

static void other_head(struct text *t, struct dice *d)
{
	struct genlmsghdr *gh = (void *)(t->p + NLMSG_HDRLEN);

	switch (dice_below(d, 4)) {
	case 0:
		gh->cmd = (u8)dice_below(d, FLOW_CMD_MAX + 3);
		break;
	case 1:
		gh->version = (u8)dice_below(d, 4);
		break;
	case 2:
		gh->reserved = (u16)dice_roll(d);
		break;
	default:
		t->nh->nlmsg_flags = (u16)(NLM_F_REQUEST | dice_roll(d));
	}
}

static void noise(struct text *t, struct dice *d)
{
	t->n = HEAD + dice_below(d, (u32)(t->cap - HEAD) / 16);
	dice_fill(d, t->p + HEAD, t->n - HEAD);
}

size_t mangle(struct dice *d, u8 *p, size_t n, size_t cap)
{
	static void (*const how[])(struct text *, struct dice *) = {
		flip,        flip,        other_length, other_length, other_type, other_type,
		other_value, other_value, once_more,    without,      more,       deep,
		many,        shorter,     other_head,   noise
	};
	struct text t = { .p = p, .n = n, .cap = cap, .nh = (void *)p };

	for (unsigned i = 1 + dice_below(d, 3); i-- && t.n > HEAD;) {
		t.n_found = 0;
		find_attrs(&t, HEAD, t.n);
		how[dice_below(d, COUNT(how))](&t, d);
	}
	/* What netlink itself would refuse is not much to learn from: its length is mostly right. */
	if (t.n >= NLMSG_HDRLEN)
		t.nh->nlmsg_len = (u32)(dice_percent(d, 97) ? t.n : dice_below(d, 2 * (u32)t.n));
	return t.n;
}
