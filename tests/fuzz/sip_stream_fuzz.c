/* SPDX-License-Identifier: Apache-2.0 */
/* A stream: the first two octets say how it is cut, the rest is what arrives. However it is cut, the same comes out
 * as in one piece, in order, and the parser agrees about where each message ends. */
#include <stdlib.h>
#include <string.h>
#include "sip/frame.h"

struct result {
	enum frame_got got;
	size_t at, len; /* of a message: where in the input */
	int error;
};

struct run {
	struct frame *f;
	const char *data;
	size_t size, at; /* of the input: all, and up to where its messages were found */
	size_t n;        /* results so far, */
	uint64_t digest; /* and what they were */
};

#define PIECES 256 /* a long input is cut into no more, as the rest would show nothing new */

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void agree(const char *msg, size_t len)
{
	char *copy = malloc(len + SIP_PAD);
	struct sip_msg m;

	check(copy != NULL);
	memcpy(copy, msg, len);
	memset(copy + len, 'x', SIP_PAD);
	if (sip_msg_parse(&m, copy, len) == 0)
		check(m.len == len && m.buf + len == m.body.p + m.body.n);
	free(copy);
}

static void note(struct run *r, const struct result *x)
{
	const uint64_t words[] = { x->got, x->at, x->len, (uint64_t)x->error };

	r->n++;
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		r->digest = (r->digest ^ words[i]) * 0x100000001b3;
}

/* All that can be had now. False: lost. */
static bool take(struct run *r)
{
	char *msg = NULL, pad[SIP_PAD];

	for (;;) {
		struct result x = { 0 };

		x.got = frame_next(r->f, &msg, &x.len, &x.error);
		if (x.got == FRAME_MORE)
			return true;
		check(r->n <= r->size + 1);
		while (x.got != FRAME_PING && r->at < r->size &&
		       (r->data[r->at] == '\r' || r->data[r->at] == '\n'))
			r->at++;
		x.at = x.got == FRAME_PING ? 0 : r->at;
		note(r, &x);
		if (x.got == FRAME_PING)
			continue;
		check(x.len <= SIP_STREAM_MAX && x.len <= r->size - r->at);
		check(memcmp(msg, r->data + r->at, x.len) == 0);
		memcpy(pad, msg + x.len, SIP_PAD); /* it can be read */
		if (x.got == FRAME_LOST)
			return false;
		r->at += x.len;
		agree(msg, x.len);
		memset(msg, '\n', x.len);
	}
}

static uint32_t step(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 16;
}

/* Pieces of 1..max octets; 0: all in one, as far as there is room. */
static void feed(struct run *r, const char *data, size_t size, uint32_t max)
{
	uint32_t random = max;
	size_t n, room;

	r->f = frame_new();
	r->data = data;
	r->size = size;
	check(r->f != NULL);
	for (size_t at = 0; at < size; at += n) {
		char *to = frame_room(r->f, &room), *part;
		size_t len;
		bool whole;

		check(to && room);
		n = size - at;
		if (max && n > max)
			n = 1 + step(&random) % max;
		if (n > room)
			n = room;
		memcpy(to, data + at, n);
		frame_filled(r->f, n);
		whole = take(r);
		check(frame_pending(r->f) <= SIP_STREAM_MAX);
		if (frame_partial(r->f, &part, &len))
			check(len == frame_pending(r->f));
		if (!whole) {
			check(!frame_room(r->f, &room) && !take(r)); /* and so it stays */
			break;
		}
	}
	frame_free(r->f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run whole = { 0 }, cut = { 0 };
	const char *in = (const char *)data + 2;
	uint32_t max;

	if (size < 2)
		return 0;
	max = 1 + (data[0] | (data[1] & 7u) << 8);
	if (max < 2 * size / PIECES)
		max = (uint32_t)(2 * size / PIECES);
	feed(&whole, in, size - 2, 0);
	feed(&cut, in, size - 2, max);
	check(whole.n == cut.n && whole.digest == cut.digest);
	return 0;
}
