/* SPDX-License-Identifier: Apache-2.0 */
/* What crosses of requests that are no calls, row by row. */
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
				     .host_name = "192.0.2.5",
				     .domain = "sip.carrier.example" };

struct crossed {
	char in[8192 + SIP_PAD], mem[POLICY_MEMORY];
	struct sip_msg m;
	struct sip_core core;
	struct policy_request out;
	unsigned status;
};

/* "refer;id=7" is 8 on the other side. */
static uint32_t one_more(const void *arg, uint32_t id)
{
	return id == 7 ? id + 1 : 0;
}

/* The dialog "a@b" is another one on the other side. */
static const struct sip_replaces mapped = { STR("9;=%&,@?/:[]+$ \"<>|\\^`{}#\xff"),
					    STR("-_.!~*'()%"), STR("y+1"), false };

static bool dialog(const void *arg, const struct sip_replaces *in, struct sip_replaces *out)
{
	if (!str_eq(in->call_id, STR("a@b")) || !str_eq(in->to_tag, STR("1")) ||
	    !str_eq(in->from_tag, STR("2%")))
		return false;
	*out = mapped;
	out->early_only = in->early_only;
	return true;
}

static void parse(struct crossed *c, const char *start, const char *method, const char *lines,
		  const char *body)
{
	int n = snprintf(c->in, sizeof(c->in) - SIP_PAD,
			 "%s\r\nVia: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKx\r\n"
			 "From: <sip:1@10.9.9.9>;tag=a\r\nTo: <sip:2@10.9.9.9>\r\n"
			 "Call-ID: x\r\nCSeq: 1 %s\r\n%sContent-Length: %zu\r\n\r\n%s",
			 start, method, lines, strlen(body), body);

	assert_int_equal(sip_msg_parse(&c->m, c->in, (size_t)n), 0);
	assert_int_equal(sip_msg_core(&c->m, &c->core), 0);
}

static void cross(struct crossed *c, const char *method, const char *lines, const char *body)
{
	char start[64];
	struct policy_ask ask = { .m = &c->m,
				  .core = &c->core,
				  .to = &carrier,
				  .inside = true,
				  .refer_id = one_more,
				  .replaces = dialog };
	struct buf b;

	snprintf(start, sizeof(start), "%s sip:2@10.0.0.1 SIP/2.0", method);
	parse(c, start, method, lines, body);
	buf_init(&b, c->mem, sizeof(c->mem));
	c->status = policy_request(&ask, &b, &c->out);
}

static void assert_str(struct str got, const char *want)
{
	char mem[4096];

	snprintf(mem, sizeof(mem), "%.*s", STR_FMT(got));
	assert_string_equal(mem, want);
}

static void test_lines(void **state)
{
	static const struct {
		const char *method, *in, *out;
	} t[] = {
		{ "SUBSCRIBE", "Event: presence;id=a;call-id=x@10.9.9.9\r\n",
		  "Event: presence;id=a\r\n" },
		{ "SUBSCRIBE", "o: refer;id=7\r\n", "Event: refer;id=8\r\n" },
		{ "SUBSCRIBE", "Event: refer;id=9\r\n", "Event: refer\r\n" },
		{ "SUBSCRIBE", "Event: refer;id=x\r\n", "Event: refer\r\n" },
		{ "SUBSCRIBE", "Event: a\r\nExpires: 60x\r\n", "Event: a\r\n" },
		{ "SUBSCRIBE", "Event: a\r\nExpires: 0060\r\n", "Event: a\r\nExpires: 60\r\n" },
		{ "SUBSCRIBE", "Event: a\r\nAllow-Events: presence, a b, x\r\n",
		  "Event: a\r\nAllow-Events: presence, x\r\n" },
		{ "SUBSCRIBE", "Event: a\r\nAccept: application/x\r\n", "Event: a\r\n" },
		{ "SUBSCRIBE", "Event: a\r\nAccept: text/html;level=1, */*\r\n",
		  "Event: a\r\nAccept: text/html\r\n" },
		{ "NOTIFY",
		  "Event: a\r\nSubscription-State: terminated;reason=x;retry-after=5;y=1\r\n",
		  "Event: a\r\nSubscription-State: terminated;reason=x;retry-after=5\r\n" },
		{ "NOTIFY", "Event: a\r\nSubscription-State: active;reason=\"10.9.9.9\"\r\n",
		  "Event: a\r\nSubscription-State: active\r\n" },
		{ "PUBLISH", "Event: a\r\nSIP-If-Match: x y\r\n", "Event: a\r\n" },
		{ "PUBLISH", "Event: a\r\nSIP-If-Match: x.y\r\n",
		  "Event: a\r\nSIP-If-Match: x.y\r\n" },
		{ "REFER", "Refer-To: <sip:3@10.9.9.9;method=INVITE>;y=1\r\n",
		  "Refer-To: <sip:3@sip.carrier.example>\r\n" },
		{ "REFER", "r: sip:3@10.9.9.9\r\nb: sip:1@10.9.9.9;cid=2\r\nRefer-Sub: true;x\r\n",
		  "Refer-To: <sip:3@sip.carrier.example>\r\n"
		  "Referred-By: <sip:1@sip.carrier.example>\r\nRefer-Sub: true\r\n" },
		{ "REFER", "Refer-To: <sip:3@x>\r\nRefer-Sub: maybe\r\n",
		  "Refer-To: <sip:3@sip.carrier.example>\r\n" },
		{ "REFER", "Refer-To: \"A\" <sip:3@x>\r\nSupported: a\r\nRequire: b\r\n",
		  "Refer-To: \"A\" <sip:3@sip.carrier.example>\r\n" },
		{ "REFER", "Refer-To: <sip:3@x>\r\nTarget-Dialog: a;local-tag=1;remote-tag=2\r\n",
		  "Refer-To: <sip:3@sip.carrier.example>\r\n" },
		{ "REFER", "Refer-To: <sip:3@x>\r\nReplaces: a;to-tag=1;from-tag=2\r\n",
		  "Refer-To: <sip:3@sip.carrier.example>\r\n" },
		{ "MESSAGE", "Date: Fri, 01 Jan 2010 16:00:00 EST\r\n", "" },
		{ "MESSAGE", "Reply-To: <sip:x@10.9.9.9>\r\nIn-Reply-To: 1@10.9.9.9\r\n", "" },
		{ "INFO", "Info-Package: foo\r\nSubject: x\r\n", "Info-Package: foo\r\n" },
		{ "INFO", "Content-Disposition: info-package;handling=required;filename=x\r\n",
		  "Content-Disposition: info-package;handling=required\r\n" },
		{ "OPTIONS", "Event: a\r\nExpires: 6\r\nSupported: x\r\n", "" },
	};
	static struct crossed c;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		cross(&c, t[i].method, t[i].in, "");
		assert_int_equal(c.status, 0);
		assert_str(c.out.headers, t[i].out);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *method, *lines;
		unsigned status;
	} t[] = {
		{ "SUBSCRIBE", "", 489 },
		{ "NOTIFY", "Subscription-State: active\r\n", 489 },
		{ "NOTIFY", "Event: a\r\n", 0 },
		{ "NOTIFY", "Event: a\r\nSubscription-State: ;\r\n", 400 },
		{ "PUBLISH", "", 489 },
		{ "REFER", "", 400 },
		{ "REFER", "Refer-To: <sip:3@x>x\r\n", 400 },
		{ "REFER", "Refer-To: <mailto:3@x>\r\n", 400 },
		{ "REFER", "Refer-To: <sip:x>\r\n", 403 },
		{ "REFER", "Refer-To: <sip:3@x>, <sip:4@x>\r\n", 400 },
		{ "REFER", "Refer-To: <sip:3@x?Subject=1>\r\n", 403 },
		{ "REFER", "Refer-To: <sip:3@x;method=SUBSCRIBE>\r\n", 403 },
		{ "REFER", "Refer-To: <sips:3@x>\r\n", 0 },
	};
	static struct crossed c;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		cross(&c, t[i].method, t[i].lines, "");
		assert_int_equal(c.status, t[i].status);
	}
}

#define ESCAPED                                                                                    \
	"9%3B%3D%25%26%2C%40?/:[]+$%20%22%3C%3E%7C%5C%5E%60%7B%7D%23%FF%3Bto-tag%3D-_.!~*'()%25"   \
	"%3Bfrom-tag%3Dy+1"

static void test_replaces(void **state)
{
	static const struct {
		const char *headers, *out; /* NULL: refused */
		unsigned status;
	} t[] = {
		{ "?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2%25", ESCAPED, 0 },
		{ "?rEPLACES=%61%40b%3Bfrom-tag=2%25%3Bto-tag=1", ESCAPED, 0 },
		{ "?Replaces=%61%40%62%3bto-tag%3d1%3bfrom-tag%3d2%25%3bearly-only",
		  ESCAPED "%3Bearly-only", 0 },
		{ "?Require=replaces&Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2%25", ESCAPED, 0 },
		{ "?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2%25&Require=x", NULL, 403 },
		{ "?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2%25&Subject=x", NULL, 403 },
		{ "?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2%25&Replaces=x", NULL, 403 },
		{ "?Replaces=c%40b%3Bto-tag%3D1%3Bfrom-tag%3D2%25", NULL, 403 },
		{ "?Replaces=", NULL, 403 },
		{ "?Require=replaces", NULL, 403 },
		{ "?Replaces=1", NULL, 400 },
		{ "?Replaces=a@b;to-tag=1;from-tag=2%25", NULL, 400 }, /* not escaped */
		{ "?Replaces=a%0D%0AX%3Ab%3Bto-tag%3D1%3Bfrom-tag%3D2", NULL, 400 },
		{ "?%52eplaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2%25", NULL, 403 },
	};
	static struct crossed c;
	char lines[512], want[512];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		snprintf(lines, sizeof(lines), "Refer-To: <sip:3@10.9.9.9%s>\r\n", t[i].headers);
		cross(&c, "REFER", lines, "");
		assert_int_equal(c.status, t[i].status);
		if (c.status)
			continue;
		snprintf(want, sizeof(want),
			 "Refer-To: <sip:3@sip.carrier.example?Replaces=%s>\r\n", t[i].out);
		assert_str(c.out.headers, want);
	}
}

/* What was written is read again as it was meant, octet by octet. */
static void test_replaces_round_trip(void **state)
{
	static struct crossed c, again;
	char lines[1024], mem[1024];
	struct sip_refer_to to;
	struct sip_replaces r;
	struct buf b;

	cross(&c, "REFER", "Refer-To: <sip:3@x?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2%25>\r\n",
	      "");
	assert_int_equal(c.status, 0);
	snprintf(lines, sizeof(lines), "%.*s", STR_FMT(c.out.headers));
	parse(&again, "REFER sip:2@10.0.0.1 SIP/2.0", "REFER", lines, "");
	assert_int_equal(sip_refer_to_parse(sip_value(&again.m, SIP_HDR_REFER_TO), &to), 0);
	buf_init(&b, mem, sizeof(mem));
	sip_put_unescaped(&b, to.replaces);
	snprintf(lines, sizeof(lines), "%.*s;to-tag=%.*s;from-tag=%.*s", STR_FMT(mapped.call_id),
		 STR_FMT(mapped.to_tag), STR_FMT(mapped.from_tag));
	assert_str(buf_str(&b), lines);

	/* One that a Call-ID may be, up to the longest. */
	memset(mem, '%', SIP_TOKEN_MAX);
	snprintf(lines, sizeof(lines), "Refer-To: <sip:3@x?Replaces=");
	for (int i = 0; i < SIP_TOKEN_MAX; i++)
		strncat(lines, "%25", sizeof(lines) - strlen(lines) - 1);
	strncat(lines, "%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n", sizeof(lines) - strlen(lines) - 1);
	parse(&again, "REFER sip:2@10.0.0.1 SIP/2.0", "REFER", lines, "");
	assert_int_equal(sip_refer_to_parse(sip_value(&again.m, SIP_HDR_REFER_TO), &to), 0);
	buf_init(&b, mem + SIP_TOKEN_MAX, sizeof(mem) - SIP_TOKEN_MAX);
	sip_put_unescaped(&b, to.replaces);
	assert_int_equal(sip_replaces_parse(buf_str(&b), &r), 0);
	assert_true(str_eq(r.call_id, (struct str){ mem, SIP_TOKEN_MAX }));
}

/* Without somebody who knows the dialogs none can be named. */
static void test_replaces_of_nobody(void **state)
{
	static struct crossed c;
	struct policy_ask ask = { .m = &c.m, .core = &c.core, .to = &carrier, .inside = true };
	struct buf b;

	parse(&c, "REFER sip:2@10.0.0.1 SIP/2.0", "REFER",
	      "Refer-To: <sip:3@x?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2%25>\r\n", "");
	buf_init(&b, c.mem, sizeof(c.mem));
	assert_int_equal(policy_request(&ask, &b, &c.out), 403);
}

#define FRAG "Event: refer\r\nContent-Type: message/sipfrag\r\n"
#define MWI  "Event: message-summary\r\nContent-Type: application/simple-message-summary\r\n"

static void test_bodies(void **state)
{
	static const struct {
		const char *method, *lines, *in;
		unsigned status;
		const char *type, *out;
	} t[] = {
		{ "MESSAGE", "Content-Type: text/html; charset=utf-8;x=y\r\n", "<b>", 0,
		  "text/html;charset=utf-8", "<b>" },
		{ "MESSAGE", "Content-Type: Message/CPIM\r\n", "x", 0, "Message/CPIM", "x" },
		{ "MESSAGE", "Content-Type: text/\r\n", "x", 415, "", "" },
		{ "MESSAGE", "Content-Type: message/sipfrag\r\n", "SIP/2.0 200 OK", 415, "", "" },
		{ "MESSAGE", "Content-Type: application/sdp\r\n", "v=0", 415, "", "" },
		{ "MESSAGE", "", "x", 415, "", "" },
		{ "MESSAGE", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", "x", 415, "",
		  "" },
		{ "MESSAGE", "Content-Type: text/plain\r\nContent-Encoding: identity\r\n", "x", 0,
		  "text/plain", "x" },
		{ "MESSAGE", "Content-Type: multipart/mixed;boundary=b\r\n", "--b--", 415, "", "" },
		{ "INFO", "Content-Type: text/html\r\n", "x", 415, "", "" },
		{ "INFO", "c: application/dtmf\r\n", "5", 0, "application/dtmf", "5" },
		{ "OPTIONS", "Content-Type: application/sdp\r\n", "v=0", 415, "", "" },
		{ "NOTIFY", "Event: presence\r\nContent-Type: application/pidf+xml\r\n", "<p/>", 0,
		  "application/pidf+xml", "<p/>" },
		{ "NOTIFY", "Event: dialog\r\nContent-Type: application/dialog-info+xml\r\n",
		  "<p/>", 415, "", "" },
		{ "NOTIFY", FRAG, "SIP/2.0 603 Go away, 10.9.9.9\r\nVia: x", 0, "message/sipfrag",
		  "SIP/2.0 603 Decline\r\n" },
		{ "NOTIFY", FRAG, "SIP/2.0 299", 0, "message/sipfrag", "SIP/2.0 299 \r\n" },
		{ "NOTIFY", FRAG, "SIP/2.0 099 x", 400, "", "" },
		{ "NOTIFY", FRAG, "SIP/2.0 700 x", 400, "", "" },
		{ "NOTIFY", FRAG, "SIP/2.0 20 x", 400, "", "" },
		{ "NOTIFY", FRAG, "SIP/2.0", 400, "", "" },
		{ "NOTIFY", FRAG, "BYE sip:x@10.9.9.9 SIP/2.0", 400, "", "" },
		{ "NOTIFY", MWI,
		  "messages-waiting : yes\nMessage-Account:sip:1@10.9.9.9;x=y\r\n"
		  "Voice-Message: 1/0\r\nVoice-Message: 10.9.9.9\r\n",
		  0, "application/simple-message-summary",
		  "Messages-Waiting: yes\r\nMessage-Account: sip:1@sip.carrier.example\r\n"
		  "Voice-Message: 1/0\r\n" },
		{ "NOTIFY", MWI, "\r\nMessages-Waiting: yes\r\n", 400, "", "" },
	};
	static struct crossed c;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		cross(&c, t[i].method, t[i].lines, t[i].in);
		assert_int_equal(c.status, t[i].status);
		if (c.status)
			continue;
		assert_str(c.out.body_type, t[i].type);
		assert_str(c.out.body, t[i].out);
	}
}

static void test_names(void **state)
{
	static struct crossed c;
	struct policy_ask ask = { .m = &c.m, .core = &c.core, .to = &carrier };
	struct buf b;

	parse(&c, "MESSAGE sip:2@10.0.0.1 SIP/2.0", "MESSAGE", "", "");
	buf_init(&b, c.mem, sizeof(c.mem));
	assert_int_equal(policy_request(&ask, &b, &c.out), 0);
	assert_str(c.out.ruri, "sip:2@sip.carrier.example");
	assert_str(c.out.from, "<sip:1@sip.carrier.example>");
	assert_str(c.out.to, "<sip:2@sip.carrier.example>");
	assert_str(c.out.contact_user, "1");
	parse(&c, "MESSAGE sip:10.0.0.1 SIP/2.0", "MESSAGE", "", "");
	buf_init(&b, c.mem, sizeof(c.mem));
	assert_int_equal(policy_request(&ask, &b, &c.out), 404);
	parse(&c, "MESSAGE sip:2@10.0.0.1 SIP/2.0", "MESSAGE", "", "");
	buf_init(&b, c.mem, 20);
	assert_int_equal(policy_request(&ask, &b, &c.out), 513);
}

static void test_answers(void **state)
{
	static const struct {
		const char *method;
		unsigned status;
		const char *in, *out;
		unsigned said;
	} t[] = {
		{ "SUBSCRIBE", 200, "Expires: 60\r\nContact: <sip:x@10.9.9.9>\r\n",
		  "Expires: 60\r\n", 200 },
		{ "SUBSCRIBE", 202, "Expires: 60\r\n", "Expires: 60\r\n", 202 },
		{ "SUBSCRIBE", 423, "Min-Expires: 60\r\nExpires: 5\r\n", "Min-Expires: 60\r\n",
		  423 },
		{ "PUBLISH", 200, "SIP-ETag: e\r\n", "SIP-ETag: e\r\n", 200 },
		{ "PUBLISH", 412, "SIP-ETag: e\r\n", "", 412 },
		{ "MESSAGE", 200, "SIP-ETag: e\r\nExpires: 5\r\n", "", 200 },
		{ "MESSAGE", 415, "Accept: text/plain, image/png\r\n", "Accept: text/plain\r\n",
		  415 },
		{ "MESSAGE", 503, "Retry-After: 9 (maintenance)\r\n", "Retry-After: 9\r\n", 503 },
		{ "MESSAGE", 302, "Contact: <sip:x@10.9.9.9>\r\n", "", 480 },
		{ "MESSAGE", 407, "Proxy-Authenticate: Digest realm=\"x\"\r\n", "", 500 },
		{ "MESSAGE", 420, "Unsupported: x\r\n", "", 500 },
		{ "MESSAGE", 405, "Allow: X\r\n", "", 405 },
		{ "NOTIFY", 481, "", "", 481 },
		{ "SUBSCRIBE", 489, "u: x\r\n", "Allow-Events: x\r\n", 489 },
		{ "REFER", 202, "Refer-Sub: false\r\n", "Refer-Sub: false\r\n", 202 },
		{ "OPTIONS", 200, "Accept: application/sdp\r\nAllow: X\r\nSupported: x\r\n",
		  "Accept: application/sdp\r\n", 200 },
	};
	static struct crossed c;
	char start[32];
	struct buf b;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		snprintf(start, sizeof(start), "SIP/2.0 %u X", t[i].status);
		parse(&c, start, t[i].method, t[i].in, "");
		buf_init(&b, c.mem, sizeof(c.mem));
		assert_str(policy_answer(&c.m, &carrier, &b), t[i].out);
		assert_int_equal(policy_answer_status(t[i].status), t[i].said);
	}
	assert_str(policy_answer(NULL, &carrier, &b), "");
}

static void test_refusals(void **state)
{
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	assert_str(policy_refusal(SIP_PUBLISH, 415, &b),
		   "Accept: application/pidf+xml, application/simple-message-summary\r\n");
	buf_init(&b, mem, sizeof(mem));
	assert_str(policy_refusal(SIP_SUBSCRIBE, 489, &b),
		   "Allow-Events: message-summary, presence, refer\r\n");
	buf_init(&b, mem, sizeof(mem));
	assert_str(policy_refusal(SIP_SUBSCRIBE, 403, &b), "");
	/* Nothing is taken: an empty list says so (RFC 3261 20.1). */
	buf_init(&b, mem, sizeof(mem));
	assert_str(policy_refusal(SIP_REFER, 415, &b), "Accept: \r\n");
}

static void test_way(void **state)
{
	struct conf_trunk a = { .index = 0 }, x = { .index = 1 };
	struct conf_route routes[] = { { .from = &x, .to = &a }, { .from = &x, .to = &x } };
	struct conf c = { .routes = routes, .n_routes = 2 };

	assert_ptr_equal(policy_way(&c, 1), &routes[0]);
	assert_null(policy_way(&c, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_way),
		cmocka_unit_test(test_replaces),
		cmocka_unit_test(test_replaces_round_trip),
		cmocka_unit_test(test_replaces_of_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
