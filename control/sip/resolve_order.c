/* SPDX-License-Identifier: Apache-2.0 */
/* Which records come first. */
#include "sip/resolve_priv.h"

/* RFC 2782: of one priority, weight 0 first in the list, a number from 0 to the sum of weights, and the first
 * record at which the running sum reaches it; and again with the rest. `in` is used up. */
static unsigned draw_one(struct loop *l, const struct dns_set *s, uint8_t *in, unsigned n)
{
	uint32_t sum = 0, drawn;
	unsigned i = 0;

	for (unsigned k = 0; k < n; k++)
		sum += s->srv[in[k]].weight;
	drawn = loop_random_u32(l, sum + 1);
	for (sum = s->srv[in[0]].weight; sum < drawn; sum += s->srv[in[i]].weight)
		i++;
	return i;
}

static void draw_priority(struct loop *l, const struct dns_set *s, uint8_t *in, unsigned n,
			  uint8_t *out)
{
	while (n) {
		unsigned i = draw_one(l, s, in, n);

		*out++ = in[i];
		memmove(in + i, in + i + 1, --n - i);
	}
}

unsigned dns_srv_draw(struct loop *l, const struct dns_set *s, uint8_t out[DNS_RECORDS])
{
	uint8_t same[DNS_RECORDS];

	for (unsigned i = 0, end; i < s->n; i = end) {
		unsigned n = 0;

		for (end = i; end < s->n && s->srv[end].priority == s->srv[i].priority; end++)
			if (!s->srv[end].weight)
				same[n++] = (uint8_t)end;
		for (unsigned k = i; k < end; k++)
			if (s->srv[k].weight)
				same[n++] = (uint8_t)k;
		draw_priority(l, s, same, n, out + i);
	}
	return s->n;
}

/* Sorted by order and preference already. Within an order a client may go on to the next preference; another
 * order is not looked at once one has matched (RFC 3403 4.1). */
unsigned dns_naptr_choose(const struct dns_set *s, uint8_t transports, uint8_t out[DNS_RECORDS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++) {
		const struct dns_naptr *r = &s->naptr[i];

		if (!(transports & 1u << r->transport))
			continue;
		if (n && r->order != s->naptr[out[0]].order)
			break;
		out[n++] = (uint8_t)i;
	}
	return n;
}

unsigned addr_precedence(const struct addr *a)
{
	static const struct {
		uint8_t ip[4], len; /* octets */
		uint8_t precedence;
	} rows[] = {
		{ { 0x20, 0x02 }, 2, 30 },            /* 6to4 */
		{ { 0x20, 0x01, 0x00, 0x00 }, 4, 5 }, /* Teredo */
		{ { 0xfc }, 1, 3 },                   /* unique local */
		{ { 0xfd }, 1, 3 },
	};
	static const uint8_t loopback[16] = { [15] = 1 };

	if (a->family == 4)
		return 35;
	if (memcmp(a->ip, loopback, 16) == 0)
		return 50;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (memcmp(a->ip, rows[i].ip, rows[i].len) == 0)
			return rows[i].precedence;
	return 40;
}
