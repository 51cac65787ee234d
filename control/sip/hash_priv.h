/* SPDX-License-Identifier: Apache-2.0 */
/* The hash of header field names, shared by the program that makes the table at build time
 * (names_gen.c) and the code that looks names up in it (names.c). */
#ifndef SLUICE_SIP_HASH_PRIV_H
#define SLUICE_SIP_HASH_PRIV_H

#include <stdint.h>
#include <string.h>

#define SIP_NAME_SLOTS 256
#define SIP_NAME_MAX   32 /* longer names are unknown */

struct sip_name_entry {
	unsigned len;
	uint64_t word[SIP_NAME_MAX / 8];
};

/* Octets 8k..8k+7 of a name of n octets in lower case, zeros behind its end. Reads 8 octets.
 * Setting bit 5 makes control octets look like others ("\r" like "-"); callers have refused those
 * before. */
static inline uint64_t sip_name_word(const char *name, unsigned n, unsigned k)
{
	uint64_t v;

	if (n <= 8 * k)
		return 0;
	memcpy(&v, name + 8 * k, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	v |= 0x2020202020202020;
	return n - 8 * k >= 8 ? v : v & ((1ull << 8 * (n - 8 * k)) - 1);
}

/* The first eight octets and the last two, which tell all our names apart but a few. n >= 2. */
static inline unsigned sip_name_hash(const char *name, unsigned n)
{
	uint64_t tail = ((uint64_t)(uint8_t)name[n - 2] << 8 | (uint8_t)name[n - 1]) | 0x2020;

	return (unsigned)(((sip_name_word(name, n, 0) ^ tail << 23 ^ n) * 0x9e3779b97f4a7c15) >>
			  56);
}

#endif
