/* SPDX-License-Identifier: Apache-2.0 */
/* Messages with faults, the same on every run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "diff.h"

struct rng {
	uint64_t state;
};

static uint64_t next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static size_t below(struct rng *r, size_t n)
{
	return n ? (size_t)(next(r) % n) : 0;
}

int corpus_add(struct corpus *c, const char *path)
{
	char mem[DATAGRAM_MAX];
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(mem, 1, sizeof(mem), f) : 0;
	char *copy = n ? malloc(n) : NULL;

	if (f)
		fclose(f);
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 64;
		struct str *text = realloc(c->text, cap * sizeof(*text));

		if (text) {
			c->text = text;
			c->cap = cap;
		}
	}
	if (!copy || c->n == c->cap) {
		free(copy);
		return -1;
	}
	memcpy(copy, mem, n);
	c->text[c->n++] = (struct str){ copy, n };
	return 0;
}

void corpus_free(struct corpus *c)
{
	for (size_t i = 0; i < c->n; i++)
		free((char *)(uintptr_t)c->text[i].p);
	free(c->text);
}

/* The message under work. */
struct text {
	char *p;
	size_t n;
};

/* Puts `s` in the place of `cut` octets at `at`. */
static void splice(struct text *t, size_t at, size_t cut, struct str s)
{
	if (at > t->n || cut > t->n - at || t->n - cut + s.n > DATAGRAM_MAX)
		return;
	memmove(t->p + at + s.n, t->p + at + cut, t->n - at - cut);
	if (s.n)
		memcpy(t->p + at, s.p, s.n);
	t->n = t->n - cut + s.n;
}

/* Where the header ends: faults in bodies find nothing. */
static size_t header_len(const struct text *t)
{
	const char *end = memmem(t->p, t->n, "\r\n\r\n", 4);

	return end ? (size_t)(end - t->p) + 4 : t->n;
}

/* A line of the header, with its CRLF. */
static struct str line(const struct text *t, struct rng *r)
{
	size_t end = header_len(t), at = below(r, end);
	const char *from = at ? memrchr(t->p, '\n', at) : NULL, *to;

	from = from ? from + 1 : t->p;
	to = memchr(from, '\n', (size_t)(t->p + t->n - from));
	return (struct str){ from, (size_t)((to ? to + 1 : t->p + t->n) - from) };
}

static void change_octet(struct text *t, struct rng *r)
{
	static const char odd[] = " \t\r\n,;:<>\"\\@%?&=/()[]{}*+-.'`~!#$^|\0\x01\x7f\xc3\xff"
				  "0123456789aAzZ";
	char c = odd[below(r, sizeof(odd) - 1)];
	size_t at = below(r, header_len(t));

	switch (below(r, 3)) {
	case 0:
		splice(t, at, 1, (struct str){ &c, 1 });
		break;
	case 1:
		splice(t, at, 0, (struct str){ &c, 1 });
		break;
	default:
		splice(t, at, 1, STR_NONE);
	}
}

static void change_lines(struct text *t, struct rng *r)
{
	char copy[DATAGRAM_MAX];
	struct str l = line(t, r), other = line(t, r);
	size_t at = (size_t)(l.p - t->p), to = (size_t)(other.p - t->p);

	if (l.n > 0)
		memcpy(copy, l.p, l.n);
	switch (below(r, 3)) {
	case 0: /* twice */
		splice(t, to, 0, (struct str){ copy, l.n });
		break;
	case 1: /* elsewhere */
		splice(t, at, l.n, STR_NONE);
		splice(t, to > at ? to - l.n : to, 0, (struct str){ copy, l.n });
		break;
	default:
		splice(t, at, l.n, STR_NONE);
	}
}

/* Something well-formed by itself, where it may not belong. */
static void insert_phrase(struct text *t, struct rng *r)
{
	static const char *const phrases[] = {
		";tag=x",
		";tag=",
		"<sip:a@b>",
		"sip:a@b;p=1",
		"\"a,b\" ",
		"\"",
		"*",
		", ",
		";;",
		"?Route=x",
		"@",
		"%00",
		"%zz",
		"[2001:db8::1]",
		"[::",
		":65536",
		":0",
		"SIP/2.0",
		"SIP/3.0",
		"INVITE",
		"\r\n ",
		"\r\n\t",
		"\r\n\r\n",
		"\r\n",
		"\\\"",
		";branch=",
		";rport",
		";received=::1",
		"tel:+1",
		"mailto:a@b",
		";lr",
		";x=\"a;b\"",
		"Digest a=b, c",
		"\r\nl: 0",
		"\r\ni: x",
		"\r\nf: <a:b>",
		"\r\nX: y",
		"\r\nTo: sip:b",
		"\r\nCSeq: 2 BYE",
		"\xc3\xa4",
	};
	const char *s = phrases[below(r, sizeof(phrases) / sizeof(phrases[0]))];

	splice(t, below(r, header_len(t)), 0, str_of(s));
}

/* A number of the header becomes another one. */
static void change_number(struct text *t, struct rng *r)
{
	static const char *const numbers[] = { "",           "0",          "00000000000000000001",
					       "-1",         "1",          "255",
					       "256",        "65535",      "65536",
					       "2147483647", "2147483648", "4294967295",
					       "4294967296", "4294967297", "18446744073709551617",
					       "1.5",        "1e3",        "0x10" };
	size_t end = header_len(t), at = below(r, end), n = 0;

	while (at < end && (t->p[at] < '0' || t->p[at] > '9'))
		at++;
	while (at + n < end && t->p[at + n] >= '0' && t->p[at + n] <= '9')
		n++;
	splice(t, at, n, str_of(numbers[below(r, sizeof(numbers) / sizeof(numbers[0]))]));
}

/* White space, or a fold, where there is some, or before and behind a separator. */
static void change_space(struct text *t, struct rng *r)
{
	static const char *const spaces[] = { "", " ", "  ", "\t", "\r\n ", "\r\n\t" };
	size_t end = header_len(t), at = below(r, end);

	while (at < end && !strchr(" ;,:=<>/", t->p[at]))
		at++;
	splice(t, at + below(r, 2), at < end && t->p[at] == ' ',
	       str_of(spaces[below(r, sizeof(spaces) / sizeof(spaces[0]))]));
}

static void change_case(struct text *t, struct rng *r)
{
	struct str l = line(t, r);

	for (size_t i = 0; i < l.n && l.p[i] != ':'; i++) {
		char *c = t->p + (l.p - t->p) + i;

		if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z'))
			*c ^= 0x20;
	}
}

static void cut(struct text *t, struct rng *r)
{
	t->n = below(r, t->n + 1);
}

struct str generate(const struct corpus *c, uint64_t i, char out[DATAGRAM_MAX])
{
	static void (*const change[])(struct text *, struct rng *) = {
		change_octet,  change_octet,  change_octet, change_lines, insert_phrase,
		insert_phrase, change_number, change_space, change_space, change_case,
	};
	struct rng r = { i * 0x2545f4914f6cdd1d };
	struct str base = c->text[below(&r, c->n)];
	struct text t = { out, base.n };

	memcpy(out, base.p, base.n);
	for (size_t n = 1 + below(&r, 3); n; n--)
		change[below(&r, sizeof(change) / sizeof(change[0]))](&t, &r);
	if (below(&r, 50) == 0)
		cut(&t, &r);
	return (struct str){ out, t.n };
}
