/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include "base/test.h"
#include "sip/frame.h"

#define START "INVITE sip:a@b SIP/2.0\r\n"

/* What came out, as text: "M<octets>" a message, "P" a ping, "L<octets>,<error>" lost, "." more. */
struct seen {
	struct frame *f;
	char text[512], *msg;
	size_t n, len;
	int error;
};

static void note(struct seen *s, const char *what, size_t len, int error)
{
	int n = snprintf(s->text + s->n, sizeof(s->text) - s->n, what, len, error);

	assert_true(n > 0 && (size_t)n < sizeof(s->text) - s->n);
	s->n += (size_t)n;
}

static enum frame_got next(struct seen *s)
{
	enum frame_got got = frame_next(s->f, &s->msg, &s->len, &s->error);

	if (got == FRAME_MESSAGE)
		note(s, "M%zu ", s->len, 0);
	else if (got == FRAME_PING)
		note(s, "P ", 0, 0);
	else if (got == FRAME_LOST)
		note(s, "L%zu,%d", s->len, -s->error);
	return got;
}

/* Everything of `data`, in pieces of at most `piece` octets. */
static enum frame_got feed(struct seen *s, struct str data, size_t piece)
{
	enum frame_got got = FRAME_MORE;

	while (data.n && got != FRAME_LOST) {
		size_t room, n = data.n < piece ? data.n : piece;
		char *to = frame_room(s->f, &room);

		assert_non_null(to);
		assert_true(room > 0);
		if (n > room)
			n = room;
		memcpy(to, data.p, n);
		frame_filled(s->f, n);
		data = (struct str){ data.p + n, data.n - n };
		while ((got = next(s)) == FRAME_MESSAGE || got == FRAME_PING)
			;
	}
	return got;
}

static void is_in_pieces(struct str data, const char *want, size_t piece)
{
	struct seen s = { .f = frame_new() };

	assert_non_null(s.f);
	feed(&s, data, piece);
	assert_string_equal(s.text, want);
	if (strchr(want, 'L')) {
		size_t room;

		assert_null(frame_room(s.f, &room));
		assert_int_equal(next(&s), FRAME_LOST);
	}
	frame_free(s.f);
}

/* The same, however it is cut. */
static void is(struct str data, const char *want)
{
	static const size_t pieces[] = { SIZE_MAX, 1, 2, 3, 7, 64, 1000 };

	for (unsigned i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		is_in_pieces(data, want, pieces[i]);
}

#define assert_frames(text, want) is(STR(text), want)

static void whole(void **state)
{
	assert_frames(START "Content-Length: 0\r\n\r\n", "M45 ");
	assert_frames(START "Content-Length: 3\r\n\r\nabc", "M48 ");
	assert_frames(START "Content-Length: 3\r\n\r\nab", "");
	assert_frames(START "Content-Length: 3\r\n\r", "");
	assert_frames(START "Content-Length: 1\r\n\r\nx" START "l: 2\r\n\r\nxy", "M46 M34 ");
	assert_frames("", "");
}

static void ways_to_write_it(void **state)
{
	assert_frames(START "l:3\r\n\r\nabc", "M34 ");
	assert_frames(START "L:3\r\nX: y\r\n\r\nabc", "M40 ");
	assert_frames(START "Content-Length :\t3 \r\n\r\nabc", "M50 ");
	assert_frames(START "cONTENT-lENGTH\t : 0003\t \r\n\r\nabc", "M55 ");
	assert_frames(START "Content-Length:\r\n 3\r\n\r\nabc", "M50 ");
	assert_frames(START "l: \r\n \r\n\t 3 \r\n \r\nX: 9\r\n\r\nabc", "M52 ");
	/* Not this field: its name in another's value, as a fold, as a prefix, behind a lone LF. */
	assert_frames(START "X: Content-Length: 9\r\nl: 0\r\n\r\n", "M54 ");
	assert_frames(START "X: y\r\n Content-Length: 9\r\nl: 0\r\n\r\n", "M58 ");
	assert_frames(START " l: 9\r\nl: 0\r\n\r\n", "M39 ");
	assert_frames(START "Content-Lengthy: 9\r\nla: 9\r\nl: 0\r\n\r\n", "M59 ");
	assert_frames(START "X: \nl: 9\r\nl: 0\r\n\r\n", "M42 ");
	/* The start line is no header. */
	assert_frames("l: 9\r\nl: 0\r\n\r\n", "M14 ");
}

static void repeated(void **state)
{
	assert_frames(START "l: 1\r\nContent-Length: 01\r\n\r\nx", "M53 ");
	assert_frames(START "l: 1\r\nl: 2\r\n\r\nxx", "L38,9");
	assert_frames(START "l: 1\r\nl: z\r\nl: 1\r\n\r\nx", "L44,9");
	assert_frames(START "l: 1, 1\r\n\r\nx", "L35,9");
}

static void unreadable(void **state)
{
	assert_int_equal(SIP_E_LENGTH, 9);
	assert_int_equal(SIP_E_TOO_LARGE, 8);
	assert_frames(START "X: y\r\n\r\nabc", "L32,9");
	assert_frames(START "l:\r\n\r\nabc", "L30,9");
	assert_frames(START "l: -1\r\n\r\nabc", "L33,9");
	assert_frames(START "l: +1\r\n\r\nabc", "L33,9");
	assert_frames(START "l: 0x1\r\n\r\nabc", "L34,9");
	assert_frames(START "l: 1 1\r\n\r\nabc", "L34,9");
	assert_frames(START "l: 1\r\n 1\r\n\r\nabc", "L36,9");
	assert_frames(START "l: 1\r\r\n\r\nabc", "L33,9");
	assert_frames(START "l: 1;x=y\r\n\r\nabc", "L36,9");
	assert_frames("\x16\x03\x01 not this\r\n\r\n", "L16,9");
}

static void beyond_numbers(void **state)
{
	assert_frames(START "l: 4294967301\r\n\r\nabcde", "L41,8");           /* 2^32 + 5 */
	assert_frames(START "l: 18446744073709551621\r\n\r\nabcde", "L51,8"); /* 2^64 + 5 */
	assert_frames(START "l: 65503\r\n\r\n", "L36,8");
	assert_frames(START "l: 65500\r\n\r\n", "");
}

static void line_ends_between(void **state)
{
	assert_frames("\r\n" START "l: 0\r\n\r\n\r\n" START "l: 0\r\n\r\n", "M32 M32 ");
	assert_frames("\r\n\r\n", "P ");
	assert_frames("\r\n\r", "");
	assert_frames("\r\n\r\n\r\n\r\n" START "l: 0\r\n\r\n\r\n\r\n", "P P M32 P ");
	assert_frames("\r\r\n\r\n", "P ");
	assert_frames("\n\n\r\r\r\n", "");
	/* Two answers with a message between them are no question. */
	assert_frames("\r\n" START "l: 0\r\n\r\n\r\n", "M32 ");
}

/* `n` octets: start line, headers and the empty line. */
static size_t long_head(char *mem, size_t n)
{
	size_t at = (size_t)snprintf(mem, n, START "l: 0\r\n");

	while (n - at > 2) {
		size_t line = n - at - 2 < 1000 ? n - at - 2 : n - at - 2 < 1500 ? 500 : 1000;

		memset(mem + at, 'x', line);
		memcpy(mem + at + line - 2, "\r\n", 2);
		at += line;
	}
	memcpy(mem + at, "\r\n", 2);
	return n;
}

static void large(void **state)
{
	char *mem = malloc(2 * SIP_STREAM_MAX);
	size_t n;

	assert_non_null(mem);
	n = long_head(mem, 16384);
	is((struct str){ mem, n }, "M16384 ");
	n = long_head(mem, 16385);
	is((struct str){ mem, n }, "L16384,8");
	memset(mem, 'x', 20000);
	is((struct str){ mem, 20000 }, "L16384,8");
	/* The largest message, with others around it. */
	memset(mem, 'x', 2 * SIP_STREAM_MAX);
	memcpy(mem, START "l: 1\r\n\r\nx" START "l: 65500\r\n\r\n", 33 + 36);
	memcpy(mem + 33 + 65536, START "l: 0\r\n\r\n", 32);
	is((struct str){ mem, 33 + 65536 + 32 }, "M33 M65536 M32 ");
	free(mem);
}

static void contents(void **state)
{
	static const char text[] = START "l: 4\r\n\r\nabcd" START "l: 2\r\n\r\n";
	struct seen s = { .f = frame_new() };
	char *msg;
	size_t len;

	assert_int_equal(frame_pending(s.f), 0);
	assert_int_equal(feed(&s, (struct str){ text, 36 }, 5), FRAME_MORE);
	assert_int_equal(frame_pending(s.f), 0);
	assert_int_equal(feed(&s, (struct str){ text + 36, 20 }, 20), FRAME_MORE);
	assert_int_equal(frame_pending(s.f), 20);
	assert_false(frame_partial(s.f, &msg, &len));
	assert_int_equal(feed(&s, STR("SIP/2.0\r\nl: 2\r\n\r\n1"), 20), FRAME_MORE);
	assert_true(frame_partial(s.f, &msg, &len));
	assert_int_equal(len, 38);
	assert_memory_equal(msg, START, 20);
	assert_memory_equal(msg + 20, "SIP/2.0\r\nl: 2\r\n\r\n1", 18);
	assert_int_equal(frame_pending(s.f), 38);
	{
		size_t room;
		char *to = frame_room(s.f, &room);

		memcpy(to, "2\r\nX", 4);
		frame_filled(s.f, 4);
	}
	assert_int_equal(next(&s), FRAME_MESSAGE);
	assert_int_equal(s.len, 39);
	assert_memory_equal(s.msg + 36, "\n12", 3);
	memset(s.msg, 0, s.len); /* it is the user's */
	assert_int_equal(frame_pending(s.f), 0);
	assert_int_equal(next(&s), FRAME_MORE);
	assert_int_equal(frame_pending(s.f), 1);
	frame_free(s.f);
}

/* What was looked at once is not looked at again: it can be overwritten. */
static void once(void **state)
{
	static const char first[] = START "Content-Length: 3\r\nA: b\r\nX: ";
	struct seen s = { .f = frame_new() };
	size_t room;
	char *at = frame_room(s.f, &room);

	memcpy(at, first, sizeof(first) - 1);
	frame_filled(s.f, sizeof(first) - 1);
	assert_int_equal(next(&s), FRAME_MORE);
	memset(at, '\n', sizeof(first) - 1);
	feed(&s, STR("y\r\n\r\nabc"), 1);
	assert_string_equal(s.text, "M60 ");
	frame_free(s.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),          cmocka_unit_test(ways_to_write_it),
		cmocka_unit_test(repeated),       cmocka_unit_test(unreadable),
		cmocka_unit_test(beyond_numbers), cmocka_unit_test(line_ends_between),
		cmocka_unit_test(large),          cmocka_unit_test(contents),
		cmocka_unit_test(once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
