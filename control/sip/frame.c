/* SPDX-License-Identifier: Apache-2.0 */
/* A line ends at CRLF, as for the parser; a lone CR or LF is an octet like others and its line is the parser's to
 * refuse. So both always agree where the headers end and which line is Content-Length. */
#include "sip/frame.h"
#include <stdlib.h>
#include "sip/scan_priv.h"

#define HEAD_MAX 16384 /* start line and header fields, with the empty line */
#ifndef ROOM_MIN       /* smaller where short inputs shall fill it, in tests/fuzz */
#define ROOM_MIN  4096u
#define ROOM_STEP 4 /* ROOM_MIN << ROOM_STEP is SIP_STREAM_MAX */
#endif

_Static_assert(ROOM_MIN << ROOM_STEP == SIP_STREAM_MAX, "the largest message fits the buffer");

enum frame_state {
	BETWEEN, /* messages: only line ends stand here */
	START_LINE,
	HEADERS,
	BODY,
	TAKEN, /* a whole message was handed out */
	LOST
};

/* Offsets are of `buf`, which is there only while something is in it. */
struct frame {
	char *buf;
	uint32_t cap, n; /* of buf: octets it may hold, octets in it */
	uint32_t at;     /* where the message begins */
	uint32_t scan;   /* up to here it has been looked at */
	uint32_t line;   /* where the line in hand begins */
	uint32_t value;  /* the value of the Content-Length in hand begins; 0: none is */
	uint32_t len;    /* BODY, TAKEN, LOST: of the message */
	uint32_t length; /* value of Content-Length, cut at SIP_STREAM_MAX + 1 */
	uint8_t state;   /* enum frame_state */
	uint8_t crlf;    /* octets of CRLFCRLF seen between messages */
	uint8_t step;    /* how much to read at once: ROOM_MIN << step */
	uint8_t error; /* enum sip_error: of Content-Length while there are HEADERS, then of LOST */
	bool has_length;
};

struct frame *frame_new(void)
{
	return calloc(1, sizeof(struct frame));
}

void frame_free(struct frame *f)
{
	if (f)
		free(f->buf);
	free(f);
}

/* ---- the buffer ---- */

static void release(struct frame *f)
{
	free(f->buf);
	f->buf = NULL;
	f->cap = f->n = f->at = 0;
}

/* What was handed out before is gone from the front. */
static void move_down(struct frame *f)
{
	memmove(f->buf, f->buf + f->at, f->n - f->at);
	f->n -= f->at;
	f->scan -= f->at;
	f->line -= f->at;
	if (f->value)
		f->value -= f->at;
	f->at = 0;
}

static bool grow(struct frame *f)
{
	uint32_t cap = f->cap ? f->cap * 2 : ROOM_MIN << f->step;
	char *buf = realloc(f->buf, cap + SIP_PAD);

	if (!buf)
		return false;
	f->buf = buf;
	f->cap = cap;
	return true;
}

/* Doubling, and moving down only what fills less than half: each octet is moved a constant number of
 * times. */
char *frame_room(struct frame *f, size_t *room)
{
	if (f->state == LOST || f->state == TAKEN)
		return NULL;
	if (f->n == f->cap && f->at > f->cap / 2)
		move_down(f);
	if (f->n == f->cap && f->cap == SIP_STREAM_MAX && f->at)
		move_down(f);
	if (f->n == f->cap && (f->cap == SIP_STREAM_MAX || !grow(f)))
		return NULL;
	*room = f->cap - f->n;
	return f->buf + f->n;
}

void frame_filled(struct frame *f, size_t n)
{
	/* A connection that fills what it gets has more to say. */
	if (n == f->cap - f->n && f->step < ROOM_STEP)
		f->step++;
	else if (n < (f->cap - f->n) / 4 && f->step)
		f->step--;
	f->n += (uint32_t)n;
}

/* ---- Content-Length ---- */

/* Over white space and line ends; those inside a value are folds. */
static const char *skip_folds(const char *p, const char *e)
{
	for (;;) {
		p = sip_skip_ws(p, e);
		if (e - p < 2 || p[0] != '\r' || p[1] != '\n')
			return p;
		p += 2;
	}
}

/* Digits and nothing else, any number of them. */
static bool read_number(const char *p, const char *e, uint32_t *out)
{
	const char *first = p = skip_folds(p, e);

	for (*out = 0; p < e && sip_is_digit(*p); p++) {
		*out = *out * 10 + (uint8_t)(*p - '0');
		if (*out > SIP_STREAM_MAX)
			*out = SIP_STREAM_MAX + 1;
	}
	return p > first && skip_folds(p, e) == e;
}

/* The field whose value began at f->value ended before the line at f->line. */
static void end_of_field(struct frame *f)
{
	uint32_t length;

	if (!f->value)
		return;
	if (!read_number(f->buf + f->value, f->buf + f->line, &length) ||
	    (f->has_length && length != f->length))
		f->error = SIP_E_LENGTH;
	f->has_length = true;
	f->length = length;
	f->value = 0;
}

/* "Content-Length" or "l", white space, ":" at the line [p, e)? Then *value is behind it. */
static bool is_length(const char *p, const char *e, const char **value)
{
	static const char name[] = "content-length";

	if (e - p > (ptrdiff_t)sizeof(name) - 1 &&
	    sip_is_word(sip_slice(p, p + sizeof(name) - 1), name, sizeof(name) - 1))
		p += sizeof(name) - 1;
	else if ((*p | 0x20) == 'l')
		p++;
	else
		return false;
	p = sip_skip_ws(p, e);
	*value = p + 1;
	return p < e && *p == ':';
}

/* ---- lines ---- */

static enum frame_got lost(struct frame *f, enum sip_error why, uint32_t len)
{
	f->state = LOST;
	f->error = (uint8_t)why;
	f->len = len;
	return FRAME_LOST;
}

/* The empty line was read. */
static void end_of_headers(struct frame *f)
{
	uint32_t head = f->scan - f->at;

	if (f->error || !f->has_length) {
		lost(f, SIP_E_LENGTH, head);
	} else if (f->length > SIP_STREAM_MAX - head) {
		lost(f, SIP_E_TOO_LARGE, head);
	} else {
		f->state = BODY;
		f->len = head + f->length;
	}
}

/* A line from f->line to the CR at `cr`, and not empty. */
static void one_line(struct frame *f, const char *cr)
{
	const char *p = f->buf + f->line, *value;

	if (f->state == START_LINE) {
		f->state = HEADERS;
	} else if (!sip_is_ws(*p)) {
		end_of_field(f);
		if (is_length(p, cr, &value))
			f->value = (uint32_t)(value - f->buf);
	}
	f->line = f->scan;
}

static void head(struct frame *f)
{
	uint32_t limit = f->n - f->at < HEAD_MAX ? f->n : f->at + HEAD_MAX;

	while (f->state == START_LINE || f->state == HEADERS) {
		const char *lf = sip_scan_chr(f->buf + f->scan, f->buf + limit, '\n');

		f->scan = (uint32_t)(lf - f->buf);
		if (f->scan == limit) {
			if (limit - f->at == HEAD_MAX)
				lost(f, SIP_E_TOO_LARGE, HEAD_MAX);
			return;
		}
		f->scan++;
		if (f->scan - f->line < 2 || lf[-1] != '\r')
			continue;
		if (f->scan - f->line > 2) {
			one_line(f, lf - 1);
		} else {
			end_of_field(f);
			end_of_headers(f);
		}
	}
}

/* RFC 5626 4.4.1: CRLFCRLF asks, CRLF answers; both stand only between messages. True: it was asked. */
static bool between(struct frame *f)
{
	for (; f->at < f->n; f->at++) {
		char c = f->buf[f->at];

		if (c != '\r' && c != '\n') {
			f->state = START_LINE;
			f->scan = f->line = f->at;
			f->has_length = false;
			f->crlf = f->error = 0;
			return false;
		}
		if (c == (f->crlf % 2 ? '\n' : '\r'))
			f->crlf++;
		else
			f->crlf = c == '\r';
		if (f->crlf == 4) {
			f->crlf = 0;
			f->at++;
			return true;
		}
	}
	release(f);
	return false;
}

enum frame_got frame_next(struct frame *f, char **msg, size_t *len, int *error)
{
	if (f->state == TAKEN) {
		f->at += f->len;
		f->state = BETWEEN;
	}
	if (f->state == BETWEEN && between(f))
		return FRAME_PING;
	head(f);
	if (f->state == BODY && f->n - f->at >= f->len)
		f->state = TAKEN;
	if (f->state != TAKEN && f->state != LOST)
		return FRAME_MORE;
	*msg = f->buf + f->at;
	*len = f->len;
	*error = f->state == LOST ? -f->error : 0;
	return f->state == LOST ? FRAME_LOST : FRAME_MESSAGE;
}

size_t frame_pending(const struct frame *f)
{
	return f->state == BETWEEN || f->state == TAKEN ? 0 : f->n - f->at;
}

bool frame_partial(struct frame *f, char **msg, size_t *len)
{
	if (f->state != BODY)
		return false;
	*msg = f->buf + f->at;
	*len = f->n - f->at;
	return true;
}
