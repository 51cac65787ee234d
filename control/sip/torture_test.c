/* SPDX-License-Identifier: Apache-2.0 */
/* Messages made after the sections of RFC 4475 and RFC 5118 that their names tell: what of them the
 * parser has to say. The rest (501, 415, 420, 483, ...) belongs to the layers above. */
#include <stdio.h>
#include "sip/msg_test.h"
#include "sip/multipart.h"

struct row {
	const char *file;
	int error;
	bool answerable; /* a 4xx can be sent */
};

static const struct row rows[] = {
	{ "rfc4475-3.1.1.1-wsinv", SIP_OK, true },
	{ "rfc4475-3.1.1.2-intmeth", SIP_OK, true },
	{ "rfc4475-3.1.1.3-esc01", SIP_OK, true },
	{ "rfc4475-3.1.1.4-escnull", SIP_OK, true },
	{ "rfc4475-3.1.1.5-esc02", SIP_OK, true },
	{ "rfc4475-3.1.1.6-lwsdisp", SIP_OK, true },
	{ "rfc4475-3.1.1.7-longreq", SIP_OK, true },
	{ "rfc4475-3.1.1.8-dblreq", SIP_OK, true },
	{ "rfc4475-3.1.1.9-semiuri", SIP_OK, true },
	{ "rfc4475-3.1.1.10-transports", SIP_OK, true },
	{ "rfc4475-3.1.1.11-mpart01", SIP_OK, true },
	{ "rfc4475-3.1.1.12-unreason", SIP_OK, false },
	{ "rfc4475-3.1.1.13-noreason", SIP_OK, false },
	{ "rfc4475-3.1.2.1-badinv01", SIP_E_VIA, true },
	{ "rfc4475-3.1.2.2-clerr", SIP_E_LENGTH, true },
	{ "rfc4475-3.1.2.3-ncl", SIP_E_LENGTH, true },
	{ "rfc4475-3.1.2.4-scalar02", SIP_E_CSEQ, true },
	{ "rfc4475-3.1.2.5-scalarlg", SIP_E_CSEQ, false },
	{ "rfc4475-3.1.2.6-quotbal", SIP_E_ADDRESS, true },
	{ "rfc4475-3.1.2.7-ltgtruri", SIP_E_URI, true },
	{ "rfc4475-3.1.2.8-lwsruri", SIP_E_START_LINE, true },
	{ "rfc4475-3.1.2.9-lwsstart", SIP_E_START_LINE, true },
	{ "rfc4475-3.1.2.10-trws", SIP_E_START_LINE, true },
	{ "rfc4475-3.1.2.11-escruri", SIP_E_URI, true },
	{ "rfc4475-3.1.2.12-baddate", SIP_OK, true },
	{ "rfc4475-3.1.2.13-regbadct", SIP_OK, true },
	{ "rfc4475-3.1.2.14-badaspec", SIP_E_ADDRESS, true },
	{ "rfc4475-3.1.2.15-baddn", SIP_E_ADDRESS, true },
	{ "rfc4475-3.1.2.16-badvers", SIP_E_VERSION, true },
	{ "rfc4475-3.1.2.17-mismatch01", SIP_E_CSEQ, true },
	{ "rfc4475-3.1.2.18-mismatch02", SIP_E_CSEQ, true },
	{ "rfc4475-3.1.2.19-bigcode", SIP_E_START_LINE, false },
	{ "rfc4475-3.2.1-badbranch", SIP_E_VIA, true },
	{ "rfc4475-3.3.1-insuf", SIP_E_MISSING, true },
	{ "rfc4475-3.3.2-unkscm", SIP_E_SCHEME, true },
	{ "rfc4475-3.3.3-novelsc", SIP_E_SCHEME, true },
	{ "rfc4475-3.3.4-unksm2", SIP_OK, true },
	{ "rfc4475-3.3.5-bext01", SIP_OK, true },
	{ "rfc4475-3.3.6-invut", SIP_OK, true },
	{ "rfc4475-3.3.7-regaut01", SIP_OK, true },
	{ "rfc4475-3.3.8-multi01", SIP_E_DUPLICATE, true },
	{ "rfc4475-3.3.9-mcl01", SIP_E_DUPLICATE, true },
	{ "rfc4475-3.3.10-bcast", SIP_OK, false },
	{ "rfc4475-3.3.11-zeromf", SIP_OK, true },
	{ "rfc4475-3.3.12-cparam01", SIP_OK, true },
	{ "rfc4475-3.3.13-cparam02", SIP_OK, true },
	{ "rfc4475-3.3.14-regescrt", SIP_OK, true },
	{ "rfc4475-3.3.15-sdp01", SIP_OK, true },
	{ "rfc4475-3.4.1-inv2543", SIP_E_VIA, true },
	{ "rfc5118-4.1-ipv6-good", SIP_OK, true },
	{ "rfc5118-4.2-ipv6-bad", SIP_E_URI, true },
	{ "rfc5118-4.3-port-ambiguous", SIP_OK, true },
	{ "rfc5118-4.4-port-unambiguous", SIP_OK, true },
	{ "rfc5118-4.5-via-received-param-with-delim", SIP_OK, true },
	{ "rfc5118-4.5-via-received-param-no-delim", SIP_OK, true },
	{ "rfc5118-4.6-ipv6-in-sdp", SIP_OK, true },
	{ "rfc5118-4.7-mult-ip-in-header", SIP_OK, true },
	{ "rfc5118-4.8-mult-ip-in-sdp", SIP_OK, true },
	{ "rfc5118-4.9-ipv4-mapped-ipv6", SIP_OK, true },
	{ "rfc5118-4.10-ipv6-bug-abnf-3-colons", SIP_E_URI, true },
	{ "rfc5118-4.10-ipv6-correct-abnf-2-colons", SIP_OK, true },
};

static struct parsed *load(const char *name)
{
	const char *dir = getenv("SIP_DATA");
	char path[512], mem[SIP_DATAGRAM_MAX];
	size_t n;
	FILE *f;

	assert_non_null(dir);
	assert_true(snprintf(path, sizeof(path), "%s/%s.sip", dir, name) < (int)sizeof(path));
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s: cannot be opened", path);
	n = fread(mem, 1, sizeof(mem), f);
	fclose(f);
	assert_true(n > 0 && n < sizeof(mem));
	return parse((struct str){ mem, n });
}

static void every_message(void **state)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct parsed *t = load(rows[i].file);
		int error = t->msg ? -t->msg : -t->core;

		if (error != rows[i].error || answerable(t) != rows[i].answerable)
			fail_msg("%s: %s, %sanswerable", rows[i].file, sip_error_text(error),
				 answerable(t) ? "" : "not ");
		done(t);
	}
}

static void rfc4475_3_1_1_1_short_tortuous(void **state)
{
	struct parsed *t = load("rfc4475-3.1.1.1-wsinv");
	struct sip_addr contact;
	struct str v;

	assert_str(t->c.via.transport, "UDP");
	assert_str(t->c.via.branch, "z9hG4bK7ff2");
	assert_int_equal(t->c.n_via, 3);
	assert_str(t->c.to.uri, "sip:ben@desk-7.example.net");
	assert_str(t->c.to.tag, "31ab77");
	assert_str(t->c.from.display, "\"A Caller \\\\\\\"\"");
	assert_int_equal(t->c.cseq.num, 12);
	assert_int_equal(t->c.max_forwards, 42);
	assert_int_equal(sip_value(&t->m, SIP_HDR_SUBJECT).n, 0);
	assert_int_equal(sip_addr_parse(sip_value(&t->m, SIP_HDR_CONTACT), &contact), 0);
	assert_int_equal(sip_param(contact.params, STR("newparam"), &v), 1);
	assert_str(v, "newvalue");
	assert_int_equal(sip_param(contact.params, STR("q"), &v), 1);
	assert_str(v, "0.33");
	done(t);
}

static void rfc4475_3_1_1_2_wide_range(void **state)
{
	struct parsed *t = load("rfc4475-3.1.1.2-intmeth");

	assert_int_equal(t->m.method, SIP_METHOD_OTHER);
	assert_str(t->c.ruri.user, "2_rare.USER~(may-be!so)&isn't+it$/x?,/;;*");
	assert_str(t->c.ruri.password, "&pw+has=1,rare!*pas$wo~d_2.(no-it)");
	assert_int_equal(memcmp(t->c.to.display.p, "\"BEL:\\\x07 NUL:\\\0 DEL:\\\x7f\"", 22), 0);
	assert_str(t->c.from.tag, "_w~1'+`*%!-.");
	done(t);
}

static void rfc4475_3_1_1_5_escapes_in_a_method_stay(void **state)
{
	struct parsed *t = load("rfc4475-3.1.1.5-esc02");

	assert_int_equal(t->m.method, SIP_METHOD_OTHER);
	assert_str(t->m.method_name, "RE%47IST%45R");
	done(t);
}

static void rfc4475_3_1_1_8_second_message_does_not_count(void **state)
{
	struct parsed *t = load("rfc4475-3.1.1.8-dblreq");

	assert_int_equal(t->m.method, SIP_REGISTER);
	assert_int_equal(t->m.body.n, 0);
	assert_memory_equal(t->m.buf + t->m.len, "INVITE", 6);
	done(t);
}

static void rfc4475_3_1_1_9_semicolons_in_a_user(void **state)
{
	struct parsed *t = load("rfc4475-3.1.1.9-semiuri");

	assert_str(t->c.ruri.user, "user;par=u%40example.org");
	assert_str(t->c.ruri.host, "example.net");
	done(t);
}

static void rfc4475_3_1_1_11_body_is_octets(void **state)
{
	struct parsed *t = load("rfc4475-3.1.1.11-mpart01");
	struct sip_parts parts;

	assert_memory_equal(t->m.body.p + t->m.body.n - 20, "--7a9cbec02ceef655--", 20);
	assert_ptr_equal(t->m.buf + t->m.len, t->m.body.p + t->m.body.n);
	assert_int_equal(sip_parts_split(&parts, sip_value(&t->m, SIP_HDR_CONTENT_TYPE), STR_NONE,
					 t->m.body),
			 0);
	assert_int_equal(parts.n, 3);
	assert_str(parts.part[1].type, "text/plain");
	assert_str(parts.part[2].type, "application/octet-stream");
	assert_int_equal(parts.part[2].body.n, 256);
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal((uint8_t)parts.part[2].body.p[i], i);
	done(t);
}

static void rfc4475_3_3_10_two_vias_in_a_response(void **state)
{
	struct parsed *t = load("rfc4475-3.3.10-bcast");

	assert_int_equal(t->m.status, 200);
	assert_int_equal(t->c.n_via, 2);
	done(t);
}

static int contact_of(const char *file, struct sip_addr *a, struct sip_uri *u, struct parsed **t)
{
	int rc;

	*t = load(file);
	rc = sip_addr_parse(sip_value(&(*t)->m, SIP_HDR_CONTACT), a);
	return rc ? rc : sip_uri_parse(a->uri, u);
}

static void rfc4475_contacts(void **state)
{
	struct sip_addr a;
	struct sip_uri u;
	struct parsed *t;

	assert_int_equal(contact_of("rfc4475-3.1.2.13-regbadct", &a, &u, &t), -SIP_E_ADDRESS);
	done(t);
	assert_int_equal(contact_of("rfc4475-3.3.12-cparam01", &a, &u, &t), 0);
	assert_str(a.params, ";unknownparam");
	assert_int_equal(u.params.n, 0);
	done(t);
	assert_int_equal(contact_of("rfc4475-3.3.13-cparam02", &a, &u, &t), 0);
	assert_int_equal(a.params.n, 0);
	assert_str(u.params, ";unknownparam");
	done(t);
	assert_int_equal(contact_of("rfc4475-3.3.14-regescrt", &a, &u, &t), 0);
	assert_str(u.headers, "?Route=%3Csip:sip.example.org%3E");
	done(t);
}

static void rfc5118_ports_and_received(void **state)
{
	struct parsed *t = load("rfc5118-4.3-port-ambiguous");

	assert_str(t->c.ruri.host, "[2001:db8::10:5070]");
	assert_int_equal(t->c.ruri.port, 0);
	done(t);
	t = load("rfc5118-4.4-port-unambiguous");
	assert_str(t->c.ruri.host, "[2001:db8::10]");
	assert_int_equal(t->c.ruri.port, 5070);
	done(t);
	t = load("rfc5118-4.5-via-received-param-with-delim");
	assert_str(t->c.via.received, "[2001:db8::9:255]");
	done(t);
	t = load("rfc5118-4.5-via-received-param-no-delim");
	assert_str(t->c.via.received, "2001:db8::9:255");
	done(t);
	t = load("rfc5118-4.7-mult-ip-in-header");
	assert_int_equal(t->c.n_via, 3);
	assert_int_equal(t->c.via.port, 6050);
	done(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message),
		cmocka_unit_test(rfc4475_3_1_1_1_short_tortuous),
		cmocka_unit_test(rfc4475_3_1_1_2_wide_range),
		cmocka_unit_test(rfc4475_3_1_1_5_escapes_in_a_method_stay),
		cmocka_unit_test(rfc4475_3_1_1_8_second_message_does_not_count),
		cmocka_unit_test(rfc4475_3_1_1_9_semicolons_in_a_user),
		cmocka_unit_test(rfc4475_3_1_1_11_body_is_octets),
		cmocka_unit_test(rfc4475_3_3_10_two_vias_in_a_response),
		cmocka_unit_test(rfc4475_contacts),
		cmocka_unit_test(rfc5118_ports_and_received),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
