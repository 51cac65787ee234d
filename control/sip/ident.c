/* SPDX-License-Identifier: Apache-2.0 */
/* Branches, tags and Call-IDs: random, and marked with the shard that made them. */
#include "sip/core_priv.h"

static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";
static const char hex[] = "0123456789abcdef";

static void put_shard(const struct sip *s, char out[IDENT_LEN])
{
	out[0] = hex[s->shard >> 4];
	out[1] = hex[s->shard & 15];
}

void ident_random(struct sip *s, char out[IDENT_LEN])
{
	uint8_t r[IDENT_LEN - 2];

	loop_random(s->loop, r, sizeof(r));
	put_shard(s, out);
	for (size_t i = 0; i < sizeof(r); i++)
		out[2 + i] = base32[r[i] & 31];
}

void ident_hashed(struct sip *s, struct str a, struct str b, char out[IDENT_LEN])
{
	uint64_t key[2] = { s->reject_key[0], s->reject_key[1] };
	uint64_t h = 0;

	put_shard(s, out);
	for (size_t i = 0; i < IDENT_LEN - 2; i++) {
		if (i % 10 == 0) {
			h = siphash(key, a.p, a.n);
			key[0] ^= h;
			h ^= siphash(key, b.p, b.n);
		}
		out[2 + i] = base32[h & 31];
		h >>= 5;
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int ident_shard(struct str id)
{
	int hi, lo;

	if (id.n != IDENT_LEN)
		return -1;
	for (size_t i = 2; i < IDENT_LEN; i++)
		if (!((id.p[i] >= 'a' && id.p[i] <= 'z') || (id.p[i] >= '2' && id.p[i] <= '7')))
			return -1;
	hi = hex_digit(id.p[0]);
	lo = hex_digit(id.p[1]);
	return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}
