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
	struct result *result;
	size_t n;
};

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

/* All that can be had now. False: lost. */
static bool take(struct run *r)
{
	struct result *to;
	char *msg = NULL, pad[SIP_PAD];

	for (;;) {
		to = &r->result[r->n];
		memset(to, 0, sizeof(*to)); /* they are compared as memory */
		to->got = frame_next(r->f, &msg, &to->len, &to->error);
		if (to->got == FRAME_MORE)
			return true;
		r->n++;
		check(r->n <= r->size + 1);
		if (to->got == FRAME_PING)
			continue;
		while (r->at < r->size && (r->data[r->at] == '\r' || r->data[r->at] == '\n'))
			r->at++;
		to->at = r->at;
		check(to->len <= SIP_STREAM_MAX && to->len <= r->size - r->at);
		check(memcmp(msg, r->data + r->at, to->len) == 0);
		memcpy(pad, msg + to->len, SIP_PAD); /* it can be read */
		if (to->got == FRAME_LOST)
			return false;
		r->at += to->len;
		agree(msg, to->len);
		memset(msg, '\n', to->len);
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
	r->result = malloc((size + 2) * sizeof(*r->result));
	check(r->f && r->result);
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
			check(!frame_room(r->f, &room) && !take(r));
			r->n--;
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
	feed(&whole, in, size - 2, 0);
	feed(&cut, in, size - 2, max);
	check(whole.n == cut.n &&
	      memcmp(whole.result, cut.result, whole.n * sizeof(whole.result[0])) == 0);
	free(whole.result);
	free(cut.result);
	return 0;
}
