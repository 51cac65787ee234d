/* SPDX-License-Identifier: Apache-2.0 */
/* A call that goes on to somebody new: which way, and what is said to him. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy/policy.h"

/* ---- which way ---- */

static struct conf_network network = { .name = "outside", .sip_port = 5060 };
static struct prefix carrier_sources[] = {
	{ { .ip = { 192, 0, 2, 5 }, .family = 4 }, 32 },
	{ { .ip = { 198, 51, 100, 0 }, .family = 4 }, 24 },
};
static struct prefix pbx_sources[] = { { { .ip = { 10, 0, 0, 20 }, .family = 4 }, 32 } };
static struct prefix branch_sources[] = {
	{ { .ip = { 198, 51, 100, 64 }, .family = 4 }, 26 },
	{ { .ip = { 0x20, 1, 0xd, 0xb8, [15] = 7 }, .family = 6 }, 128 },
};
static struct conf_trunk trunks[] = {
	{ .name = "carrier",
	  .on = &network,
	  .host = { .ip = { 192, 0, 2, 5 }, .port = 5060, .family = 4 },
	  .host_name = "192.0.2.5",
	  .domain = "sip.carrier.example",
	  .sources = carrier_sources,
	  .n_sources = 2,
	  .max_calls = 100,
	  .index = 0 },
	{ .name = "pbx",
	  .on = &network,
	  .profile = CONF_PROFILE_PBX,
	  .host = { .ip = { 10, 0, 0, 20 }, .port = 5080, .family = 4 },
	  .host_name = "10.0.0.20",
	  .host_port = 5080,
	  .domain = "10.0.0.20",
	  .sources = pbx_sources,
	  .n_sources = 1,
	  .max_calls = 100,
	  .index = 1 },
	{ .name = "branch",
	  .on = &network,
	  .host_name = "branch.example",
	  .domain = "branch.example",
	  .sources = branch_sources,
	  .n_sources = 2,
	  .max_calls = 100,
	  .index = 2 },
};
static struct conf_route routes[] = {
	{ .from = &trunks[1], .to = &trunks[0], .at_most = 1, .index = 0 },
	{ .from = &trunks[1], .to = &trunks[2], .at_most = 9, .index = 1 },
	{ .from = &trunks[1], .to = &trunks[0], .at_most = 1, .index = 2 },
	{ .from = &trunks[0], .to = &trunks[1], .at_most = 9, .index = 3 },
};
static const struct conf conf = {
	.trunks = trunks, .n_trunks = 3, .routes = routes, .n_routes = 4
};

enum {
	CARRIER,
	PBX,
	BRANCH
};

/* The number of the line that is taken, or -errno. */
static int way(struct call_limits *l, unsigned asker, unsigned caller, const char *uri)
{
	const struct conf_route *r = NULL;
	struct sip_uri u;
	int err;

	assert_int_equal(sip_uri_parse(str_of(uri), &u), 0);
	err = policy_retarget(&conf, asker, caller, &u, l, &r);
	if (err)
		return err;
	assert_non_null(r);
	return (int)r->index;
}

static void test_ways(void **state)
{
	static const struct {
		unsigned asker, caller;
		const char *uri;
		int want;
	} t[] = {
		/* a trunk's name, its host, an address of its */
		{ PBX, CARRIER, "sip:3@sip.carrier.example", 0 },
		{ PBX, CARRIER, "sip:3@SIP.Carrier.Example:5070;transport=tls", 0 },
		{ PBX, CARRIER, "sip:3@192.0.2.5", 0 },
		{ PBX, CARRIER, "sip:3@198.51.100.9", 0 },
		{ PBX, CARRIER, "sip:3@198.51.100.66", 1 }, /* the longer prefix is the branch's */
		{ PBX, CARRIER, "sip:3@[2001:DB8::7]", 1 },
		{ PBX, CARRIER, "sips:3@branch.example", 1 },
		/* nobody's host, or none: as a call of the asker */
		{ PBX, CARRIER, "sip:3@203.0.113.1", 0 },
		{ PBX, CARRIER, "sip:3@elsewhere.example", 0 },
		{ PBX, CARRIER, "tel:+49-30-1", 0 },
		{ CARRIER, PBX, "sip:3@elsewhere.example", 3 },
		/* the asker's own host: the caller is sent on to another place of it */
		{ CARRIER, PBX, "sip:3@192.0.2.5", 0 },
		{ PBX, CARRIER, "sip:3@10.0.0.20", 3 },
		/* there is no line to it */
		{ CARRIER, PBX, "sip:3@branch.example", -EACCES },
		{ PBX, BRANCH, "sip:3@10.0.0.20", -EACCES },
		{ BRANCH, PBX, "sip:3@elsewhere.example", -EACCES },
		/* nobody */
		{ PBX, CARRIER, "sip:192.0.2.5", -ENOENT },
		{ PBX, CARRIER, "sip:a%0d%0ab@192.0.2.5", -ENOENT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct call_limits *l = call_limits_new(&conf);
		int got = way(l, t[i].asker, t[i].caller, t[i].uri);

		if (got != t[i].want)
			fail_msg("%s: %d instead of %d", t[i].uri, got, t[i].want);
		if (got >= 0)
			assert_int_equal(call_limits_trunk(l, routes[got].to->index), 1);
		call_limits_free(l);
	}
}

static void test_full_ways(void **state)
{
	struct call_limits *l = call_limits_new(&conf);

	(void)state;
	assert_int_equal(way(l, PBX, CARRIER, "sip:3@192.0.2.5"), 0);
	assert_int_equal(way(l, PBX, CARRIER, "sip:3@192.0.2.5"), 2); /* line 1 goes elsewhere */
	assert_int_equal(way(l, PBX, CARRIER, "sip:3@192.0.2.5"), -EBUSY);
	assert_int_equal(call_limits_trunk(l, CARRIER), 2);
	call_limits_give(l, &routes[0]);
	assert_int_equal(way(l, PBX, CARRIER, "sip:3@192.0.2.5"), 0);
	call_limits_free(l);
}

/* ---- what is said ---- */

static const struct conf_trunk *carrier = &trunks[CARRIER], *pbx = &trunks[PBX];

struct parsed {
	char in[4096 + SIP_PAD];
	struct sip_msg m;
	struct sip_core core;
};

/* `start` and the method of CSeq, lines of its own, the usual From where they have none. */
static const struct sip_msg *parse(struct parsed *p, const char *start, const char *method,
				   const char *lines)
{
	int n = snprintf(p->in, sizeof(p->in) - SIP_PAD,
			 "%s\r\nVia: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKx\r\n%s"
			 "To: <sip:2@10.9.9.9>;tag=b\r\nCall-ID: x\r\nCSeq: 1 %s\r\n%s"
			 "Content-Length: 0\r\n\r\n",
			 start, strstr(lines, "From:") ? "" : "From: <sip:1@10.9.9.9>;tag=a\r\n",
			 method, lines);

	assert_int_equal(sip_msg_parse(&p->m, p->in, (size_t)n), 0);
	assert_int_equal(sip_msg_core(&p->m, &p->core), 0);
	return &p->m;
}

static void assert_str(struct str got, const char *want)
{
	char mem[4096];

	snprintf(mem, sizeof(mem), "%.*s", STR_FMT(got));
	assert_string_equal(mem, want);
}

static struct policy_invite invite(const struct policy_party *p, const struct conf_trunk *to)
{
	static char mem[POLICY_MEMORY];
	struct policy_invite out;
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	assert_int_equal(policy_invite_party(p, to, &b, &out), 0);
	return out;
}

static void test_transfer(void **state)
{
	static struct parsed refer;
	struct sip_replaces r = { STR("a!1@10.9.9.9"), STR("t1"), STR("f1"), false };
	struct policy_party p = {
		.caller = STR("+4930100"),
		.callee = STR("0301234"),
		.refer = parse(
			&refer, "REFER sip:x@10.0.0.1 SIP/2.0", "REFER",
			"Refer-To: <sip:3@10.9.9.9>\r\nSubject: x\r\nSupported: x\r\n"
			"Referred-By: \"Bob\" <sip:201@10.9.9.9>;cid=\"20398823.2UWQFN309@x\"\r\n"
			"P-Asserted-Identity: <sip:201@10.9.9.9>\r\nTarget-Dialog: x\r\n"),
	};
	struct policy_invite out = invite(&p, carrier);

	(void)state;
	assert_str(out.ruri, "sip:0301234@sip.carrier.example");
	assert_str(out.to, "<sip:0301234@sip.carrier.example>");
	assert_str(out.from, "<sip:+4930100@sip.carrier.example>");
	assert_str(out.contact_user, "+4930100");
	assert_str(out.caller, "+4930100");
	assert_str(out.callee, "0301234");
	assert_str(out.headers, "Referred-By: \"Bob\" <sip:201@sip.carrier.example>\r\n");

	p.replaces = &r;
	p.redirector = STR("201");
	assert_str(invite(&p, pbx).ruri, "sip:0301234@10.0.0.20:5080");
	assert_str(invite(&p, pbx).headers, "Diversion: <sip:201@10.0.0.20>;reason=unknown\r\n"
					    "Referred-By: \"Bob\" <sip:201@10.0.0.20>\r\n"
					    "Replaces: a!1@10.9.9.9;to-tag=t1;from-tag=f1\r\n");
	r.early_only = true;
	p.refer = NULL;
	p.redirector = STR("2@01");
	assert_str(invite(&p, pbx).headers,
		   "Replaces: a!1@10.9.9.9;to-tag=t1;from-tag=f1;early-only\r\n");
	p.replaces = NULL;
	assert_str(invite(&p, pbx).headers, "");
}

/* Who transfers may wish to be nobody, and so may who is transferred. */
static void test_transfer_privacy(void **state)
{
	static struct parsed refer;
	struct policy_party p = {
		.caller = STR("+4930100"),
		.withheld = true,
		.callee = STR("+49-30-(1)"),
		.redirector = STR("201"),
		.refer = parse(&refer, "REFER sip:x@10.0.0.1 SIP/2.0", "REFER",
			       "Referred-By: <sip:201@10.9.9.9>\r\nPrivacy: id\r\n"),
	};
	struct policy_invite out = invite(&p, pbx);

	(void)state;
	assert_str(out.ruri, "sip:+49301@10.0.0.20:5080"); /* without what means nothing */
	assert_str(out.from, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
	assert_str(out.contact_user, "");
	assert_str(out.caller, "anonymous");
	assert_str(out.headers, "Privacy: id\r\n");
	assert_str(invite(&p, carrier).headers,
		   "Diversion: <sip:201@sip.carrier.example>;reason=unknown\r\nPrivacy: id\r\n"
		   "Referred-By: <sip:201@sip.carrier.example>\r\n");
	p = (struct policy_party){ .callee = STR("1"), .caller = STR("anonymous") };
	assert_str(invite(&p, carrier).from, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
	assert_str(invite(&p, carrier).contact_user, "");
	p = (struct policy_party){ .callee = STR("1") };
	assert_str(invite(&p, carrier).from, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
	assert_str(invite(&p, carrier).headers, "");
}

static void test_no_party(void **state)
{
	static const char *const bad[] = { "", "a@b", "a b", "a%0d%0aVia", "a>", ";x=y" };
	struct policy_party p = { .caller = STR("1") };
	struct policy_invite out;
	char mem[POLICY_MEMORY];
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p.callee = str_of(bad[i]);
		buf_init(&b, mem, sizeof(mem));
		assert_int_equal(policy_invite_party(&p, carrier, &b, &out), -ENOENT);
	}
	p.callee = STR("2");
	buf_init(&b, mem, 60);
	assert_int_equal(policy_invite_party(&p, carrier, &b, &out), -EMSGSIZE);
}

static void test_redirect(void **state)
{
	static const struct {
		const char *start, *lines, *reason;
	} t[] = {
		{ "SIP/2.0 302 X", "", "unconditional" },
		{ "SIP/2.0 301 X", "", "unconditional" },
		{ "SIP/2.0 305 X", "", "unknown" },
		{ "SIP/2.0 302 X", "Reason: SIP;cause=486;text=\"10.9.9.9\"\r\n", "user-busy" },
		{ "SIP/2.0 302 X", "Reason: SIP;cause=408\r\n", "no-answer" },
		{ "SIP/2.0 302 X", "Reason: SIP;cause=480\r\n", "deflection" },
		{ "SIP/2.0 302 X", "Reason: Q.850;cause=17\r\n", "unconditional" },
		{ "SIP/2.0 302 X", "Diversion: <sip:2@10.9.9.9>;reason=time-of-day\r\n",
		  "time-of-day" },
		{ "SIP/2.0 302 X", "Diversion: <sip:2@10.9.9.9>;reason=\"a b\"\r\n",
		  "unconditional" },
	};
	static struct parsed first, said;
	struct policy_party p = {
		.caller = STR("nobody asks"),
		.callee = STR("3"),
		.redirector = STR("2"),
		.invite =
			parse(&first, "INVITE sip:2@10.0.0.1 SIP/2.0", "INVITE",
			      "From: \"Al\" <sip:+4930100@10.9.9.9>;tag=a\r\nReplaces: x;to-tag=1;"
			      "from-tag=2\r\n"
			      "P-Asserted-Identity: <sip:+4930100@10.9.9.9>\r\nRequire: 100rel\r\n"
			      "Diversion: <sip:7@10.9.9.9>;reason=follow-me\r\n"),
	};
	char want[512];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		p.redirect = parse(&said, t[i].start, "INVITE", t[i].lines);
		snprintf(want, sizeof(want),
			 "Diversion: <sip:2@sip.carrier.example>;reason=%s\r\n"
			 "P-Asserted-Identity: <sip:+4930100@sip.carrier.example>\r\n"
			 "Diversion: <sip:7@sip.carrier.example>;reason=follow-me\r\n",
			 t[i].reason);
		assert_str(invite(&p, carrier).headers, want);
		assert_str(invite(&p, carrier).from, "\"Al\" <sip:+4930100@sip.carrier.example>");
	}
	p.withheld = true;
	assert_str(invite(&p, carrier).from, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
}

/* However many there were before: one more than cross of an INVITE. */
static void test_diversions_are_bounded(void **state)
{
	char lines[2048] = "";
	static struct parsed first;
	struct policy_party p = { .callee = STR("3"), .redirector = STR("2") };
	struct str rest, item;
	unsigned n = 0;

	(void)state;
	for (int i = 0; i < 20; i++)
		strncat(lines, "Diversion: <sip:1@10.9.9.9>;reason=away\r\n",
			sizeof(lines) - strlen(lines) - 1);
	p.invite = parse(&first, "INVITE sip:2@10.0.0.1 SIP/2.0", "INVITE", lines);
	rest = invite(&p, carrier).headers;
	while (str_token(&rest, '@', &item))
		n++;
	assert_int_equal(n - 1, 9);
}

static void test_contacts(void **state)
{
	static const struct {
		const char *lines, *want;
	} t[] = {
		{ "", "" },
		{ "Contact: <sip:3@10.9.9.9:5070;transport=tcp>;q=0.7;expires=5\r\n",
		  "Contact: <sip:3@203.0.113.10:5060>;q=0.7\r\n" },
		{ "m: \"Al\" <sip:3@10.9.9.9?Subject=x>, <tel:+49-1>;q=1.0,sip:4@x;q=\"0\"\r\n",
		  "Contact: <sip:3@203.0.113.10:5060>\r\n"
		  "Contact: <sip:+491@203.0.113.10:5060;user=phone>;q=1.0\r\n"
		  "Contact: <sip:4@203.0.113.10:5060>\r\n" },
		{ "Contact: *\r\n", "" },
		{ "Contact: <sip:3@h>;q=0.725, <sip:4@h>;q=0.7250, <sip:5@h>;q=2\r\n",
		  "Contact: <sip:3@203.0.113.10:5060>;q=0.725\r\n"
		  "Contact: <sip:4@203.0.113.10:5060>\r\nContact: <sip:5@203.0.113.10:5060>\r\n" },
		{ "Contact: <mailto:x@10.9.9.9>, <sip:10.9.9.9>, <sip:a%40b@h>\r\n", "" },
		{ "Contact: <sip:3@h>;q=0.7x\r\n", "Contact: <sip:3@203.0.113.10:5060>\r\n" },
		{ "Contact: <sip:1@h>,<sip:1@h>,<sip:1@h>,<sip:1@h>,<sip:1@h>,<sip:1@h>,<sip:1@h>,"
		  "<sip:>,<sip:8@h>,<sip:9@h>\r\n",
		  "Contact: <sip:1@203.0.113.10:5060>\r\nContact: <sip:1@203.0.113.10:5060>\r\n"
		  "Contact: <sip:1@203.0.113.10:5060>\r\nContact: <sip:1@203.0.113.10:5060>\r\n"
		  "Contact: <sip:1@203.0.113.10:5060>\r\nContact: <sip:1@203.0.113.10:5060>\r\n"
		  "Contact: <sip:1@203.0.113.10:5060>\r\nContact: <sip:8@203.0.113.10:5060>\r\n" },
	};
	static struct parsed p;
	char mem[POLICY_MEMORY];
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		parse(&p, "SIP/2.0 302 X", "INVITE", t[i].lines);
		buf_init(&b, mem, sizeof(mem));
		assert_str(policy_redirect_headers(&p.m, STR("203.0.113.10:5060"), &b), t[i].want);
	}
	buf_init(&b, mem, 40);
	assert_str(policy_redirect_headers(&p.m, STR("203.0.113.10:5060"), &b), "");
}

/* ---- who is connected now ---- */

static void test_session_headers(void **state)
{
	static struct parsed p;
	char mem[POLICY_MEMORY];
	struct buf b;

	(void)state;
	parse(&p, "UPDATE sip:x@10.0.0.1 SIP/2.0", "UPDATE",
	      "P-Asserted-Identity: \"Al\" <sip:+4930@10.9.9.9>\r\nPrivacy: id\r\nSubject: x\r\n"
	      "Session-Expires: 90\r\nSupported: timer\r\nRequire: timer\r\nDiversion: "
	      "<sip:1@h>\r\n"
	      "P-Early-Media: sendrecv\r\nReferred-By: <sip:2@h>\r\nReplaces: x\r\n");
	buf_init(&b, mem, sizeof(mem));
	assert_str(
		policy_session_headers(&p.m, carrier, &b),
		"P-Asserted-Identity: \"Al\" <sip:+4930@sip.carrier.example>\r\nPrivacy: id\r\n");
	assert_str(policy_session_headers(&p.m, pbx, &b), "Privacy: id\r\n");
	assert_str(policy_session_headers(NULL, pbx, &b), "");
	parse(&p, "SIP/2.0 200 OK", "UPDATE", "");
	assert_str(policy_session_headers(&p.m, pbx, &b), "");
}

static void test_new_identity(void **state)
{
	static const struct {
		const char *lines, *known, *want;
	} t[] = {
		{ "From: \"Al\" <sip:+4930@10.9.9.9>;tag=a\r\n", "+4931",
		  "\"Al\" <sip:+4930@sip.carrier.example>" },
		{ "From: \"Al\" <sip:+4930@10.9.9.9>;tag=a\r\n", "+4930", "" },
		{ "From: sip:+4930@h;tag=a\r\n", "", "<sip:+4930@sip.carrier.example>" },
		{ "From: sip:+4930@h;tag=a\r\nPrivacy: id\r\n", "1", "" },
		{ "From: sip:+4930@h;tag=a\r\nPrivacy: header;critical\r\n", "1", "" },
		{ "From: sip:+4930@h;tag=a\r\nPrivacy: none\r\n", "1",
		  "<sip:+4930@sip.carrier.example>" },
		{ "From: <sip:anonymous@anonymous.invalid>;tag=a\r\n", "1", "" },
		{ "From: <sip:10.9.9.9>;tag=a\r\n", "1", "" },
		{ "From: <mailto:a@b>;tag=a\r\n", "1", "" },
	};
	static struct parsed p;
	char mem[POLICY_MEMORY];
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		parse(&p, "UPDATE sip:x@10.0.0.1 SIP/2.0", "UPDATE", t[i].lines);
		buf_init(&b, mem, sizeof(mem));
		assert_str(policy_new_identity(&p.m, &p.core, str_of(t[i].known), carrier, &b),
			   t[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_full_ways),
		cmocka_unit_test(test_transfer),
		cmocka_unit_test(test_transfer_privacy),
		cmocka_unit_test(test_no_party),
		cmocka_unit_test(test_redirect),
		cmocka_unit_test(test_diversions_are_bounded),
		cmocka_unit_test(test_contacts),
		cmocka_unit_test(test_session_headers),
		cmocka_unit_test(test_new_identity),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
