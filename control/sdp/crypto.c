/* SPDX-License-Identifier: Apache-2.0 */
/* a=crypto (RFC 4568 9.1): "TAG SUITE inline:KEY|LIFETIME|MKI:LENGTH PARAMETER ...". A line that is not exactly that
 * is as if it were not there, and so is one that asks for what we don't do. */
#include <errno.h>
#include "sdp/sdp_priv.h"

#define TAG_MAX      999999999u
#define KEY_CHARS    64 /* 46 octets, the longest key and salt, and padding */
#define MKI_DIGITS   20
#define MKI_LEN_MAX  128
#define LIFETIME_MAX (UINT64_C(1) << 48)

static bool is_base64(struct str s)
{
	size_t n = s.n;

	while (n && s.n - n < 2 && s.p[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++) {
		char c = s.p[i];
		if ((c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') &&
		    c != '+' && c != '/')
			return false;
	}
	return n && s.n <= KEY_CHARS;
}

static bool is_decimal(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* "2^31" or "1024" */
static bool lifetime(struct str s, uint64_t *out)
{
	uint32_t bits;

	if (s.n > 2 && s.p[0] == '2' && s.p[1] == '^') {
		if (str_u32((struct str){ s.p + 2, s.n - 2 }, 48, &bits))
			return false;
		*out = UINT64_C(1) << bits;
		return true;
	}
	return s.n <= MKI_DIGITS && is_decimal(s) && !str_u64(s, out) && *out &&
	       *out <= LIFETIME_MAX;
}

/* "1:4": a value that fits in so many octets */
static bool mki(struct str s, struct sdp_crypto *c)
{
	struct str value;
	uint32_t len;
	uint64_t v;

	if (!str_token(&s, ':', &value) || str_u32(s, MKI_LEN_MAX, &len) || !len)
		return false;
	if (value.n > MKI_DIGITS || !is_decimal(value) || str_u64(value, &v) ||
	    (len < 8 && v >> 8 * len))
		return false;
	c->mki = value;
	c->mki_len = (uint8_t)len;
	return true;
}

/* What follows the key, if anything does: lifetime, MKI, or both in this order. */
static bool after_key(struct str s, struct sdp_crypto *c)
{
	struct str part;

	if (!memchr(s.p, ':', s.n))
		return lifetime(s, &c->lifetime);
	if (!memchr(s.p, '|', s.n))
		return mki(s, c);
	return str_token(&s, '|', &part) && lifetime(part, &c->lifetime) && mki(s, c);
}

/* One key. A list of them would be told apart by the MKI, at which nobody looks here. */
static bool key(struct str s, struct sdp_crypto *c)
{
	const struct str method = STR("inline:");

	if (s.n <= method.n || !str_caseeq((struct str){ s.p, method.n }, method))
		return false;
	s = (struct str){ s.p + method.n, s.n - method.n };
	if (s.p[s.n - 1] == '|' || !str_token(&s, '|', &c->key) || !is_base64(c->key))
		return false;
	return !s.n || after_key(s, c);
}

/* Those that change nothing for who receives: RFC 4568 6.3. What begins with '-' may be ignored. */
static bool parameter(struct str s, struct sdp_crypto *c)
{
	const struct str wsh = STR("WSH=");
	uint32_t n;

	if (str_starts(s, wsh)) {
		if (str_u32((struct str){ s.p + wsh.n, s.n - wsh.n }, 255, &n) || n < 64)
			return false;
		c->window = (uint8_t)n;
		return true;
	}
	return s.p[0] == '-' || str_eq(s, STR("KDR=0")) || str_eq(s, STR("FEC_ORDER=FEC_SRTP"));
}

static bool parse(struct str v, struct sdp_crypto *c)
{
	struct str word;

	if (str_u32(sdp_word(&v), TAG_MAX, &c->tag) || !c->tag)
		return false;
	c->suite = sdp_word(&v);
	word = sdp_word(&v);
	if (!sdp_is_token(c->suite) || (word.n && !key(word, c)))
		return false;
	for (word = sdp_word(&v); word.n; word = sdp_word(&v))
		if (!parameter(word, c))
			return false;
	return true;
}

void sdp_crypto_parse(struct sdp *s, struct str v)
{
	struct sdp_crypto c = { 0 }, *to;

	if (!parse(v, &c))
		return;
	to = sdp_add_crypto(s);
	if (to)
		*to = c;
}

void sdp_crypto_print(const struct sdp_crypto *c, bool keyless, struct buf *b)
{
	if (!sdp_is_token(c->suite))
		return;
	buf_lit(b, "a=crypto:");
	buf_u64(b, c->tag);
	buf_lit(b, " ");
	buf_put(b, c->suite);
	if (!keyless && c->key.n) {
		buf_lit(b, " inline:");
		buf_put(b, c->key);
		if (c->lifetime) {
			buf_lit(b, "|");
			buf_u64(b, c->lifetime);
		}
		if (c->mki.n) {
			buf_lit(b, "|");
			buf_put(b, c->mki);
			buf_lit(b, ":");
			buf_u64(b, c->mki_len);
		}
		if (c->window) {
			buf_lit(b, " WSH=");
			buf_u64(b, c->window);
		}
	}
	buf_lit(b, "\r\n");
}
