/* SPDX-License-Identifier: Apache-2.0 */
/* Finding octets. Functions for "padded memory only" read up to SIP_PAD octets behind the end they
 * are given, all others never do. */
#ifndef SLUICE_SIP_SCAN_PRIV_H
#define SLUICE_SIP_SCAN_PRIV_H

#include <errno.h>
#include "sip/msg.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#if defined(__SSE2__) && !defined(SIP_SCAN_PORTABLE)
#include <emmintrin.h>
#define SIP_SSE2

/* One bit for each octet of a vector, the first octet lowest. */
static inline uint64_t sip_vec_eq(const char *p, char c)
{
	__m128i v = _mm_loadu_si128((const __m128i *)p);

	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(c)));
}

static inline uint64_t sip_vec_ctl(const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)p);
	__m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
	__m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));

	return (uint32_t)_mm_movemask_epi8(_mm_or_si128(low, del));
}

/* Which octets are no letters, digits, "-" or "."; those four are in every class below. */
static inline uint32_t sip_vec_uncommon(const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)p);
	__m128i letter = _mm_sub_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
	__m128i digit = _mm_sub_epi8(v, _mm_set1_epi8('-'));
	__m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('/'));

	letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter);
	digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8('9' - '-')), digit);
	return ~(uint32_t)_mm_movemask_epi8(_mm_or_si128(letter, _mm_andnot_si128(slash, digit))) &
	       0xffff;
}

/* A whole cache line at once: most lines end within it, so there is no loop to mispredict. */
#define SIP_BLOCK 64

static inline uint64_t sip_block_eq(const char *p, char c)
{
	return sip_vec_eq(p, c) | sip_vec_eq(p + 16, c) << 16 | sip_vec_eq(p + 32, c) << 32 |
	       sip_vec_eq(p + 48, c) << 48;
}

static inline uint64_t sip_block_ctl(const char *p)
{
	return sip_vec_ctl(p) | sip_vec_ctl(p + 16) << 16 | sip_vec_ctl(p + 32) << 32 |
	       sip_vec_ctl(p + 48) << 48;
}
#else
#define SIP_BLOCK 8

static inline uint64_t sip_word_load(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

/* 0x80 in each octet of x that is zero; exact, no carry runs between octets. */
static inline uint64_t sip_word_zero(uint64_t x)
{
	const uint64_t low7 = 0x7f7f7f7f7f7f7f7f;

	return ~(((x & low7) + low7) | x | low7);
}

static inline uint64_t sip_word_bits(uint64_t m)
{
	return ((m >> 7) * 0x0102040810204080) >> 56;
}

static inline uint64_t sip_block_eq(const char *p, char c)
{
	uint64_t every = 0x0101010101010101ull * (uint8_t)c;

	return sip_word_bits(sip_word_zero(sip_word_load(p) ^ every));
}

static inline uint64_t sip_block_ctl(const char *p)
{
	uint64_t v = sip_word_load(p);
	uint64_t low = sip_word_zero(v & 0xe0e0e0e0e0e0e0e0);
	uint64_t del = sip_word_zero(v ^ 0x7f7f7f7f7f7f7f7f);

	return sip_word_bits(low | del);
}
#endif

/* The first such octet in [p, e), or e. Padded memory only. */
static inline const char *sip_scan_chr(const char *p, const char *e, char c)
{
	for (; p < e; p += SIP_BLOCK) {
		uint64_t m = sip_block_eq(p, c);

		if (m) {
			p += __builtin_ctzll(m);
			return p < e ? p : e;
		}
	}
	return e;
}

/* The colon behind a header field name in [p, e), or e: few names need a second look. Padded
 * memory. */
static inline const char *sip_scan_colon(const char *p, const char *e)
{
#ifdef SIP_SSE2
	uint32_t m = (uint32_t)(sip_vec_eq(p, ':') | sip_vec_eq(p + 16, ':') << 16);

	if (likely(m)) {
		p += __builtin_ctz(m);
		return p < e ? p : e;
	}
	p += 32;
#endif
	return sip_scan_chr(p, e, ':');
}

/* Walks over the control octets: CR, LF, HTAB, DEL and what has no place in a header. Which block
 * comes next does not depend on where the lines end, so the processor runs ahead. Padded memory
 * only. */
struct sip_ctl_scan {
	const char *block, *end;
	uint64_t mask; /* of the block, those not taken yet */
};

static inline void sip_ctl_start(struct sip_ctl_scan *s, const char *p, const char *e)
{
	*s = (struct sip_ctl_scan){ p, e, p < e ? sip_block_ctl(p) : 0 };
}

/* The next one. At the end any place in [end, end + SIP_PAD). */
static inline const char *sip_ctl_next(struct sip_ctl_scan *s)
{
	const char *p;

	while (!s->mask) {
		if (unlikely(s->end - s->block <= SIP_BLOCK))
			return s->end;
		s->block += SIP_BLOCK;
		s->mask = sip_block_ctl(s->block);
	}
	p = s->block + __builtin_ctzll(s->mask);
	s->mask &= s->mask - 1;
	return p;
}

/* Classes of octets, RFC 3261 25.1. None holds a control octet, SP or anything above 0x7e. "%" is
 * part of a token, but in a URI it starts an escape, so the URI classes leave it out. */
enum sip_class {
	SIP_C_TOKEN = 1,
	SIP_C_VALUE =
		2, /* of a header parameter outside quotes: token, host, and what people write */
	SIP_C_NAME = 4, /* of a header or URI parameter */
	SIP_C_USER = 8,
	SIP_C_PASSWORD = 16,
	SIP_C_PARAM = 32, /* of a URI parameter: name or value */
	SIP_C_HOST = 64,
	SIP_C_URI = 128 /* any URI, escapes too */
};

extern const uint8_t sip_class[256];

static inline const char *sip_span(const char *p, const char *e, uint8_t mask)
{
#ifdef SIP_SSE2
	while (e - p >= 16) {
		uint32_t m = sip_vec_uncommon(p);

		if (!m) {
			p += 16;
			continue;
		}
		p += __builtin_ctz(m);
		if (!(sip_class[(uint8_t)*p] & mask))
			return p;
		p++;
	}
#endif
	while (p < e && (sip_class[(uint8_t)*p] & mask))
		p++;
	return p;
}

static inline bool sip_is_ws(char c)
{
	return c == ' ' || c == '\t';
}

static inline bool sip_is_digit(char c)
{
	return (uint8_t)(c - '0') < 10;
}

static inline bool sip_is_alpha(char c)
{
	return (uint8_t)((c | 0x20) - 'a') < 26;
}

/* Value of a hexadecimal digit, or -1. */
static inline int sip_hex(char c)
{
	uint8_t digit = (uint8_t)(c - '0'), letter = (uint8_t)((c | 0x20) - 'a');

	return digit < 10 ? digit : letter < 6 ? letter + 10 : -1;
}

/* The octet behind the last one; an empty slice may have no memory at all. */
static inline const char *sip_end(struct str s)
{
	return s.n ? s.p + s.n : s.p;
}

static inline struct str sip_slice(const char *p, const char *e)
{
	return (struct str){ p, (size_t)(e - p) };
}

/* Is `s` this word of lower-case letters, in either case? (Only a letter becomes one by bit 5.) */
#define SIP_IS(s, word) sip_is_word((s), (word), sizeof(word) - 1)

static inline bool sip_is_word(struct str s, const char *word, size_t n)
{
	unsigned differs = 0;

	if (s.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		differs |= (uint8_t)(s.p[i] | 0x20) ^ (uint8_t)word[i];
	return differs == 0;
}

static inline const char *sip_skip_ws(const char *p, const char *e)
{
	while (p < e && sip_is_ws(*p))
		p++;
	return p;
}

static inline const char *sip_trim_ws(const char *p, const char *e)
{
	while (e > p && sip_is_ws(e[-1]))
		e--;
	return e;
}

/* From the opening quote to behind the closing one; NULL: it is never closed. */
const char *sip_skip_quoted(const char *p, const char *e);
/* A host name, an IPv4 address, or an IPv6 one in brackets that must be well-formed; NULL: none. */
const char *sip_scan_host(const char *p, const char *e, struct str *host);
/* Digits of a port, 1..65535; NULL: not that. */
const char *sip_scan_port(const char *p, const char *e, uint16_t *port);
/* From ";" over one parameter and the white space behind it; NULL: malformed. `names` is the class
 * of the name's octets. val->p is NULL without "=". */
const char *sip_scan_param(const char *p, const char *e, uint8_t names, struct str *name,
			   struct str *val);
/* Decimal digits as a number <= max; leading zeros are allowed. 0 or -1. */
int sip_scan_number(struct str s, uint32_t max, uint32_t *out);

#endif
