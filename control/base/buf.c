/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "base/buf.h"

void buf_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	for (; v > UINT32_MAX; v /= 10)
		digits[--at] = (char)('0' + v % 10);
	for (uint32_t small = (uint32_t)v; small || at == sizeof(digits); small /= 10)
		digits[--at] = (char)('0' + small % 10);
	buf_add(b, digits + at, sizeof(digits) - at);
}

void buf_hex(struct buf *b, const void *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	const unsigned char *in = p;

	if (b->full || (b->cap - b->n) / 2 < n) {
		b->full = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		b->p[b->n++] = digit[in[i] >> 4];
		b->p[b->n++] = digit[in[i] & 15];
	}
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	size_t room = b->cap - b->n;
	va_list ap;
	int n;

	if (b->full)
		return;
	va_start(ap, fmt);
	n = vsnprintf(room ? b->p + b->n : NULL, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room) {
		b->full = true;
		return;
	}
	b->n += (size_t)n;
}
