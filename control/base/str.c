/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "base/str.h"

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

bool str_caseeq(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		unsigned char x = (unsigned char)a.p[i], y = (unsigned char)b.p[i];

		if (x != y && lower(x) != lower(y))
			return false;
	}
	return true;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq((struct str){ s.p, prefix.n }, prefix);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	while (s.n && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_token(struct str *rest, char sep, struct str *token)
{
	const char *end;

	if (!rest->n)
		return false;
	end = memchr(rest->p, sep, rest->n);
	if (!end) {
		*token = *rest;
		*rest = (struct str){ rest->p + rest->n, 0 };
		return true;
	}
	*token = (struct str){ rest->p, (size_t)(end - rest->p) };
	rest->n -= token->n + 1;
	rest->p = end + 1;
	return true;
}

bool str_line(struct str *rest, struct str *line)
{
	if (!str_token(rest, '\n', line))
		return false;
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

static bool all_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

int str_u64(struct str s, uint64_t *out)
{
	uint64_t v = 0;

	if (!all_digits(s))
		return -EINVAL;
	if (s.n > 20)
		return -ERANGE;
	for (size_t i = 0; i < s.n; i++)
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return -ERANGE;
	*out = v;
	return 0;
}

int str_u32(struct str s, uint32_t max, uint32_t *out)
{
	uint64_t v;
	int rc = str_u64(s, &v);

	if (rc)
		return rc;
	if (s.n > 10 || v > max)
		return -ERANGE;
	*out = (uint32_t)v;
	return 0;
}
