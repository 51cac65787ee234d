/* SPDX-License-Identifier: Apache-2.0 */
/* A stream: the first two octets say how it is cut, the rest is what arrives. However it is cut, the same comes out
 * as in one piece, in order, and the parser agrees about where each message ends. */
#include <stdlib.h>
#include <string.h>

/* A buffer that short inputs fill, so that it grows and is moved down within a few hundred octets. */
#define ROOM_MIN  64u
#define ROOM_STEP 10
#include "sip/frame.c"

/* Coverage of this file would only tell how many pieces there were. */
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)

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
	char *copy; /* room for a message and its pad, at the very end of it; NULL: they are not parsed */
};

/* What stands before `from` comes in one piece, then come small ones, then all the rest. Where they are is the
 * input's choice, so each place is cut by some input and none costs much. */
struct cuts {
	size_t from;
	unsigned n;
	uint32_t max; /* octets of one */
};

#define PIECES 16

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* Behind the copy nothing may be read, so that the sanitizer sees one octet more than the pad. */
static void agree(const struct run *r, const char *msg, size_t len)
{
	char *copy = r->copy + r->size - len;
	struct sip_msg m;

	memcpy(copy, msg, len);
	memset(copy + len, 'x', SIP_PAD);
	if (sip_msg_parse(&m, copy, len) == 0)
		check(m.len == len && m.buf + len == m.body.p + m.body.n);
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
		if (r->copy)
			agree(r, msg, x.len);
		memset(msg, '\n', x.len);
	}
}

static uint32_t step(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 16;
}

static size_t piece(struct cuts *c, uint32_t *random, size_t at)
{
	if (at < c->from)
		return c->from - at;
	if (c->n == 0)
		return SIZE_MAX;
	c->n--;
	return 1 + step(random) % c->max;
}

static void feed(struct run *r, struct cuts cuts)
{
	uint32_t random = cuts.max;
	size_t n, room;

	r->f = frame_new();
	check(r->f != NULL);
	for (size_t at = 0; at < r->size; at += n) {
		char *to = frame_room(r->f, &room), *part;
		size_t len;
		bool whole;

		check(to && room);
		n = piece(&cuts, &random, at);
		if (n > r->size - at)
			n = r->size - at;
		if (n > room)
			n = room;
		memcpy(to, r->data + at, n);
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

#pragma clang attribute pop

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run whole, cut;

	if (size < 2)
		return 0;
	cut = whole = (struct run){ .data = (const char *)data + 2, .size = size - 2 };
	/* What comes out in pieces is the same octets: the parser sees them once. */
	whole.copy = malloc(whole.size + SIP_PAD);
	check(whole.copy != NULL);
	feed(&whole, (struct cuts){ 0 });
	free(whole.copy);
	feed(&cut, (struct cuts){ whole.size * data[1] / 256, PIECES, 1u + data[0] });
	check(whole.n == cut.n && whole.digest == cut.digest);
	return 0;
}
