/* SPDX-License-Identifier: Apache-2.0 */
/* A cipher for the tests of the rules around it: it has the lengths and the places of the real ones and
 * no secrets. A key is its number. */
#ifndef SLUICE_RELAY_CIPHER_TEST_H
#define SLUICE_RELAY_CIPHER_TEST_H

#include <string.h>
#include "relay/relay.h"

#define TOY_ROOM 64 /* what a packet may become longer by */

struct toy_key {
	u32 number;
	u8 suite, mki_len;
};

static inline u64 toy_mix(u64 x)
{
	x ^= x >> 31;
	x *= 0x9fb21c651e98df25ull;
	return x ^ x >> 29;
}

static inline bool toy_is_aead(u8 suite)
{
	return suite >= FLOW_SUITE_AEAD_AES_128_GCM;
}

/* RFC 3711 section 5.2, 4568 section 6.2, 7714 section 13. */
static inline u32 toy_tag_len(u8 suite, bool is_rtcp)
{
	if (toy_is_aead(suite))
		return 16;
	bool is_short = suite == FLOW_SUITE_AES_CM_128_HMAC_SHA1_32 ||
			suite == FLOW_SUITE_AES_CM_256_HMAC_SHA1_32;
	return is_short && !is_rtcp ? 4 : 10;
}

static inline void toy_stream(struct toy_key k, const struct relay_crypt *c, u8 *p)
{
	u64 seed = toy_mix(k.number + ((u64)c->ssrc << 32)) ^ toy_mix(c->index * 2 + c->is_rtcp);

	for (u32 i = c->clear; i < c->len && !c->plain; i++)
		p[i] ^= (u8)(toy_mix(seed + i) >> 17);
}

/* Of what is sealed. */
static inline void toy_tag(struct toy_key k, const struct relay_crypt *c, const u8 *p, u8 tag[16])
{
	u64 x = toy_mix(k.number * 8 + k.suite) + c->is_rtcp + c->plain * 2;

	x = toy_mix(x ^ c->index) ^ c->ssrc;
	for (u32 i = 0; i < c->len; i++)
		x = toy_mix(x ^ p[i]) + i;
	for (unsigned i = 0; i < 16; i++)
		tag[i] = (u8)(toy_mix(x + i) >> 24);
}

struct toy_places {
	u32 tag, word, len;
};

static inline struct toy_places toy_places(struct toy_key k, const struct relay_crypt *c)
{
	u32 n = toy_tag_len(k.suite, c->is_rtcp), word = c->is_rtcp ? 4 : 0;

	if (toy_is_aead(k.suite)) /* tag, index word, MKI */
		return (struct toy_places){ c->len, c->len + n, c->len + n + word + k.mki_len };
	/* index word, MKI, tag */
	return (struct toy_places){ c->len + word + k.mki_len, c->len,
				    c->len + word + k.mki_len + n };
}

/* The length of what leaves. */
static inline u32 toy_seal(struct toy_key k, const struct relay_crypt *c, u8 *p)
{
	struct toy_places at = toy_places(k, c);
	u32 word = (u32)c->index | (c->plain ? 0 : 1u << 31);
	u8 tag[16];

	toy_stream(k, c, p);
	toy_tag(k, c, p, tag);
	memset(p + c->len, 0x77, at.len - c->len); /* MKI */
	memcpy(p + at.tag, tag, toy_tag_len(k.suite, c->is_rtcp));
	for (unsigned i = 0; i < 4 && c->is_rtcp; i++)
		p[at.word + i] = (u8)(word >> (24 - 8 * i));
	return at.len;
}

/* Is the tag right? Then the packet is open. */
static inline bool toy_open(struct toy_key k, const struct relay_crypt *c, u8 *p, u32 len)
{
	struct toy_places at = toy_places(k, c);
	u8 tag[16];

	if (at.len != len)
		return false;
	toy_tag(k, c, p, tag);
	if (memcmp(p + at.tag, tag, toy_tag_len(k.suite, c->is_rtcp)))
		return false;
	toy_stream(k, c, p);
	return true;
}

#endif
