/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing of one side reaches the other but what is on the list. Every field of a rich description,
 * one after the other, is replaced by a token (a word, and a number), and so is every gap between
 * two lines by a line that holds it: wherever the description is still understood, the token may
 * not come out, except from where it may. */
#include "media/world.h"

#define WORD   "zq7Xk"
#define NUMBER "48611"

static const char rich[] =
	"v=0\r\n"
	"o=alice 2890844526 2890844527 IN IP4 10.0.0.20\r\n"
	"s=phone call\r\n"
	"i=about something\r\n"
	"u=http://www.example.com/x\r\n"
	"e=alice@example.com (Alice)\r\n"
	"p=+44 20 7946\r\n"
	"c=IN IP4 10.0.0.20\r\n"
	"b=CT:1000\r\n"
	"t=2873397496 2873404696\r\n"
	"r=7d 1h 0 25h\r\n"
	"z=2882844526 1h\r\n"
	"k=clear:secret\r\n"
	"a=tool:agent 1.0\r\n"
	"a=group:BUNDLE first second\r\n"
	"a=ice-lite\r\n"
	"a=msid-semantic: WMS stream\r\n"
	"a=extmap-allow-mixed\r\n"
	"m=audio 4000 RTP/AVP 8 0 96 101\r\n"
	"i=title\r\n"
	"c=IN IP4 10.0.0.21\r\n"
	"b=AS:64\r\n"
	"b=X-OWN:64\r\n"
	"k=prompt\r\n"
	"a=rtpmap:8 PCMA/8000\r\n"
	"a=rtpmap:96 opus/48000/2\r\n"
	"a=fmtp:96 useinbandfec=1;minptime=10\r\n"
	"a=rtpmap:101 telephone-event/8000\r\n"
	"a=fmtp:101 0-15\r\n"
	"a=ptime:20\r\n"
	"a=maxptime:40\r\n"
	"a=rtcp:4001 IN IP4 10.0.0.21\r\n"
	"a=candidate:1 1 UDP 2130706431 10.0.0.22 4000 typ host generation 0\r\n"
	"a=candidate:2 1 UDP 16 198.51.100.7 9999 typ srflx raddr 10.0.0.22 rport 4000\r\n"
	"a=ice-ufrag:8hhY\r\n"
	"a=ice-pwd:asd88fgpdd777uzjYhagZg\r\n"
	"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n"
	"a=fingerprint:sha-1 4A:AD:B9:B1:3F\r\n"
	"a=setup:actpass\r\n"
	"a=ssrc:12345 cname:user@host\r\n"
	"a=mid:first\r\n"
	"a=label:main\r\n"
	"a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
	"a=X-unknown:value of it\r\n"
	"a=X-flag\r\n"
	"a=sendrecv\r\n"
	"m=video 4002 RTP/AVPF 97\r\n"
	"a=rtpmap:97 H264/90000\r\n"
	"a=fmtp:97 profile-level-id=42e01f\r\n"
	"a=rtcp-fb:97 nack pli\r\n"
	"a=rtcp-fb:* x-vendor thing\r\n"
	"a=content:main\r\n"
	"m=image 4004 udptl t38\r\n"
	"a=T38FaxVersion:0\r\n"
	"a=T38FaxUdpEC:t38UDPRedundancy\r\n"
	"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
	"a=sctp-port:5000\r\n"
	"m=message 2855 TCP/MSRP *\r\n"
	"a=path:msrp://alice.example.com:2855/s111;tcp\r\n";

static const char plain_b[] =
	B_HEAD B_AUDIO "m=video 6002 RTP/AVPF 97\r\na=rtpmap:97 H264/90000\r\n";
static const char plain_a[] =
	A_HEAD "m=audio 4000 RTP/AVP 8 0 96 101\r\na=rtpmap:96 opus/48000/2\r\n" EVENTS
	       "m=video 4002 RTP/AVPF 97\r\na=rtpmap:97 H264/90000\r\n"
	       "m=image 4004 udptl t38\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
	       "m=message 2855 TCP/MSRP *\r\n";

static bool is_delimiter(char c)
{
	return strchr(" =:/;\r\n", c) != NULL;
}

/* Line begins at the last LF before `at`. */
static const char *line_at(const char *text, const char *at)
{
	while (at > text && at[-1] != '\n')
		at--;
	return at;
}

static bool starts(const char *p, const char *prefix)
{
	return !strncmp(p, prefix, strlen(prefix));
}

/* The list of what may pass: codecs and their parameters, and how much they need. */
static bool may_pass(const char *line, bool number)
{
	if (starts(line, "a=rtpmap:") || starts(line, "a=fmtp:"))
		return true;
	return number &&
	       (starts(line, "b=AS") || starts(line, "b=X-OWN") || starts(line, "a=T38FaxVersion"));
}

struct count {
	unsigned tried, understood, passed;
};

static int feed(struct world *w, bool as_answer, const char *text)
{
	if (!as_answer)
		return offer(w, 0, text);
	assert_int_equal(offer(w, 0, plain_a), 0);
	return answer(w, 1, text);
}

static void check(struct world *w, bool as_answer, const char *text, const char *token, bool may,
		  struct count *n)
{
	n->tried++;
	if (feed(w, as_answer, text) == 0) {
		n->understood++;
		const char *found = strstr(w->text, token);
		n->passed += found != NULL;
		if (found && !may)
			fail_msg("%s comes out:\n%s\nof:\n%s", token, w->text, text);
		if (strstr(w->text, "10.0.0.2") || strstr(w->text, "203.0.9."))
			fail_msg("an address comes out: %s", w->text);
	}
	assert_int_equal(media_ports_audit(w->ms), 0);
	media_reject(w->m);
	run(w, 1);
}

static void rename_hosts(char *text)
{
	for (char *p; (p = strstr(text, "10.0.0.2"));)
		memcpy(p, "203.0.9.", 8);
}

static void plant(struct world *w, bool as_answer, const char *base, const char *token,
		  struct count *n)
{
	char text[8192];

	for (const char *p = base; *p;) {
		size_t len = 0;
		while (p[len] && !is_delimiter(p[len]))
			len++;
		if (!len) {
			p++;
			continue;
		}
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(p - base), base, token, p + len);
		check(w, as_answer, text, token, may_pass(line_at(base, p), token[0] == '4'), n);
		p += len;
	}
}

static void plant_lines(struct world *w, bool as_answer, const char *base, struct count *n)
{
	static const char *const form[] = { WORD,
					    "a=" WORD,
					    "a=" WORD ":x",
					    "a=x:" WORD,
					    "x=" WORD,
					    "i=" WORD,
					    "a=rtcp-fb:* " WORD,
					    "b=" WORD ":1",
					    "a=fmtp:8 \"" WORD "\"",
					    "a=ptime:" WORD,
					    "a=rtpmap:0 " WORD "\x01/8000",
					    "a=mid:" WORD };
	char text[8192];

	for (const char *p = strchr(base, '\n') + 1; *p; p = strchr(p, '\n') + 1) {
		for (size_t i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
			snprintf(text, sizeof(text), "%.*s%s\r\n%s", (int)(p - base), base, form[i],
				 p);
			check(w, as_answer, text, WORD, false, n);
		}
	}
}

static void run_all(struct world *w, bool as_answer)
{
	struct count n = { 0 };
	char *base = strdup(rich);

	if (as_answer)
		rename_hosts(base);
	plant(w, as_answer, base, WORD, &n);
	plant(w, as_answer, base, NUMBER, &n);
	plant_lines(w, as_answer, base, &n);
	free(base);
	/* The test itself works: most is understood, and what may pass does. */
	assert_true(n.tried > 700);
	assert_true(n.understood > n.tried * 2 / 3);
	assert_in_range(n.passed, 5, 40);
}

static void offers_leak_nothing(void **state)
{
	run_all(*state, false);
}

static void answers_leak_nothing(void **state)
{
	run_all(*state, true);
}

/* What A called its streams is told to A alone, and the answer holds none of B's words. */
static void whole_exchanges_leak_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(offer(w, 0, rich), 0);
	assert_int_equal(line_of(w, 0)->n_formats, 4);
	assert_int_equal(answer(w, 1, plain_b), 0);
	assert_null(strstr(w->text, "bob"));
	assert_null(strstr(w->text, "other"));
	assert_null(strstr(w->text, "203.0.113"));
	assert_non_null(strstr(w->text, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(offers_leak_nothing),
		T(answers_leak_nothing),
		T(whole_exchanges_leak_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
