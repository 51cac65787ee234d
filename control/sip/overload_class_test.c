/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include "base/test.h"
#include "sip/overload_priv.h"

static void scan(const char *text, struct overload_scan *s)
{
	size_t n = strlen(text);
	char *mem = malloc(n + SIP_PAD), *id;

	memcpy(mem, text, n);
	memset(mem + n, '\n', SIP_PAD); /* what stands behind is not part of it */
	overload_scan(mem, n, true, s);
	id = malloc(s->call_id.n + 1); /* outlives mem, for the test only */
	memcpy(id, s->call_id.n ? s->call_id.p : "", s->call_id.n);
	s->call_id.p = id;
	assert_int_equal(s->class, overload_class_of(NULL, mem, n));
	free(mem);
}

static enum overload_class class_of(const char *text)
{
	struct overload_scan s;

	scan(text, &s);
	free((char *)s.call_id.p);
	return s.class;
}

static enum overload_class with_to(const char *method, const char *to)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "%s sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bK1\r\n"
		 "From: <sip:a@b>;tag=1\r\n%s\r\nCall-ID: 1\r\nCSeq: 1 %s\r\n\r\n"
		 "To: <sip:c@d>;tag=body\r\n",
		 method, to, method);
	return class_of(text);
}

static void methods(void **state)
{
	static const struct {
		const char *method;
		enum overload_class out, in;
	} rows[] = {
		{ "INVITE", OVERLOAD_CALL, OVERLOAD_DIALOG },
		{ "OPTIONS", OVERLOAD_KEEPALIVE, OVERLOAD_DIALOG },
		{ "REGISTER", OVERLOAD_KEEPALIVE, OVERLOAD_DIALOG },
		{ "ACK", OVERLOAD_DIALOG, OVERLOAD_DIALOG },
		{ "BYE", OVERLOAD_DIALOG, OVERLOAD_DIALOG },
		{ "CANCEL", OVERLOAD_DIALOG, OVERLOAD_DIALOG },
		{ "PRACK", OVERLOAD_DIALOG, OVERLOAD_DIALOG },
		{ "UPDATE", OVERLOAD_REST, OVERLOAD_DIALOG },
		{ "INFO", OVERLOAD_REST, OVERLOAD_DIALOG },
		{ "SUBSCRIBE", OVERLOAD_REST, OVERLOAD_DIALOG },
		{ "NOTIFY", OVERLOAD_REST, OVERLOAD_DIALOG },
		{ "REFER", OVERLOAD_REST, OVERLOAD_DIALOG },
		{ "MESSAGE", OVERLOAD_REST, OVERLOAD_DIALOG },
		{ "PUBLISH", OVERLOAD_REST, OVERLOAD_DIALOG },
		{ "invite", OVERLOAD_REST, OVERLOAD_DIALOG }, /* case counts */
		{ "INVITES", OVERLOAD_REST, OVERLOAD_DIALOG },
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(with_to(rows[i].method, "To: <sip:c@d>"), rows[i].out);
		assert_int_equal(with_to(rows[i].method, "To: <sip:c@d>;tag=x"), rows[i].in);
	}
	assert_int_equal(class_of("SIP/2.0 100 Trying\r\nTo: <sip:a@b>\r\n\r\n"), OVERLOAD_DIALOG);
	assert_int_equal(class_of("\r\n\r\nsip/2.0 200 OK\r\n\r\n"), OVERLOAD_DIALOG);
}

static void in_a_dialog(void **state)
{
	static const char *const to[] = {
		"To: <sip:c@d>;tag=x",
		"t:<sip:c@d>;tag=x",
		"T : <sip:c@d> ; TAG = x",
		"tO\t:\tsip:c@d;Tag=x",
		"To: \"a;b<c>\\\"\" <sip:c@d;x=y>;a=\"q;>\";tag=x",
		"To:\r\n <sip:c@d>\r\n\t;tag\r\n =\r\n x",
		"To\r\n :\r\n <sip:c@d>;tag=x",
		"t\r\n\t: <sip:c@d>;tag=x\r\n ",
		"To: <sip:c@d>;a=b;c;tag=x;d=\">\"",
		"To: <sip:c@d>;tag=x\r\nTo: <sip:c@d>", /* the parser reads the first, too */
		"Subject: x\r\n To: <sip:c@d>\r\nTo: <sip:c@d>;tag=x",
		"Topic: <sip:c@d>\r\nTo: <sip:c@d>;tag=x",
		"Timestamp: 5\r\nt: <sip:c@d>;tag=x",
	};
	for (unsigned i = 0; i < sizeof(to) / sizeof(to[0]); i++)
		if (with_to("INVITE", to[i]) != OVERLOAD_DIALOG)
			fail_msg("%s", to[i]);
}

static void a_new_call(void **state)
{
	static const char *const to[] = {
		"To: <sip:c@d>",
		"t: sip:c@d",
		"To: \";tag=x\" <sip:c@d;tag=x>",
		"To: <sip:c@d>;xtag=x;tagx=y;a=\";tag=z\"",
		"To: <sip:c@d>\r\n ;a=b",
		"To: sip:c@d;user=phone",
		"Subject: x\r\n To: <sip:c@d>;tag=x\r\nTo: <sip:c@d>",
		"Topic: <sip:c@d>;tag=x\r\nTo: <sip:c@d>",
	};
	for (unsigned i = 0; i < sizeof(to) / sizeof(to[0]); i++)
		if (with_to("INVITE", to[i]) != OVERLOAD_CALL)
			fail_msg("%s", to[i]);
}

/* Nothing that the core would take for either, and nothing behind the end is read. */
static void neither(void **state)
{
	static const char *const text[] = {
		"",
		"\r\n",
		"I",
		"INVITE",
		"INVITE ",
		"INVITE sip:x SIP/2.0",
		"INVITE sip:x SIP/2.0\r\n",
		"INVITE sip:x SIP/2.0\r\n\r\n",
		"INVITE sip:x SIP/2.0\r\nTo",
		"INVITE sip:x SIP/2.0\r\nTo:",
		"INVITE sip:x SIP/2.0\r\nTo: \r\n\r\n",
		"INVITE sip:x SIP/2.0\r\nTo: <sip:c@d>;tag\r\n\r\n",
		"INVITE sip:x SIP/2.0\r\n\r\nTo: <sip:c@d>",
		"SIP",
	};
	for (unsigned i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		if (class_of(text[i]) == OVERLOAD_CALL)
			fail_msg("%u", i);
}

static void call_ids(void **state)
{
	static const char *const line[] = {
		"Call-ID: a-1@b",          "i:a-1@b",
		"CALL-id \t:\t a-1@b \t ", "I\r\n :\r\n\ta-1@b\r\n ",
		"call-ID:\r\n a-1@b",
	};
	char text[512];

	for (unsigned i = 0; i < sizeof(line) / sizeof(line[0]); i++) {
		struct overload_scan s;

		snprintf(text, sizeof(text),
			 "INVITE tel:112 SIP/2.0\r\nContent-Type: x\r\nCallback: 7\r\n%s\r\nTo: "
			 "<sip:c@d>\r\n\r\n",
			 line[i]);
		scan(text, &s);
		assert_str(s.call_id, "a-1@b");
		assert_int_equal(s.class, OVERLOAD_CALL);
		assert_int_equal(s.ruri.n, 7);
		free((char *)s.call_id.p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(methods),    cmocka_unit_test(in_a_dialog),
		cmocka_unit_test(a_new_call), cmocka_unit_test(neither),
		cmocka_unit_test(call_ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
