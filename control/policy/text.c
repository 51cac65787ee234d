/* SPDX-License-Identifier: Apache-2.0 */
/* Free text and tokens: what may be said again to somebody else. */
#include "policy_priv.h"

/* Length of the UTF-8 sequence at s (RFC 3629, no overlong forms, no surrogates), 0: malformed. */
static size_t utf8_len(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = p[0] < 0x80   ? 1
		   : p[0] < 0xc2 ? 0
		   : p[0] < 0xe0 ? 2
		   : p[0] < 0xf0 ? 3
		   : p[0] < 0xf5 ? 4
				 : 0;

	if (!n || n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

bool text_is_clean(struct str s, size_t max)
{
	if (s.n > max)
		return false;
	while (s.n) {
		size_t n = utf8_len(s);

		if (!n || (unsigned char)s.p[0] < 0x20 || s.p[0] == 0x7f)
			return false;
		s.p += n;
		s.n -= n;
	}
	return true;
}

bool text_is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool alnum =
			(c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

		if (!alnum && (!c || !strchr("-.!%*_+`'~", c)))
			return false;
	}
	return s.n != 0;
}

#define DISPLAY_MAX 128

/* The text inside a quoted string, without its escapes. false: quotes that don't match. */
static bool unquote(struct str s, struct buf *out)
{
	if (s.n < 2 || s.p[s.n - 1] != '"')
		return false;
	for (size_t i = 1; i < s.n - 1; i++) {
		if (s.p[i] == '"')
			return false;
		if (s.p[i] == '\\' && ++i == s.n - 1)
			return false;
		buf_add(out, &s.p[i], 1);
	}
	return buf_ok(out);
}

void text_put_display(struct buf *b, struct str display)
{
	char mem[DISPLAY_MAX];
	struct buf text;

	buf_init(&text, mem, sizeof(mem));
	if (display.n && display.p[0] == '"') {
		if (!unquote(display, &text))
			return;
		display = buf_str(&text);
	} else if (display.n &&
		   (memchr(display.p, '"', display.n) || memchr(display.p, '\\', display.n))) {
		return;
	}
	if (!display.n || !text_is_clean(display, DISPLAY_MAX))
		return;
	buf_lit(b, "\"");
	for (size_t i = 0; i < display.n; i++) {
		if (display.p[i] == '"' || display.p[i] == '\\')
			buf_lit(b, "\\");
		buf_add(b, &display.p[i], 1);
	}
	buf_lit(b, "\" ");
}
