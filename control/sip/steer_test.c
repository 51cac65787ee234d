/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/world_test.h"

#define TAG "aaaaaaaaaaaaaaaaaaaa"

static unsigned steer(const char *text, unsigned n)
{
	size_t len = strlen(text);
	char *mem = malloc(len); /* exactly: the sanitizer sees a step too far */
	unsigned shard;

	memcpy(mem, text, len);
	shard = sip_steer(mem, len, n);
	free(mem);
	return shard;
}

static void by_branch(void **state)
{
	assert_int_equal(steer("SIP/2.0 200 OK\r\nTo: <sip:a@b>;tag=01" TAG "\r\n"
			       "Via: SIP/2.0/UDP 1.2.3.4;rport;branch=z9hG4bK03" TAG "\r\n\r\n",
			       4),
			 3);
	assert_int_equal(steer("\r\n\r\nSIP/2.0 200 OK\r\nv:SIP/2.0/UDP 1.2.3.4\r\n ; branch =\r\n"
			       "\tz9hG4bK02" TAG ";x=y\r\n\r\n",
			       4),
			 2);
	/* Only the topmost counts, and only where it can be ours. */
	assert_int_equal(steer("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bKx\r\n"
			       "Via: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bK02" TAG "\r\n\r\n",
			       4),
			 0);
	assert_int_equal(steer("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bK09" TAG
			       "\r\n\r\n",
			       4),
			 0);
}

static void by_tag(void **state)
{
	static const char *const to[] = {
		"To: <sip:a@b>;tag=03" TAG,
		"t : \"x;tag=01" TAG "\\\"\" <sip:a@b;tag=01" TAG "> ; x ; TAG = 03" TAG,
		"TO:sip:a@b;q=\";tag=01" TAG "\";tag=03" TAG ";tag=01" TAG,
		"To: <sip:a@b>\r\n ;tag=03" TAG,
	};
	char text[512];

	for (unsigned i = 0; i < 4; i++) {
		snprintf(text, sizeof(text),
			 "BYE sip:x SIP/2.0\r\nCall-ID: 1\r\n%s\r\nFrom: <sip:c@d>;tag=02" TAG
			 "\r\n\r\n",
			 to[i]);
		assert_int_equal(steer(text, 4), 3);
	}
}

static void by_call_id(void **state)
{
	unsigned seen[4] = { 0 };
	char text[512];

	for (unsigned i = 0; i < 400; i++) {
		unsigned a, b, c;

		snprintf(text, sizeof(text),
			 "INVITE sip:x SIP/2.0\r\nTo: <sip:a@b>\r\nCall-ID: %u@host\r\n\r\n", i);
		a = steer(text, 4);
		snprintf(text, sizeof(text),
			 "CANCEL sip:x SIP/2.0\r\ni:\r\n %u@host \r\nt: <sip:a@b>\r\n\r\nTo: "
			 "<sip:a@b>;"
			 "tag=01" TAG "\r\n",
			 i);
		b = steer(text, 4);
		snprintf(text, sizeof(text),
			 "ACK sip:x SIP/2.0\nCall-ID: %u@host\nTo: <sip:a@b>;tag=other", i);
		c = steer(text, 4);
		assert_int_equal(a, b);
		assert_int_equal(a, c);
		seen[a]++;
	}
	for (unsigned i = 0; i < 4; i++)
		assert_true(seen[i] > 50);
	assert_int_equal(steer("INVITE sip:x SIP/2.0\r\n\r\n", 4), 0);
	assert_int_equal(steer("", 4), 0);
	assert_int_equal(steer("\r\n", 4), 0);
	assert_int_equal(steer("INVITE", 4), 0);
	assert_int_equal(steer("INVITE sip:x SIP/2.0\r\nCall-ID: 7\r\n\r\n", 1), 0);
}

/* To where the dialog is that it is in place of (RFC 3891), and only where nothing else says more. */
static void by_replaces(void **state)
{
#define REPLACES(head, replaces) head "\r\nCall-ID: 1\r\n" replaces "\r\n\r\n"
#define INVITE                   "INVITE sip:x SIP/2.0\r\nTo: <sip:a@b>"
	static const char *const there[] = {
		REPLACES(INVITE, "Replaces: 7;to-tag=03" TAG ";from-tag=01" TAG),
		REPLACES(INVITE,
			 "REPLACES : a<\"b@c ; from-tag=01" TAG ";To-Tag = 03" TAG ";early-only"),
		REPLACES(INVITE, "Replaces: 7;from-tag=01" TAG "\r\n\t;to-tag=03" TAG),
		/* A tag of another world leaves it to Replaces. */
		REPLACES(INVITE ";tag=x", "Replaces: 7;to-tag=03" TAG ";from-tag=y"),
	};
	static const char *const not_there[] = {
		REPLACES(INVITE, ""),
		REPLACES(INVITE, "Replaces: 7;from-tag=03" TAG ";to-tag=x"),
		REPLACES(INVITE, "Replaces: 7;to-tag=09" TAG ";from-tag=x"),
		REPLACES(INVITE, "Replaces: 7"),
		REPLACES(INVITE, "Replaces:"),
		/* "r" is Refer-To. */
		REPLACES(INVITE, "r: <sip:x>;to-tag=03" TAG),
		REPLACES(INVITE, "X: y\r\n\r\nReplaces: 7;to-tag=03" TAG ";from-tag=x"),
		REPLACES("SUBSCRIBE sip:x SIP/2.0\r\nTo: <sip:a@b>",
			 "Replaces: 7;to-tag=03" TAG ";from-tag=x"),
	};
	unsigned plain = steer(not_there[0], 4);

	assert_int_not_equal(plain, 3); /* so that it tells the two apart */
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++)
		assert_int_equal(steer(there[i], 4), 3);
	for (size_t i = 0; i < sizeof(not_there) / sizeof(not_there[0]); i++)
		assert_int_equal(steer(not_there[i], 4), plain);
	/* In a dialog it is the dialog that counts, wherever its line stands. */
	assert_int_equal(
		steer(REPLACES(INVITE ";tag=02" TAG, "Replaces: 7;to-tag=03" TAG ";from-tag=x"), 4),
		2);
	assert_int_equal(steer("INVITE sip:x SIP/2.0\r\nReplaces: 7;to-tag=03" TAG
			       ";from-tag=x\r\nCall-ID: 1\r\nTo: <sip:a@b>;tag=02" TAG "\r\n\r\n",
			       4),
			 2);
}

/* All that two cores of shards 2 say to each other leads back to shard 2, but for what has no tag
 * yet. */
static void own_names(void **state)
{
	struct world *a, *b;
	unsigned checked = 0, home;

	world_pair(&a, &b);
	call(a);
	home = sip_steer(a->sent[0].text, a->sent[0].len, 4);
	advance(a, 10);
	reply(b, 180, "");
	reply(b, 200, "sdp");
	advance(a, 10);
	invite_ack(a->inv, STR_NONE, STR_NONE);
	advance(a, 10);
	invite_reinvite(b->inv, STR_NONE, STR_NONE, STR_NONE);
	advance(a, 10);
	reply(a, 488, "");
	advance(a, 10);
	invite_end(b->inv, 0, STR_NONE);
	advance(a, 10);
	for (unsigned i = 1; i < a->n_sent; i++, checked++)
		assert_int_equal(sip_steer(a->sent[i].text, a->sent[i].len, 4), 2);
	for (unsigned i = 0; i < b->n_sent; i++, checked++)
		assert_int_equal(sip_steer(b->sent[i].text, b->sent[i].len, 4), 2);
	assert_true(checked > 8);
	/* A refusal and its ACK, by the tag of the refusal. */
	call(a);
	assert_int_equal(sip_steer(a->sent[a->n_sent - 1].text, a->sent[a->n_sent - 1].len, 4) < 4,
			 1);
	advance(a, 10);
	reply(b, 486, "");
	advance(a, 10);
	assert_true(sent_is(a, -1, "ACK"));
	assert_int_equal(sip_steer(a->sent[a->n_sent - 1].text, a->sent[a->n_sent - 1].len, 4), 2);
	assert_true(home < 4);
	world_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_branch),  cmocka_unit_test(by_tag),
		cmocka_unit_test(by_call_id), cmocka_unit_test(by_replaces),
		cmocka_unit_test(own_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
