/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy/policy.h"

static struct conf_network network = { .name = "outside", .sip_port = 5060 };
static struct conf_trunk carrier = { .name = "carrier",
				     .on = &network,
				     .profile = CONF_PROFILE_STATIC,
				     .host = { .ip = { 192, 0, 2, 5 }, .port = 5060, .family = 4 },
				     .host_name = "192.0.2.5",
				     .domain = "sip.carrier.example",
				     .max_calls = 2,
				     .index = 0 };
static struct conf_trunk pbx = { .name = "pbx",
				 .on = &network,
				 .profile = CONF_PROFILE_PBX,
				 .host = { .ip = { 10, 0, 0, 20 }, .port = 5080, .family = 4 },
				 .host_name = "10.0.0.20",
				 .host_port = 5080,
				 .domain = "10.0.0.20",
				 .max_calls = 100,
				 .index = 1 };

struct parsed {
	char mem[8192 + SIP_PAD];
	struct sip_msg m;
	struct sip_core core;
};

/* An INVITE with these lines of its own; the usual From and To where they have none. */
static void parse(struct parsed *p, const char *ruri, const char *lines)
{
	int n = snprintf(p->mem, sizeof(p->mem) - SIP_PAD,
			 "INVITE %s SIP/2.0\r\n"
			 "Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKx\r\n"
			 "Max-Forwards: 70\r\n%s%s%s"
			 "Call-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
			 ruri, strstr(lines, "From:") ? "" : "From: <sip:1@10.9.9.9>;tag=a\r\n",
			 strstr(lines, "To:") ? "" : "To: <sip:2@10.9.9.9>\r\n", lines);

	assert_int_equal(sip_msg_parse(&p->m, p->mem, (size_t)n), 0);
	assert_int_equal(sip_msg_core(&p->m, &p->core), 0);
}

static void assert_str(struct str got, const char *want)
{
	char mem[4096];

	snprintf(mem, sizeof(mem), "%.*s", STR_FMT(got));
	assert_string_equal(mem, want);
}

static struct policy_invite through(const char *ruri, const char *lines,
				    const struct conf_trunk *to)
{
	static __thread char mem[POLICY_MEMORY];
	struct policy_invite out;
	struct parsed p;
	struct buf b;

	parse(&p, ruri, lines);
	buf_init(&b, mem, sizeof(mem));
	assert_int_equal(policy_invite(&p.m, &p.core, to, &b, &out), 0);
	return out;
}

static void test_request_uri(void **state)
{
	static const struct {
		const char *in, *carrier, *pbx;
	} t[] = {
		{ "sip:0301234@10.0.0.1", "sip:0301234@sip.carrier.example",
		  "sip:0301234@10.0.0.20:5080" },
		{ "sip:+49301@10.0.0.1:5060;user=phone;transport=udp;maddr=10.1.1.1",
		  "sip:+49301@sip.carrier.example;user=phone",
		  "sip:+49301@10.0.0.20:5080;user=phone" },
		{ "sip:+49301;npdi;rn=+4930;phone-context=evil.example@h",
		  "sip:+49301;npdi;rn=+4930@sip.carrier.example",
		  "sip:+49301;npdi;rn=+4930@10.0.0.20:5080" },
		{ "sip:301;phone-context=pbx@h", "sip:301@sip.carrier.example",
		  "sip:301@10.0.0.20:5080" },
		{ "sip:301;phone-context=+49@h", "sip:301;phone-context=+49@sip.carrier.example",
		  "sip:301;phone-context=+49@10.0.0.20:5080" },
		{ "tel:+49-30-(12)34;phone-context=a.example",
		  "sip:+49301234@sip.carrier.example;user=phone",
		  "sip:+49301234@10.0.0.20:5080;user=phone" },
		{ "sip:a%20b@h", "sip:a%20b@sip.carrier.example", "sip:a%20b@10.0.0.20:5080" },
		{ "sip:bob:password@h", "sip:bob@sip.carrier.example", "sip:bob@10.0.0.20:5080" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_str(through(t[i].in, "", &carrier).ruri, t[i].carrier);
		assert_str(through(t[i].in, "", &pbx).ruri, t[i].pbx);
	}
}

static void test_nobody(void **state)
{
	static const char *const t[] = { "sip:10.0.0.1", "sip:a%00b@h", "sip:a%0d%0aVia@h",
					 "sip:a%40b@h" };
	char mem[POLICY_MEMORY];
	struct policy_invite out;
	struct parsed p;
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		parse(&p, t[i], "");
		buf_init(&b, mem, sizeof(mem));
		assert_int_equal(policy_invite(&p.m, &p.core, &carrier, &b, &out), -ENOENT);
	}
}

static void test_from(void **state)
{
	static const struct {
		const char *in, *out, *user;
	} t[] = {
		{ "From: \"Al \\\"x\\\" ice\" <sip:+4930@10.0.0.20;user=phone>;tag=a\r\n",
		  "\"Al \\\"x\\\" ice\" <sip:+4930@sip.carrier.example;user=phone>", "+4930" },
		{ "From: Bob Builder <sip:bob@10.0.0.20>;tag=a\r\n",
		  "\"Bob Builder\" <sip:bob@sip.carrier.example>", "bob" },
		{ "From: sip:bob@10.0.0.20;tag=a\r\n", "<sip:bob@sip.carrier.example>", "bob" },
		{ "From: <sip:10.0.0.20>;tag=a\r\n", "<sip:sip.carrier.example>", "" },
		{ "From: \"Anonymous\" <sip:anonymous@Anonymous.Invalid>;tag=a\r\n",
		  "\"Anonymous\" <sip:anonymous@anonymous.invalid>", "" },
		{ "From: <tel:+49-30>;tag=a\r\n", "<sip:+4930@sip.carrier.example;user=phone>",
		  "+49-30" },
		{ "From: \"\xff\" <sip:bob@10.0.0.20>;tag=a\r\n", "<sip:bob@sip.carrier.example>",
		  "bob" },
		{ "From: \"Zo\xc3\xab\" <sip:bob@10.0.0.20>;tag=a\r\n",
		  "\"Zo\xc3\xab\" <sip:bob@sip.carrier.example>", "bob" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct policy_invite out = through("sip:1@h", t[i].in, &carrier);

		assert_str(out.from, t[i].out);
		assert_str(out.contact_user, t[i].user);
	}
}

static void test_to(void **state)
{
	(void)state;
	assert_str(through("sip:1@h", "To: \"Bob\" <sip:2@10.0.0.1>\r\n", &carrier).to,
		   "\"Bob\" <sip:2@sip.carrier.example>");
	assert_str(through("sip:1@h", "To: <sip:10.0.0.1>\r\n", &carrier).to,
		   "<sip:1@sip.carrier.example>");
	assert_str(through("sip:1@h", "To: <urn:service:sos>\r\n", &carrier).to,
		   "<sip:1@sip.carrier.example>");
}

static void test_privacy(void **state)
{
	static const char lines[] = "From: \"Alice\" <sip:+4930@198.51.100.1>;tag=a\r\n"
				    "P-Asserted-Identity: <sip:+4930@198.51.100.1>\r\n"
				    "Diversion: <sip:+4931@198.51.100.1>;reason=no-answer\r\n"
				    "Privacy: ";
	char text[512];

	(void)state;
	snprintf(text, sizeof(text), "%sid\r\n", lines);
	assert_str(through("sip:1@h", text, &pbx).headers, "Privacy: id\r\n");
	assert_str(through("sip:1@h", text, &carrier).headers,
		   "P-Asserted-Identity: <sip:+4930@sip.carrier.example>\r\nPrivacy: id\r\n"
		   "Diversion: <sip:+4931@sip.carrier.example>;reason=no-answer\r\n");
	snprintf(text, sizeof(text), "%sUser; critical; x-odd\r\n", lines);
	assert_str(through("sip:1@h", text, &pbx).from,
		   "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
	assert_str(through("sip:1@h", text, &pbx).contact_user, "");
	assert_str(through("sip:1@h", text, &pbx).headers, "Privacy: User;critical\r\n");
	snprintf(text, sizeof(text), "%snone\r\n", lines);
	assert_str(through("sip:1@h", text, &pbx).from, "\"Alice\" <sip:+4930@10.0.0.20>");
}

/* One header field in, one line or nothing out. */
static void test_headers(void **state)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "P-Asserted-Identity: \"A\" <sip:+49@h>, <tel:+49-1;ext=2>\r\n",
		  "P-Asserted-Identity: \"A\" <sip:+49@sip.carrier.example>, <tel:+49-1>\r\n" },
		{ "P-Asserted-Identity: <http://10.0.0.1/>\r\n", "" },
		{ "P-Asserted-Identity: <tel:110;phone-context=h.example>\r\n", "" },
		{ "Diversion: "
		  "<sip:+49@h>;reason=user-busy;counter=1;host=\"10.0.0.1\";screen=no\r\n",
		  "Diversion: "
		  "<sip:+49@sip.carrier.example>;reason=user-busy;counter=1;screen=no\r\n" },
		{ "Diversion: <sip:a@h>,<sip:b@h>\r\n",
		  "Diversion: <sip:a@sip.carrier.example>, <sip:b@sip.carrier.example>\r\n" },
		{ "Subject: hello \xc3\xa4\r\n", "Subject: hello \xc3\xa4\r\n" },
		{ "Subject: \xc0\xaf\r\n", "" },
		{ "Subject: a\tb\r\n", "" },
		{ "Priority: emergency\r\n", "Priority: emergency\r\n" },
		{ "Priority: a b\r\n", "" },
		{ "Alert-Info: <http://10.0.0.1/ring.wav>, <urn:alert:service:call-waiting>\r\n",
		  "Alert-Info: <urn:alert:service:call-waiting>\r\n" },
		{ "Alert-Info: <urn:alert:a@10.0.0.1>\r\n", "" },
		{ "P-Early-Media: supported, 10.0.0.1\r\n", "P-Early-Media: supported\r\n" },
		{ "Reason: Q.850;cause=16\r\n", "" },
		{ "History-Info: <sip:a@10.0.0.1>;index=1\r\n", "" },
		{ "X-Anything: 1\r\n", "" },
		{ "Replaces: a;to-tag=1;from-tag=2\r\n", "" },
		{ "Referred-By: <sip:1@h>\r\n", "" },
		{ "Supported: replaces\r\nRequire: 100rel\r\nTarget-Dialog: x\r\n", "" },
		{ "User-Agent: 1\r\n", "" },
		{ "Record-Route: <sip:10.0.0.1;lr>\r\n", "" },
		{ "Call-Info: <http://10.0.0.1>\r\n", "" },
		{ "Authorization: Digest username=\"a\"\r\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_str(through("sip:1@h", t[i].in, &carrier).headers, t[i].out);
}

static void test_reply_headers(void **state)
{
	static const struct {
		unsigned status;
		const char *in, *out;
	} t[] = {
		{ 486, "Reason: Q.850;cause=17;text=\"10.0.0.1\", X;cause=2\r\n",
		  "Reason: Q.850;cause=17\r\n" },
		{ 486, "Reason: sip ;cause=600 ;text=\"a\"\r\n", "Reason: SIP;cause=600\r\n" },
		{ 486, "Reason: Q.850;cause=99999\r\n", "" },
		{ 503, "Retry-After: 30 (at 10.0.0.1);duration=5\r\n", "Retry-After: 30\r\n" },
		{ 488, "Retry-After: 30\r\n", "" },
		{ 503, "Retry-After: soon\r\n", "" },
		{ 486, "Warning: 399 10.0.0.1 \"no\"\r\n", "" },
		{ 486, "P-Asserted-Identity: <sip:+49@h>\r\n", "" },
		{ 200, "P-Asserted-Identity: <sip:+49@h>\r\n",
		  "P-Asserted-Identity: <sip:+49@sip.carrier.example>\r\n" },
		{ 183, "P-Early-Media: sendrecv\r\n", "P-Early-Media: sendrecv\r\n" },
		{ 200, "Subject: a\r\n", "" },
		{ 480,
		  "Reason: SIP;cause=480;text=\"x\", q.850 ; text=\"a,b\" ; cause=18\r\n"
		  "Reason: Q.850;cause=128, SIP;cause=700, Q.850, preemption;cause=1\r\n",
		  "Reason: SIP;cause=480, Q.850;cause=18\r\n" },
		{ 183, "Reason: Q.850;cause=1\r\n", "Reason: Q.850;cause=1\r\n" },
		{ 200, "Reason: Q.850;cause=1\r\n", "" },
		{ 302, "Diversion: <sip:+49@h>;reason=away\r\nContact: <sip:3@10.9.9.9>\r\n",
		  "Diversion: <sip:+49@sip.carrier.example>;reason=away\r\n" },
		{ 480, "Diversion: <sip:+49@h>;reason=away\r\n", "" },
		{ 486, "Supported: a\r\nRequire: b\r\nReplaces: c\r\nTarget-Dialog: d\r\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char mem[POLICY_MEMORY];
		struct parsed p;
		struct buf b;

		parse(&p, "sip:1@h", t[i].in);
		buf_init(&b, mem, sizeof(mem));
		assert_str(policy_reply_headers(&p.m, t[i].status, &carrier, &b), t[i].out);
	}
}

/* BYE and CANCEL: causes cross both ways, and nothing is made up where there is none. */
static void test_end_headers(void **state)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "", "" },
		{ "Reason: Q.850;cause=16;text=\"Terminated by 10.9.9.9\"\r\n",
		  "Reason: Q.850;cause=16\r\n" },
		{ "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n",
		  "Reason: SIP;cause=200\r\n" },
		{ "Reason: SIP ;cause=200, Q.850;cause=26\r\nReason: SIP;cause=600\r\n",
		  "Reason: SIP;cause=200, Q.850;cause=26, SIP;cause=600\r\n" },
		{ "Reason: SIP;text=\"no cause\"\r\n", "" },
		{ "Reason: SIP;cause=abc\r\n", "" },
		{ "Reason: x.example;cause=1\r\nPrivacy: id\r\nP-Asserted-Identity: <sip:1@h>\r\n",
		  "" },
	};
	char mem[POLICY_MEMORY];
	struct parsed p;
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		parse(&p, "sip:1@h", t[i].in);
		buf_init(&b, mem, sizeof(mem));
		assert_str(policy_end_headers(&p.m, &b), t[i].out);
	}
	assert_str(policy_end_headers(NULL, &b), "");
}

/* What does not fit is left out as a whole, never cut. */
static void test_full(void **state)
{
	struct parsed p;
	char mem[30];
	struct buf b;
	struct policy_invite out;

	(void)state;
	parse(&p, "sip:1@h", "Reason: Q.850;cause=16\r\nRetry-After: 30\r\n");
	buf_init(&b, mem, sizeof(mem));
	assert_str(policy_reply_headers(&p.m, 503, &carrier, &b), "");
	buf_init(&b, mem, sizeof(mem));
	assert_int_equal(policy_invite(&p.m, &p.core, &carrier, &b, &out), -EMSGSIZE);
}

static void test_statuses(void **state)
{
	static const uint16_t same[] = { 400, 403, 404, 408, 410, 480, 484, 486, 488,
					 500, 502, 503, 504, 600, 603, 604, 606 };

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_int_equal(policy_final(same[i], NULL, NULL), same[i]);
	assert_int_equal(policy_final(302, NULL, NULL), 480);
	assert_int_equal(policy_final(401, NULL, NULL), 500);
	assert_int_equal(policy_final(407, NULL, NULL), 500);
	assert_int_equal(policy_final(420, NULL, NULL), 500);
	assert_int_equal(policy_final(487, NULL, NULL), 480);
	assert_int_equal(policy_final(491, NULL, NULL), 500);
	assert_int_equal(policy_progress(180), 180);
	assert_int_equal(policy_progress(183), 183);
	assert_int_equal(policy_progress(150), 183);
	assert_int_equal(policy_progress(199), 0);
}

static unsigned final_of(unsigned status, const char *lines)
{
	static struct conf_failure failures[] = {
		{ 503, 0, 480 }, { 486, 17, 600 }, { 0, 34, 503 }, { 302, 0, 410 }
	};
	struct conf_trunk caller = { .failures = failures, .n_failures = 4 };
	struct parsed p;

	parse(&p, "sip:1@h", lines);
	return policy_final(status, &p.m, &caller);
}

static void test_failures(void **state)
{
	static struct conf_failure all = { 0, 0, 480 };
	static const struct conf_trunk caller = { .failures = &all, .n_failures = 1 };

	(void)state;
	assert_int_equal(final_of(503, ""), 480);
	assert_int_equal(final_of(503, "Reason: Q.850;cause=34\r\n"),
			 480); /* the first that fits */
	assert_int_equal(final_of(486, ""), 486);
	assert_int_equal(final_of(486, "Reason: Q.850;cause=18\r\n"), 486);
	assert_int_equal(final_of(486, "Reason: SIP;cause=17\r\n"), 486);
	assert_int_equal(final_of(486, "Reason: Q.850\r\n"), 486);
	assert_int_equal(final_of(486, "Reason: SIP;cause=486, q.850;cause=17\r\n"), 600);
	assert_int_equal(final_of(500, "Reason: SIP;cause=500\r\nReason: Q.850;cause=34\r\n"), 503);
	assert_int_equal(final_of(302, ""), 410);
	assert_int_equal(final_of(401, ""), 500); /* none fits */
	assert_int_equal(policy_final(503, NULL, &caller), 480);
	all.cause = 34;
	assert_int_equal(policy_final(503, NULL, &caller), 503);
}

static void test_accept(void **state)
{
	struct parsed p;
	struct str sdp;

	(void)state;
	parse(&p, "sip:1@h", "");
	assert_true(policy_accepts_sdp(&p.m));
	parse(&p, "sip:1@h", "Accept: text/plain, Application/SDP;level=1\r\n");
	assert_true(policy_accepts_sdp(&p.m));
	parse(&p, "sip:1@h", "Accept: text/nobodyKnowsThis\r\n");
	assert_false(policy_accepts_sdp(&p.m));
	assert_int_equal(policy_body(STR("v=0"), STR("application/sdp ;charset=x"), &p.m, &sdp),
			 POLICY_BODY_SDP);
	assert_int_equal(policy_body(STR("v=0"), STR("application/isup"), &p.m, &sdp),
			 POLICY_BODY_OTHER);
	assert_int_equal(policy_body(STR_NONE, STR("application/isup"), &p.m, &sdp),
			 POLICY_BODY_NONE);
}

static void assert_sdp(const char *second, enum policy_body want)
{
	char mem[512];
	struct str sdp, body;

	body.p = mem;
	body.n = (size_t)snprintf(
		mem, sizeof(mem),
		"--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b\r\n%s\r\n--b--\r\n",
		second);
	assert_int_equal(policy_body(body, STR("multipart/mixed;boundary=b"), NULL, &sdp), want);
	if (want == POLICY_BODY_SDP)
		assert_true(str_eq(sdp, STR("v=0")));
}

/* SDP is taken out of several parts, where nobody has to understand the others. */
static void test_multipart(void **state)
{
	struct str sdp;

	(void)state;
	assert_sdp("Content-Type: application/isup;base=itu-t92+\r\n"
		   "Content-Disposition: signal;handling=optional\r\n\r\n\x01\x11",
		   POLICY_BODY_SDP);
	assert_sdp("Content-Type: application/isup\r\nContent-Disposition: signal;handling=required"
		   "\r\n\r\nx",
		   POLICY_BODY_OTHER);
	assert_int_equal(policy_body(STR("--b\r\n\r\nhello\r\n--b--"),
				     STR("multipart/mixed;boundary=b"), NULL, &sdp),
			 POLICY_BODY_OTHER);
	assert_int_equal(policy_body(STR("--b\r\nhello"), STR("multipart/mixed"), NULL, &sdp),
			 POLICY_BODY_BAD);
}

static void test_emergency(void **state)
{
	char mem[POLICY_MEMORY];
	struct policy_invite out;
	struct parsed p;
	struct buf b;

	(void)state;
	buf_init(&b, mem, sizeof(mem));
	parse(&p, "urn:service:sos.fire", "");
	assert_int_equal(policy_invite(&p.m, &p.core, &carrier, &b, &out), 0);
	assert_true(str_eq(out.ruri, STR("urn:service:sos.fire")));
	assert_true(str_eq(out.to, STR("<urn:service:sos.fire>")));
	assert_true(str_eq(out.callee, STR("sos")));
	parse(&p, "urn:service:counseling", "");
	assert_int_equal(policy_invite(&p.m, &p.core, &carrier, &b, &out), -ENOENT);
}

static void test_limits(void **state)
{
	struct conf_trunk trunks[2] = { carrier, pbx };
	struct conf_route routes[2] = {
		{ .from = &trunks[1], .to = &trunks[0], .at_most = 1, .index = 0 },
		{ .from = &trunks[1], .to = &trunks[0], .at_most = 3, .index = 1 },
	};
	struct conf c = { .trunks = trunks, .n_trunks = 2, .routes = routes, .n_routes = 2 };
	struct call_limits *l = call_limits_new(&c);
	const struct conf_route *a = NULL, *b = NULL, *none = NULL;

	(void)state;
	assert_int_equal(policy_route(&c, 0, l, &none), -EACCES);
	assert_int_equal(policy_route(&c, 1, l, &a), 0);
	assert_ptr_equal(a, &routes[0]);
	assert_int_equal(policy_route(&c, 1, l, &b), 0);
	assert_ptr_equal(b, &routes[1]); /* the first line is full */
	assert_int_equal(call_limits_trunk(l, 0), 2);
	for (unsigned i = 0; i < 5; i++) /* the carrier is full */
		assert_int_equal(policy_route(&c, 1, l, &none), -EBUSY);
	assert_int_equal(call_limits_trunk(l, 1), 2);
	call_limits_give(l, a);
	assert_int_equal(policy_route(&c, 1, l, &a), 0);
	assert_ptr_equal(a, &routes[0]);
	call_limits_give(l, a);
	call_limits_give(l, b);
	/* what was refused left nothing behind on its line */
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(call_limits_take(l, &routes[1]), 0);
	call_limits_give(l, &routes[1]);
	call_limits_give(l, &routes[1]);
	assert_int_equal(call_limits_trunk(l, 0), 0);
	assert_int_equal(call_limits_trunk(l, 1), 0);
	call_limits_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_uri),   cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_from),          cmocka_unit_test(test_to),
		cmocka_unit_test(test_privacy),       cmocka_unit_test(test_headers),
		cmocka_unit_test(test_reply_headers), cmocka_unit_test(test_full),
		cmocka_unit_test(test_statuses),      cmocka_unit_test(test_accept),
		cmocka_unit_test(test_multipart),     cmocka_unit_test(test_emergency),
		cmocka_unit_test(test_limits),        cmocka_unit_test(test_end_headers),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
