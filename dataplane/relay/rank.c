/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Who may be a source at all, by what signalling said. */
#include "relay/relay_priv.h"

static bool in_prefix(const struct flow_addr *a, const struct flow_addr *net, u8 len)
{
	if (a->family != net->family)
		return false;
	if (__builtin_memcmp(a->ip, net->ip, len / 8))
		return false;
	return !(len % 8) || !((a->ip[len / 8] ^ net->ip[len / 8]) >> (8 - len % 8));
}

static bool from_signalling(const struct flow_side *side, const struct flow_addr *from)
{
	if (!side->sig.family)
		return false;
	return side->learn_len ? in_prefix(from, &side->sig, side->learn_len)
			       : ip_eq(from, &side->sig);
}

u8 source_rank(const struct flow_side *side, const struct flow_addr *from)
{
	if (!from->family)
		return SOURCE_NONE;
	if (addr_same(from, &side->remote))
		return 0;
	if (side->mode == FLOW_MODE_NAT) {
		if (ip_eq(from, &side->remote))
			return 1;
		if (from_signalling(side, from))
			return 2;
	}
	for (unsigned i = 0; i < side->n_acl; i++)
		if (in_prefix(from, &side->acl[i], side->acl[i].len))
			return 3;
	return SOURCE_NONE;
}

/* Reachable from anywhere: no private, shared, link-local, loopback, multicast or reserved space.
 */
static bool is_public(const struct flow_addr *a)
{
	static const struct {
		u8 ip[2], len;
	} v4[] = { { { 0 }, 8 },         { { 10 }, 8 },        { { 127 }, 8 },
		   { { 100, 64 }, 10 },  { { 169, 254 }, 16 }, { { 172, 16 }, 12 },
		   { { 192, 168 }, 16 }, { { 224 }, 3 } };

	if (a->family == 6) /* global unicast, RFC 4291 section 2.4 */
		return a->ip[0] >> 5 == 1;
	for (unsigned i = 0; i < sizeof(v4) / sizeof(v4[0]); i++) {
		u16 diff = (u16)((a->ip[0] ^ v4[i].ip[0]) << 8 | (a->ip[1] ^ v4[i].ip[1]));
		if (!(diff >> (16 - v4[i].len)))
			return false;
	}
	return true;
}

struct flow_addr source_before_lock(const struct flow_side *side)
{
	const struct flow_addr nowhere = { .family = 0 };

	if (side->mode == FLOW_MODE_STATIC)
		return side->remote;
	return is_public(&side->remote) && ip_eq(&side->remote, &side->sig) ? side->remote
									    : nowhere;
}

bool source_is_poisoned(const struct source *s, const struct flow_addr *from)
{
	for (unsigned i = 0; i < s->n_poisoned; i++)
		if (addr_same(&s->poisoned[i], from))
			return true;
	return false;
}

void source_spray(struct source *s, const struct flow_addr *from, u64 now_us)
{
	if (s->n_poisoned >= SOURCE_POISONED || source_is_poisoned(s, from))
		return;
	s->poisoned[s->n_poisoned] = *from;
	s->poisoned_ms[s->n_poisoned++] = (u32)(now_us / MS);
}

void source_pardon(struct source *s, u64 now_us)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_poisoned; i++) {
		if ((u32)(now_us / MS) - s->poisoned_ms[i] <= SOURCE_GRACE_US / MS)
			continue;
		s->poisoned[n] = s->poisoned[i];
		s->poisoned_ms[n++] = s->poisoned_ms[i];
	}
	s->n_poisoned = (u8)n;
}
