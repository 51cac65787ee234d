/* SPDX-License-Identifier: Apache-2.0 */
/* The program in the kernel, on a real socket of loopback. Where it may not be loaded there is nothing to
 * test. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/test.h"
#include "sip/shed.h"

struct wire {
	struct shed *shed;
	int in, out;
	struct addr from;
	struct sockaddr_in to;
};

static int open_wire(void **state)
{
	struct wire *w = calloc(1, sizeof(*w));
	socklen_t len = sizeof(w->to);

	*state = w;
	w->in = w->out = -1;
	w->shed = shed_new(6, NULL);
	if (!w->shed)
		return 0;
	w->in = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	w->out = socket(AF_INET, SOCK_DGRAM, 0);
	w->to = (struct sockaddr_in){ .sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (bind(w->in, (struct sockaddr *)&w->to, sizeof(w->to)) < 0 ||
	    getsockname(w->in, (struct sockaddr *)&w->to, &len) < 0)
		return -1;
	addr_parse(STR("127.0.0.1"), &w->from);
	shed_set_time(w->shed, 1000);
	return shed_attach(w->shed, w->in);
}

static int close_wire(void **state)
{
	struct wire *w = *state;

	close(w->in);
	close(w->out);
	shed_free(w->shed);
	free(w);
	return 0;
}

/* Does it come through? */
static bool passes(struct wire *w, const char *text)
{
	size_t n = strlen(text);
	char mem[2048];

	if (sendto(w->out, text, n, 0, (struct sockaddr *)&w->to, sizeof(w->to)) != (ssize_t)n)
		fail();
	return recv(w->in, mem, sizeof(mem), 0) == (ssize_t)n;
}

static const char *invite(const char *ruri, const char *to, const char *call_id)
{
	static char mem[1500];

	snprintf(mem, sizeof(mem),
		 "INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds\r\n"
		 "Max-Forwards: 70\r\nFrom: \"Alice\" <sip:a@b>;tag=1928301774\r\n%s\r\n%s\r\n"
		 "CSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.1>\r\nContent-Length: 0\r\n\r\n",
		 ruri, to, call_id);
	return mem;
}

static const char *call(unsigned n)
{
	char id[64];

	snprintf(id, sizeof(id), "Call-ID: %08x-call@192.0.2.1", n * 2654435761u);
	return invite("sip:+49301234567@192.0.2.9", "To: <sip:+49301234567@192.0.2.9>", id);
}

static void only_of_limited_sources(void **state)
{
	struct wire *w = *state;
	uint64_t first, again;

	if (!w->shed)
		skip();
	assert_true(passes(w, call(1)));
	assert_true(shed_limit(w->shed, &w->from, 0));
	assert_false(passes(w, call(1)));
	assert_false(passes(w, call(2)));
	assert_false(passes(w, call(2)));
	shed_dropped(w->shed, &w->from, &first, &again);
	assert_int_equal(first, 2);
	assert_int_equal(again, 1);
	shed_forget(w->shed, &w->from);
	assert_true(passes(w, call(2)));
}

/* Whole calls: the part that is let in is the one that user space lets in. */
static void the_same_calls_as_user_space(void **state)
{
	struct wire *w = *state;
	unsigned in = 0;

	if (!w->shed)
		skip();
	shed_limit(w->shed, &w->from, 300);
	for (unsigned n = 0; n < 1000; n++) {
		uint64_t h = shed_seed(w->shed);
		char id[64];

		snprintf(id, sizeof(id), "%08x-call@192.0.2.1", n * 2654435761u);
		for (const char *p = id; *p; p++)
			h = shed_hash_octet(h, (uint8_t)*p);
		h = shed_hash_end(h);
		assert_int_equal(passes(w, call(n)), shed_part(h) < 300);
		assert_int_equal(shed_holds(&shed_marks(w->shed)[shed_bucket(h)], h, 1000),
				 shed_part(h) >= 300);
		in += shed_part(h) < 300;
	}
	assert_in_range(in, 240, 360);
}

/* Who was turned away stays so while he repeats himself, also when others are let in again. */
static void repetitions(void **state)
{
	struct wire *w = *state;

	if (!w->shed)
		skip();
	shed_limit(w->shed, &w->from, 0);
	assert_false(passes(w, call(7)));
	shed_limit(w->shed, &w->from, SHED_PERMILLE);
	assert_true(passes(w, call(8)));
	assert_false(passes(w, call(7)));
	shed_set_time(w->shed, 1032);
	assert_false(passes(w, call(7)));
	shed_set_time(w->shed, 1033);
	assert_true(passes(w, call(7)));
}

#define RURI "sip:+49301234567@192.0.2.9"
#define TO   "To: <sip:+49301234567@192.0.2.9>"
#define ID   "Call-ID: 1@b"

/* What might be in a dialog, an emergency or anything else than a new call is not for this program. */
static void beyond_doubt(void **state)
{
	static const char *const sure[][3] = {
		{ RURI, TO, ID },
		{ "sip:0301234@192.0.2.9;user=phone", TO, ID },
		{ RURI, "TO: sip:x@y", "cALL-id:1@b" },
		{ RURI, "to:<sip:x@y>;a=b", "Call-ID:\t 1@b \t" },
		{ RURI, ID, TO },
		{ RURI, TO "\r\nTopic: x\r\nContent-Type: a/b\r\nIn-Reply-To: x", ID },
	};
	static const char *const doubt[][3] = {
		{ RURI, TO ";tag=1", ID },
		{ RURI, TO ";TAG=1", ID },
		{ RURI, TO "\r\n ;tag=1", ID },
		{ RURI, "t: <sip:x@y>;tag=1", ID },
		{ RURI, "t:<sip:x@y>", ID },
		{ RURI, "t : <sip:x@y>", ID },
		{ RURI, "To : <sip:x@y>", ID },
		{ RURI, "To\r\n : <sip:x@y>", ID },
		{ RURI, TO, "i: 1@b" },
		{ RURI, TO, "i:1@b" },
		{ RURI, TO, "Call-ID : 1@b" },
		{ RURI, TO, "Call-ID:\r\n 1@b" },
		{ RURI, TO, "Subject: x\r\n To: y" },
		{ RURI, "Subject: folded\r\n  here\r\n" TO, ID },
		{ RURI, TO "\r\n" TO ";tag=1", ID },
		{ RURI, "Subject: x", ID },
		{ "sip:112@192.0.2.9", TO, ID },
		{ "sip:+49112@192.0.2.9", TO, ID },
		{ "sip:%31%31%32000000@192.0.2.9", TO, ID },
		{ "sip:0301-234567@192.0.2.9", TO, ID },
		{ "sip:alice@192.0.2.9", TO, ID },
		{ "tel:+49301234567", TO, ID },
		{ "urn:service:sos", TO, ID },
	};
	struct wire *w = *state;

	if (!w->shed)
		skip();
	shed_limit(w->shed, &w->from, 0);
	for (unsigned i = 0; i < sizeof(sure) / sizeof(sure[0]); i++)
		if (passes(w, invite(sure[i][0], sure[i][1], sure[i][2])))
			fail_msg("%s is not dropped: %u", sure[i][1], i);
	for (unsigned i = 0; i < sizeof(doubt) / sizeof(doubt[0]); i++)
		if (!passes(w, invite(doubt[i][0], doubt[i][1], doubt[i][2])))
			fail_msg("%s is dropped: %u", doubt[i][1], i);
	assert_true(passes(w,
			   "BYE sip:x SIP/2.0\r\nTo: <sip:+49301234567@192.0.2.9>\r\n"
			   "Call-ID: 1@b\r\nCSeq: 2 BYE\r\nVia: x\r\nFrom: yyyyyyyyyyyy\r\n\r\n"));
	assert_true(passes(w,
			   "SIP/2.0 200 OK\r\nTo: <sip:+49301234567@192.0.2.9>\r\n"
			   "Call-ID: 1@b\r\nCSeq: 2 BYE\r\nVia: x\r\nFrom: yyyyyyyyyyyy\r\n\r\n"));
	assert_true(passes(w, "INVITE"));
	assert_true(passes(w, "\r\n\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_of_limited_sources, open_wire, close_wire),
		cmocka_unit_test_setup_teardown(the_same_calls_as_user_space, open_wire,
						close_wire),
		cmocka_unit_test_setup_teardown(repetitions, open_wire, close_wire),
		cmocka_unit_test_setup_teardown(beyond_doubt, open_wire, close_wire),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
