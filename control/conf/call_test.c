/* SPDX-License-Identifier: Apache-2.0 */
/* What a trunk says of what happens inside its calls. */
#include <stdio.h>
#include "conf/conf_test.h"

/* A trunk with these options. */
static struct conf *with(const char *options)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 HEAD "trunks:\n"
		      "  a: { on: out, profile: static, host: 203.0.113.20, %s }\n"
		      "  b: { on: in, profile: pbx, host: 10.0.0.2 }\n"
		      "calls: [ { from: a, to: b } ]\n",
		 options);
	return parse(text);
}

static void every_option_is_taken(void **state)
{
	struct conf *c = with(
		"100rel: require, session-expires: 90s, session-min: 90s, session-refresher: them, "
		"late-offer: false, early-media: false, transfer: pass, redirect: refuse, "
		"max-duration: 12h, codecs-first: [PCMA, opus, G726-32], codecs-drop: [G729, x_y], "
		"ptime: 30ms, streams: [text, audio], multicast: true, dtmf: info-dtmf, "
		"failures: [{ status: 503, becomes: 480 }, { cause: 34, becomes: 503 }, "
		"{ status: 699, cause: 127, becomes: 699 }]");
	const struct conf_trunk *t = c->trunks;

	assert_int_equal(t->rel, CONF_EXTENSION_REQUIRE);
	assert_int_equal(t->session_expires_s, 90);
	assert_int_equal(t->session_min_s, 90);
	assert_int_equal(t->session_refresher, CONF_REFRESHER_THEM);
	assert_false(t->late_offer);
	assert_false(t->early_media);
	assert_int_equal(t->transfer, CONF_FOLLOW_PASS);
	assert_int_equal(t->redirect, CONF_FOLLOW_REFUSE);
	assert_int_equal(t->max_duration_s, 43200);
	assert_string_equal(t->codecs_first[0], "PCMA");
	assert_string_equal(t->codecs_first[1], "opus");
	assert_string_equal(t->codecs_first[2], "G726-32");
	assert_null(t->codecs_first[3]);
	assert_string_equal(t->codecs_drop[0], "G729");
	assert_string_equal(t->codecs_drop[1], "x_y");
	assert_null(t->codecs_drop[2]);
	assert_int_equal(t->ptime_ms, 30);
	assert_int_equal(t->streams, CONF_STREAM_AUDIO | CONF_STREAM_TEXT);
	assert_true(t->multicast);
	assert_int_equal(t->dtmf, CONF_DTMF_INFO_PLAIN);
	assert_int_equal(t->n_failures, 3);
	assert_int_equal(t->failures[0].status, 503);
	assert_int_equal(t->failures[0].cause, 0);
	assert_int_equal(t->failures[0].becomes, 480);
	assert_int_equal(t->failures[1].status, 0);
	assert_int_equal(t->failures[1].cause, 34);
	assert_int_equal(t->failures[1].becomes, 503);
	assert_int_equal(t->failures[2].status, 699);
	assert_int_equal(t->failures[2].cause, 127);
	assert_int_equal(t->failures[2].becomes, 699);
	/* the other trunk has its own */
	assert_int_equal(t[1].rel, CONF_EXTENSION_SUPPORT);
	assert_int_equal(t[1].streams, 15);
	assert_int_equal(t[1].n_failures, 0);
	conf_put(c);
}

static void each_word_is_its_own(void **state)
{
	struct conf *c = with("100rel: never, session-refresher: us, transfer: refuse, "
			      "redirect: pass, dtmf: info, streams: [video, fax]");
	const struct conf_trunk *t = c->trunks;

	assert_int_equal(t->rel, CONF_EXTENSION_NEVER);
	assert_int_equal(t->session_refresher, CONF_REFRESHER_US);
	assert_int_equal(t->transfer, CONF_FOLLOW_REFUSE);
	assert_int_equal(t->redirect, CONF_FOLLOW_PASS);
	assert_int_equal(t->dtmf, CONF_DTMF_INFO);
	assert_int_equal(t->streams, CONF_STREAM_VIDEO | CONF_STREAM_FAX);
	conf_put(c);
	c = with("100rel: support, session-refresher: any, transfer: here, redirect: follow, "
		 "dtmf: rtp, failures: [], codecs-drop: []");
	t = c->trunks;
	assert_int_equal(t->rel, CONF_EXTENSION_SUPPORT);
	assert_int_equal(t->session_refresher, CONF_REFRESHER_ANY);
	assert_int_equal(t->transfer, CONF_FOLLOW_HERE);
	assert_int_equal(t->redirect, CONF_FOLLOW_HERE);
	assert_int_equal(t->dtmf, CONF_DTMF_RTP);
	assert_int_equal(t->n_failures, 0);
	assert_null(t->codecs_drop[0]);
	conf_put(c);
}

/* Without a session timer its minimum is nobody's. */
static void no_session_timer(void **state)
{
	struct conf *c = with("session-expires: 0s, session-min: 1h, max-duration: 0s, ptime: 0ms");

	assert_int_equal(c->trunks[0].session_expires_s, 0);
	assert_int_equal(c->trunks[0].session_min_s, 3600);
	conf_put(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_is_taken),
		cmocka_unit_test(each_word_is_its_own),
		cmocka_unit_test(no_session_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
