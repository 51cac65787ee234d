/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "stamp.h"

#define MAGIC 0x736c4231u

/* As it lies in the packet, in host order: both ends are one machine, or two of a kind. */
struct wire {
	uint32_t magic, sum;
	uint32_t trial, call;
	uint64_t seq;
	uint64_t time_side; /* time << 2 | side << 1 | counted */
};
_Static_assert(sizeof(struct wire) == STAMP_SIZE, "the layout has no holes");

/* Not against an adversary: any octet or order that changes must show. */
static uint64_t sum_more(uint64_t h, const uint8_t *p, size_t n)
{
	uint64_t v;
	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&v, p, 8);
		h = (h ^ v) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	for (; n; p++, n--)
		h = (h ^ *p) * 0x100000001b3u;
	return h;
}

/* `head` with its sum as 0, then the rest of the payload. */
static uint32_t sum_of(struct wire head, const uint8_t *payload, size_t n)
{
	uint8_t octets[sizeof(head)];
	head.sum = 0;
	memcpy(octets, &head, sizeof(head));
	uint64_t h = sum_more(0x9e3779b97f4a7c15u ^ n, octets, sizeof(octets));
	h = sum_more(h, payload + sizeof(head), n - sizeof(head));
	return (uint32_t)(h * 0xc4ceb9fe1a85ec53u >> 32);
}

void stamp_write(void *payload, size_t n, const struct stamp *s)
{
	struct wire w = { .magic = MAGIC, .trial = s->trial, .call = s->call, .seq = s->seq };
	w.time_side = s->time << 2 | (uint64_t)(s->side & 1) << 1 | s->counted;
	memset((uint8_t *)payload + sizeof(w), (int)(s->seq & 0xff), n - sizeof(w));
	w.sum = sum_of(w, payload, n);
	memcpy(payload, &w, sizeof(w));
}

enum stamp_kind stamp_read(const void *payload, size_t n, struct stamp *s)
{
	struct wire w;
	if (n < sizeof(w))
		return STAMP_FOREIGN;
	memcpy(&w, payload, sizeof(w));
	if (w.magic != MAGIC)
		return STAMP_FOREIGN;
	*s = (struct stamp){ .trial = w.trial,
			     .call = w.call,
			     .side = w.time_side >> 1 & 1,
			     .counted = w.time_side & 1,
			     .seq = w.seq,
			     .time = w.time_side >> 2 };
	return sum_of(w, payload, n) == w.sum ? STAMP_GOOD : STAMP_CORRUPT;
}
