/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/field.h"
#include "sip/msg_test.h"
#include "sip/tight_test.h"

/* Each of the texts must be refused by the function. */
#define REFUSES(function, type, ...)                                                               \
	do {                                                                                       \
		static const char *const bad[] = { __VA_ARGS__ };                                  \
		for (size_t bad_i = 0; bad_i < sizeof(bad) / sizeof(bad[0]); bad_i++) {            \
			struct str text = tight(bad[bad_i]);                                       \
			type out;                                                                  \
			if (function(text, &out) == 0)                                             \
				fail_msg("\"%s\" is accepted", bad[bad_i]);                        \
			tight_free(text);                                                          \
		}                                                                                  \
	} while (0)

static void each_element_of_all_lines(void **state)
{
	struct parsed *t = parse(STR(INVITE BASIC "Path: <sip:a;lr>,, <sip:b,c;lr>\r\nX: y\r\n"
						  "Path: \r\nPath: <sip:d;lr>\r\n\r\n"));
	static const char *const want[] = { "<sip:a;lr>", "<sip:b,c;lr>", "<sip:d;lr>" };
	struct sip_each e = sip_each(&t->m, SIP_HDR_PATH);
	struct str item;

	for (unsigned i = 0; i < 3; i++) {
		assert_true(sip_each_next(&e, &item));
		assert_int_equal(str_eq(item, str_of(want[i])), 1);
	}
	assert_false(sip_each_next(&e, &item));
	e = sip_each(&t->m, SIP_HDR_SERVICE_ROUTE);
	assert_false(sip_each_next(&e, &item));
	done(t);
}

static void numbers(void **state)
{
	uint32_t n;

	assert_int_equal(sip_number_parse(STR("4294967295"), &n), 0);
	assert_int_equal(n, UINT32_MAX);
	REFUSES(sip_number_parse, uint32_t, "", "-1", "4294967296", "1 ", "1.5", "1;x", "0x1");
	assert_int_equal(sip_param_number(STR(";a=1;b=x;c"), STR("a"), 9, &n), 1);
	assert_int_equal(n, 1);
	assert_int_equal(sip_param_number(STR(";a=10"), STR("a"), 9, &n), -SIP_E_HEADER);
	assert_int_equal(sip_param_number(STR(";a=1;b=x;c"), STR("b"), 9, &n), -SIP_E_HEADER);
	assert_int_equal(sip_param_number(STR(";a=1;b=x;c"), STR("c"), 9, &n), -SIP_E_HEADER);
	assert_int_equal(sip_param_number(STR(";a=1;b=x;c"), STR("d"), 9, &n), 0);
}

static void texts(void **state)
{
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	sip_put_unquoted(&b, STR("\"a\\\"b\\\\c\""));
	assert_str(buf_str(&b), "a\"b\\c");
	b.n = 0;
	sip_put_unquoted(&b, STR("plain"));
	sip_put_unquoted(&b, STR("\""));
	assert_str(buf_str(&b), "plain\"");
	b.n = 0;
	sip_put_unescaped(&b, STR("a%40b%3b%3B%zz%4"));
	assert_str(buf_str(&b), "a@b;;%zz%4");
	b.n = 0;
	sip_put_unescaped(&b, STR("%00"));
	assert_int_equal(b.n, 1);
	assert_int_equal(mem[0], 0);
}

static int contacts_of(const char *lines, struct sip_contacts *c, struct parsed **t)
{
	char mem[2048];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_lit(&b, INVITE BASIC);
	buf_put(&b, str_of(lines));
	buf_lit(&b, "\r\n");
	assert_true(buf_ok(&b));
	*t = parse(buf_str(&b));
	assert_int_equal((*t)->msg, 0);
	return sip_contacts_parse(&(*t)->m, c);
}

static int contacts_error(const char *lines)
{
	struct sip_contacts c;
	struct parsed *t;
	int rc = contacts_of(lines, &c, &t);

	done(t);
	return -rc;
}

static void checklist_36_contacts_or_a_star(void **state)
{
	struct sip_contacts c;
	struct parsed *t;

	assert_int_equal(
		contacts_of("Contact: \"A, B\" <sip:a@h;x?y=z>;q=0.25;expires=60, sip:b@h;q=1\r\n"
			    "m: <mailto:c@h>;expires=99999999999;q=0\r\n",
			    &c, &t),
		0);
	assert_int_equal(c.n, 3);
	assert_false(c.star);
	assert_str(c.c[0].uri.params, ";x");
	assert_str(c.c[0].uri.headers, "?y=z");
	assert_int_equal(c.c[0].q, 250);
	assert_true(c.c[0].has_expires);
	assert_int_equal(c.c[0].expires, 60);
	assert_str(c.c[1].uri.user, "b");
	assert_int_equal(c.c[1].q, 1000);
	assert_false(c.c[1].has_expires);
	assert_int_equal(c.c[2].uri.scheme, SIP_SCHEME_OTHER);
	assert_int_equal(c.c[2].expires, 3600);
	assert_int_equal(c.c[2].q, 0);
	done(t);
	assert_int_equal(contacts_of("", &c, &t), 0);
	assert_int_equal(c.n, 0);
	done(t);
	assert_int_equal(contacts_of("Contact: *\r\n", &c, &t), 0);
	assert_true(c.star);
	assert_int_equal(c.n, 0);
	done(t);
	assert_int_equal(contacts_error("Contact: *, <sip:a>\r\n"), SIP_E_ADDRESS);
	assert_int_equal(contacts_error("Contact: <sip:a>\r\nm: *\r\n"), SIP_E_ADDRESS);
	assert_int_equal(contacts_error("Contact: *\r\nm: *\r\n"), SIP_E_ADDRESS);
	assert_int_equal(contacts_error("Contact: *;expires=0\r\n"), SIP_E_ADDRESS);
	assert_int_equal(contacts_error("Contact: <sip:a b>\r\n"), SIP_E_ADDRESS);
	assert_int_equal(contacts_error("Contact: <sip:a@@b>\r\n"), SIP_E_URI);
	assert_int_equal(contacts_error("Contact: <sip:a>;q=1.1\r\n"), SIP_E_ADDRESS);
	assert_int_equal(contacts_error("Contact: <sip:a>;q=0.1234\r\n"), SIP_E_ADDRESS);
	assert_int_equal(contacts_error("Contact: <sip:a>;q=.5\r\n"), SIP_E_ADDRESS);
	assert_int_equal(contacts_error("Contact: <sip:a>;q=0,5\r\n"), SIP_E_ADDRESS);
	assert_int_equal(contacts_error("Contact: <sip:a>;q\r\n"), SIP_E_ADDRESS);
	assert_int_equal(contacts_error("m: sip:1, sip:2, sip:3, sip:4, sip:5, sip:6, sip:7\r\n"
					"m: sip:8, sip:9, sip:10\r\n"),
			 SIP_OK);
	assert_int_equal(contacts_error("m: sip:1, sip:2, sip:3, sip:4, sip:5, sip:6, sip:7\r\n"
					"m: sip:8, sip:9, sip:10, sip:11\r\n"),
			 SIP_E_TOO_MANY);
}

static void routes(void **state)
{
	struct sip_route r;

	assert_int_equal(sip_route_parse(STR("\"p\" <sips:h:5061;lr;ftag=a>;x"), &r), 0);
	assert_true(r.lr);
	assert_int_equal(r.uri.port, 5061);
	assert_str(r.addr.params, ";x");
	assert_int_equal(sip_route_parse(STR("<sip:h;lr=on>"), &r), 0);
	assert_true(r.lr);
	assert_int_equal(sip_route_parse(STR("<sip:h>;lr"), &r), 0);
	assert_false(r.lr);
	assert_int_equal(sip_route_parse(STR("<tel:+1>"), &r), -SIP_E_SCHEME);
	REFUSES(sip_route_parse, struct sip_route, "", "sip:h;lr", "<sip:h", "<sip:>", "<sip:h>x");
}

static void refer_to(void **state)
{
	struct sip_replaces rep;
	struct sip_refer_to r;
	char mem[256];
	struct buf b;

	assert_int_equal(
		sip_refer_to_parse(STR("<sip:d@h;method=INVITE?Accept=x&replaces=a%40h%3Bto-tag%3Dt"
				       "%3Bfrom-tag%3Df>"),
				   &r),
		0);
	assert_str(r.method, "INVITE");
	assert_str(r.uri.host, "h");
	buf_init(&b, mem, sizeof(mem));
	sip_put_unescaped(&b, r.replaces);
	assert_int_equal(sip_replaces_parse(buf_str(&b), &rep), 0);
	assert_str(rep.call_id, "a@h");
	assert_str(rep.to_tag, "t");
	assert_str(rep.from_tag, "f");
	assert_int_equal(sip_refer_to_parse(STR("tel:+4930"), &r), 0);
	assert_int_equal(r.replaces.n, 0);
	assert_int_equal(r.method.n, 0);
	REFUSES(sip_refer_to_parse, struct sip_refer_to, "", "<sip:>", "<http://h>", "<sip:h");
}

static void uri_headers(void **state)
{
	struct sip_uri u;
	struct str v;

	assert_int_equal(sip_uri_parse(STR("sip:h?a=1&b&c=&d=x=y"), &u), 0);
	assert_true(sip_uri_header(&u, STR("A"), &v));
	assert_str(v, "1");
	assert_true(sip_uri_header(&u, STR("b"), &v));
	assert_int_equal(v.n, 0);
	assert_true(sip_uri_header(&u, STR("c"), &v));
	assert_int_equal(v.n, 0);
	assert_true(sip_uri_header(&u, STR("d"), &v));
	assert_str(v, "x=y");
	assert_false(sip_uri_header(&u, STR("x"), &v));
	assert_int_equal(sip_uri_parse(STR("sip:h"), &u), 0);
	assert_false(sip_uri_header(&u, STR("a"), &v));
}

static void history(void **state)
{
	struct sip_history h;

	assert_int_equal(
		sip_history_parse(STR("\"B\" <sip:b@h?Reason=SIP%3Bcause%3D302>;index=1.2;rc=1.1"),
				  &h),
		0);
	assert_str(h.index, "1.2");
	assert_int_equal(h.kind, SIP_HISTORY_RC);
	assert_str(h.from, "1.1");
	assert_int_equal(sip_history_parse(STR("<sip:b@h>;index=1"), &h), 0);
	assert_int_equal(h.kind, SIP_HISTORY_NONE);
	assert_int_equal(sip_history_parse(STR("<sip:b@h>;mp=1;index=1.1"), &h), 0);
	assert_int_equal(h.kind, SIP_HISTORY_MP);
	REFUSES(sip_history_parse, struct sip_history, "<sip:b>", "<sip:b>;index",
		"<sip:b>;index=", "<sip:b>;index=1.", "<sip:b>;index=.1", "<sip:b>;index=1..2",
		"<sip:b>;index=a", "<sip:b>;index=1;np", "<sip:b>;index=1;np=x", "");
}

static void events(void **state)
{
	struct sip_event e;

	assert_int_equal(sip_event_parse(STR("presence.winfo ; id = 7;x=y"), &e), 0);
	assert_str(e.package, "presence.winfo");
	assert_str(e.id, "7");
	assert_int_equal(sip_event_parse(STR("refer"), &e), 0);
	assert_int_equal(e.id.n, 0);
	REFUSES(sip_event_parse, struct sip_event, "", ";id=1", "refer x", "refer;", "refer,x",
		"refer;id=\"x");
}

static void subscription_states(void **state)
{
	struct sip_sub_state s;

	assert_int_equal(sip_sub_state_parse(STR("Active;expires=0060"), &s), 0);
	assert_int_equal(s.state, SIP_SUB_ACTIVE);
	assert_true(s.has_expires);
	assert_int_equal(s.expires, 60);
	assert_int_equal(sip_sub_state_parse(STR("terminated;reason=probation;retry-after=5"), &s),
			 0);
	assert_int_equal(s.state, SIP_SUB_TERMINATED);
	assert_str(s.reason, "probation");
	assert_false(s.has_expires);
	assert_true(s.has_retry_after);
	assert_int_equal(s.retry_after, 5);
	assert_int_equal(sip_sub_state_parse(STR("pending"), &s), 0);
	assert_int_equal(s.state, SIP_SUB_PENDING);
	assert_int_equal(sip_sub_state_parse(STR("resting"), &s), 0);
	assert_int_equal(s.state, SIP_SUB_OTHER);
	assert_str(s.name, "resting");
	REFUSES(sip_sub_state_parse, struct sip_sub_state, "", "active;expires=-1",
		"active;expires=4294967296", "active;retry-after=x", "active;;", "active x");
}

static void checklist_37_whose_tag_is_whose(void **state)
{
	struct sip_replaces r;
	char mem[600];
	struct buf b;

	assert_int_equal(
		sip_replaces_parse(STR("425928@h ;to-tag=7743 ;from-tag=6472;early-only"), &r), 0);
	assert_str(r.call_id, "425928@h");
	assert_str(r.to_tag, "7743");
	assert_str(r.from_tag, "6472");
	assert_true(r.early_only);
	assert_int_equal(sip_replaces_parse(STR("(<:\\\"[x]>?{}@y;from-tag=a;to-tag=b"), &r), 0);
	assert_str(r.from_tag, "a");
	assert_false(r.early_only);
	REFUSES(sip_replaces_parse, struct sip_replaces, "", "a", "a;to-tag=b", "a;from-tag=b",
		";to-tag=a;from-tag=b", "a;to-tag=b;from-tag=c;to-tag=d",
		"a;to-tag=b;from-tag=c;from-tag=c", "a;to-tag=;from-tag=c",
		"a;to-tag=\"b\";from-tag=c", "a,b;to-tag=b;from-tag=c", "a b;to-tag=b;from-tag=c");
	for (unsigned extra = 0; extra < 2; extra++) {
		buf_init(&b, mem, sizeof(mem));
		for (unsigned i = 0; i < SIP_TOKEN_MAX + extra; i++)
			buf_lit(&b, "c");
		buf_lit(&b, ";to-tag=a;from-tag=b");
		assert_int_equal(sip_replaces_parse(buf_str(&b), &r), extra ? -SIP_E_HEADER : 0);
	}
}

static void checklist_27_rack(void **state)
{
	struct sip_rack r;

	assert_int_equal(sip_rack_parse(STR("4294967295 \t 314 INVITE"), &r), 0);
	assert_int_equal(r.rseq, UINT32_MAX);
	assert_int_equal(r.cseq, 314);
	assert_int_equal(r.method, SIP_INVITE);
	assert_int_equal(sip_rack_parse(STR("1 2 ODD"), &r), 0);
	assert_int_equal(r.method, SIP_METHOD_OTHER);
	assert_str(r.method_name, "ODD");
	REFUSES(sip_rack_parse, struct sip_rack, "", "1", "1 2", "1 INVITE", "x 2 INVITE",
		"4294967296 2 INVITE", "1 2147483648 INVITE", "1 2 INVITE x", "1 2 IN,VITE");
}

static void checklist_29_session_expires(void **state)
{
	struct sip_session_expires se;

	assert_int_equal(sip_session_expires_parse(STR("1800;refresher=UAC"), &se), 0);
	assert_int_equal(se.seconds, 1800);
	assert_int_equal(se.refresher, SIP_REFRESHER_UAC);
	assert_int_equal(sip_session_expires_parse(STR("90 ; x ;refresher=uas"), &se), 0);
	assert_int_equal(se.refresher, SIP_REFRESHER_UAS);
	assert_int_equal(sip_session_expires_parse(STR("90"), &se), 0);
	assert_int_equal(se.refresher, SIP_REFRESHER_NONE);
	REFUSES(sip_session_expires_parse, struct sip_session_expires, "", "x", "-1", "4294967296",
		"90;", "90 90", "90;refresher=both", "90;refresher", ";refresher=uac");
}

static void retry_after(void **state)
{
	struct sip_retry_after r;

	assert_int_equal(sip_retry_after_parse(STR("18000;duration=3600"), &r), 0);
	assert_int_equal(r.seconds, 18000);
	assert_true(r.has_duration);
	assert_int_equal(r.duration, 3600);
	assert_int_equal(sip_retry_after_parse(STR("120 (I'm (in\\) a) ;meeting) ;x=y"), &r), 0);
	assert_str(r.comment, "(I'm (in\\) a) ;meeting)");
	assert_false(r.has_duration);
	assert_int_equal(sip_retry_after_parse(STR("5"), &r), 0);
	assert_int_equal(r.comment.n, 0);
	REFUSES(sip_retry_after_parse, struct sip_retry_after, "", "soon", "5 (", "5 ((a)",
		"5 (a\\)", "5 (a\\", "5 x", "5;duration=x", "5;", "4294967296");
}

static void dates(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} rows[] = {
		{ "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
		{ "Sat, 13 Nov 2010 23:29:00 GMT", 1289690940 },
		{ "Tue, 29 Feb 2000 12:00:00 GMT", 951825600 },
		{ "Wed, 01 Mar 2000 00:00:00 GMT", 951868800 },
		{ "Mon, 01 Mar 2100 00:00:00 GMT", 4107542400 },
		{ "Wed, 31 Dec 1969 23:59:59 GMT", -1 },
		{ "Fri, 31 Dec 2038 23:59:59 GMT", 2177452799 },
	};
	int64_t s;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(sip_date_parse(str_of(rows[i].text), &s), 0);
		assert_int_equal(s, rows[i].seconds);
	}
	REFUSES(sip_date_parse, int64_t, "", "Fri, 01 Jan 2010 16:00:00 EST",
		"Sat, 13 Nov 2010 23:29:00 GMTx", "Sat, 13 Nov 2010 24:29:00 GMT",
		"Sat, 00 Nov 2010 23:29:00 GMT", "Sat, 32 Nov 2010 23:29:00 GMT",
		"Sat, 13 Nox 2010 23:29:00 GMT", "Sax, 13 Nov 2010 23:29:00 GMT",
		"Sat, 13 Nov 2010 23:60:00 GMT", "Sat  13 Nov 2010 23:29:00 GMT",
		"Sat, 13 Nov -010 23:29:00 GMT", "Sat, 13 Nov 2010 23.29:00 GMT");
}

static void timestamps(void **state)
{
	struct sip_timestamp t;

	assert_int_equal(sip_timestamp_parse(STR("54"), &t), 0);
	assert_int_equal(t.micros, 54000000);
	assert_int_equal(sip_timestamp_parse(STR("1.5 0.0000019"), &t), 0);
	assert_int_equal(t.micros, 1500000);
	assert_int_equal(t.delay, 1);
	assert_int_equal(sip_timestamp_parse(STR("1. .5"), &t), -SIP_E_HEADER);
	assert_int_equal(sip_timestamp_parse(STR("1."), &t), 0);
	REFUSES(sip_timestamp_parse, struct sip_timestamp, "", "x", ".5", "1 ", "1 x", "1 2 3",
		"1;", "99999999999");
}

static void reasons(void **state)
{
	struct sip_reason r;

	assert_int_equal(sip_reason_parse(STR("Q.850 ;cause=16 ;text=\"a;b\""), &r), 0);
	assert_str(r.protocol, "Q.850");
	assert_true(r.has_cause);
	assert_int_equal(r.cause, 16);
	assert_str(r.text, "\"a;b\"");
	assert_int_equal(sip_reason_parse(STR("SIP"), &r), 0);
	assert_false(r.has_cause);
	REFUSES(sip_reason_parse, struct sip_reason, "", ";cause=1", "SIP;cause=x", "SIP;cause=-1",
		"SIP;text=\"x", "SIP x");
}

static void warnings(void **state)
{
	struct sip_warning w;

	assert_int_equal(sip_warning_parse(STR("307 [2001:db8::1]:5060 \"a \\\" b\""), &w), 0);
	assert_int_equal(w.code, 307);
	assert_str(w.agent, "[2001:db8::1]:5060");
	assert_str(w.text, "\"a \\\" b\"");
	REFUSES(sip_warning_parse, struct sip_warning, "", "307", "307 h", "307 h x", "307 \"x\"",
		"3070 h \"x\"", "x07 h \"x\"", "307 h \"x", "307 h \"x\"y", "307 h\"x\"");
}

static unsigned privacy_of(const char *lines)
{
	char mem[1024];
	struct parsed *t;
	unsigned set;
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_lit(&b, INVITE BASIC);
	buf_put(&b, str_of(lines));
	buf_lit(&b, "\r\n");
	t = parse(buf_str(&b));
	set = sip_privacy(&t->m);
	done(t);
	return set;
}

static void privacy(void **state)
{
	assert_int_equal(privacy_of(""), 0);
	assert_int_equal(privacy_of("Privacy: ID; critical\r\n"),
			 SIP_PRIVACY_ID | SIP_PRIVACY_CRITICAL);
	assert_int_equal(privacy_of("Privacy: user, header\r\nprivacy: session;history\r\n"),
			 SIP_PRIVACY_USER | SIP_PRIVACY_HEADER | SIP_PRIVACY_SESSION |
				 SIP_PRIVACY_HISTORY);
	assert_int_equal(privacy_of("Privacy: none\r\n"), SIP_PRIVACY_NONE);
	assert_int_equal(privacy_of("Privacy: idx\r\n"), SIP_PRIVACY_OTHER);
	assert_int_equal(privacy_of("Privacy:\r\n"), SIP_PRIVACY_OTHER);
}

static void user_to_user(void **state)
{
	struct sip_uui u;

	assert_int_equal(sip_uui_parse(STR("56a390f3d2b7310023a;encoding=hex;purpose=foo"), &u), 0);
	assert_str(u.data, "56a390f3d2b7310023a");
	assert_str(u.encoding, "hex");
	assert_str(u.purpose, "foo");
	assert_int_equal(sip_uui_parse(STR("\"a;b\" ;content=bar"), &u), 0);
	assert_str(u.data, "\"a;b\"");
	assert_str(u.content, "bar");
	REFUSES(sip_uui_parse, struct sip_uui, "", "\"a", "\"a\"b", "a b", "\"a\";",
		";encoding=hex");
}

static void media_types(void **state)
{
	struct sip_media_type t;
	struct str v;

	assert_int_equal(sip_media_type_parse(STR("Application / SDP ; charset=\"x;y\""), &t), 0);
	assert_true(sip_media_type_is(&t, "application/sdp"));
	assert_false(sip_media_type_is(&t, "application/sd"));
	assert_false(sip_media_type_is(&t, "text/sdp"));
	assert_int_equal(sip_param(t.params, STR("charset"), &v), 1);
	assert_int_equal(sip_media_type_parse(STR("*/*;q=0.1"), &t), 0);
	assert_true(sip_media_type_is(&t, "*/*"));
	REFUSES(sip_media_type_parse, struct sip_media_type, "", "a", "a/", "/b", "a/b/c", "a/b;",
		"a/b c", "a b/c", "a/b;c=\"");
}

static void dispositions(void **state)
{
	struct sip_disposition d;

	assert_int_equal(sip_disposition_parse(STR("session"), &d), 0);
	assert_str(d.type, "session");
	assert_false(d.optional);
	assert_int_equal(sip_disposition_parse(STR("x;handling=Optional"), &d), 0);
	assert_true(d.optional);
	assert_int_equal(sip_disposition_parse(STR("x;handling=required"), &d), 0);
	assert_false(d.optional);
	assert_int_equal(sip_disposition_parse(STR("x;handling=what"), &d), 0);
	assert_false(d.optional);
	REFUSES(sip_disposition_parse, struct sip_disposition, "", ";handling=optional", "a b");
	assert_true(sip_mime_version_ok(STR("1.0")));
	assert_false(sip_mime_version_ok(STR("1.00")));
	assert_false(sip_mime_version_ok(STR_NONE));
}

static void words(void **state)
{
	struct sip_word w;

	assert_int_equal(
		sip_word_parse(STR("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=262;network-provided"), &w),
		0);
	assert_str(w.token, "3GPP-E-UTRAN-FDD");
	assert_str(w.params, ";utran-cell-id-3gpp=262;network-provided");
	REFUSES(sip_word_parse, struct sip_word, "", ";", "a;b=", "a,b", "a;;b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_element_of_all_lines),
		cmocka_unit_test(numbers),
		cmocka_unit_test(texts),
		cmocka_unit_test(checklist_36_contacts_or_a_star),
		cmocka_unit_test(routes),
		cmocka_unit_test(refer_to),
		cmocka_unit_test(uri_headers),
		cmocka_unit_test(history),
		cmocka_unit_test(events),
		cmocka_unit_test(subscription_states),
		cmocka_unit_test(checklist_37_whose_tag_is_whose),
		cmocka_unit_test(checklist_27_rack),
		cmocka_unit_test(checklist_29_session_expires),
		cmocka_unit_test(retry_after),
		cmocka_unit_test(dates),
		cmocka_unit_test(timestamps),
		cmocka_unit_test(reasons),
		cmocka_unit_test(warnings),
		cmocka_unit_test(privacy),
		cmocka_unit_test(user_to_user),
		cmocka_unit_test(media_types),
		cmocka_unit_test(dispositions),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
