/* SPDX-License-Identifier: Apache-2.0 */
/* The hash of header field names, shared by the program that makes the table at build time
 * (names_gen.c) and the code that looks names up in it (names.c). */
#ifndef SLUICE_SIP_HASH_PRIV_H
#define SLUICE_SIP_HASH_PRIV_H

#include <stdint.h>
#include <string.h>

#define SIP_NAME_SLOTS 512
#define SIP_NAME_MAX   32 /* longer names are unknown */

/* A name in lower case with zeros behind its end. */
struct sip_name_key {
	uint64_t word[SIP_NAME_MAX / 8];
	uint64_t len;
};

/* Without a branch on n <= SIP_NAME_MAX, which nobody could predict. Reads SIP_NAME_MAX octets.
 * Setting bit 5 makes control octets look like others ("\r" like "-"); callers have refused those
 * before. */
static inline void sip_name_key(struct sip_name_key *k, const char *name, unsigned n)
{
	static const uint8_t mask[2 * SIP_NAME_MAX] = {
		/* clang-format off */
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		/* clang-format on */
	};
	uint64_t v, m;

	for (unsigned i = 0; i < SIP_NAME_MAX / 8; i++) {
		memcpy(&v, name + 8 * i, sizeof(v));
		memcpy(&m, mask + SIP_NAME_MAX - n + 8 * i, sizeof(m));
		k->word[i] = (v | 0x2020202020202020) & m;
	}
	k->len = n;
}

static inline uint64_t sip_name_differs(const struct sip_name_key *a, const struct sip_name_key *b)
{
	uint64_t d = a->len ^ b->len;

	for (unsigned i = 0; i < SIP_NAME_MAX / 8; i++)
		d |= a->word[i] ^ b->word[i];
	return d;
}

/* 0..SIP_NAME_SLOTS-1. `multiplier` is chosen so that no two of our names meet. */
static inline unsigned sip_name_hash(const struct sip_name_key *k, uint64_t multiplier)
{
	return (unsigned)((k->word[0] ^ k->word[1] << 3 ^ k->len) * multiplier >> 55);
}

#endif
