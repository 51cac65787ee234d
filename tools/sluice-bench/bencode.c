/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "bencode.h"

#define DEPTH_MAX 16

void bencode_str(struct buf *b, struct str s)
{
	buf_u64(b, s.n);
	buf_lit(b, ":");
	buf_put(b, s);
}

void bencode_pair(struct buf *b, const char *key, struct str value)
{
	bencode_str(b, str_of(key));
	bencode_str(b, value);
}

void bencode_list(struct buf *b, const char *key, const char *const *values)
{
	bencode_str(b, str_of(key));
	buf_lit(b, "l");
	for (; *values; values++)
		bencode_str(b, str_of(*values));
	buf_lit(b, "e");
}

static int take_string(struct str *in, struct str *out)
{
	size_t n = 0, i = 0;
	while (i < in->n && in->p[i] >= '0' && in->p[i] <= '9' && n <= in->n)
		n = 10 * n + (size_t)(in->p[i++] - '0');
	if (!i || i >= in->n || in->p[i] != ':' || n > in->n - i - 1)
		return -EBADMSG;
	*out = (struct str){ in->p + i + 1, n };
	in->p += i + 1 + n;
	in->n -= i + 1 + n;
	return 0;
}

static int skip_integer(struct str *in)
{
	const char *end = memchr(in->p, 'e', in->n);
	if (!end)
		return -EBADMSG;
	in->n -= (size_t)(end + 1 - in->p);
	in->p = end + 1;
	return 0;
}

/* Takes one whole value off, however deep, without recursion. */
static int skip(struct str *in)
{
	struct str s;
	int depth = 0;
	do {
		if (!in->n)
			return -EBADMSG;
		char c = *in->p;
		int err = 0;
		if (c == 'd' || c == 'l' || c == 'e') {
			depth += c == 'e' ? -1 : 1;
			in->p++;
			in->n--;
		} else {
			err = c == 'i' ? skip_integer(in) : take_string(in, &s);
		}
		if (err || depth < 0 || depth > DEPTH_MAX)
			return -EBADMSG;
	} while (depth);
	return 0;
}

int bencode_find(struct str d, const char *key, struct str *value)
{
	struct str name;
	if (!d.n || *d.p != 'd')
		return -EBADMSG;
	d.p++;
	d.n--;
	while (d.n && *d.p != 'e') {
		if (take_string(&d, &name))
			return -EBADMSG;
		if (str_eq(name, str_of(key)))
			return take_string(&d, value);
		if (skip(&d))
			return -EBADMSG;
	}
	return d.n ? -ENOENT : -EBADMSG;
}
