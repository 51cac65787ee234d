/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 5922 7.1 and 7.2: which names a certificate gives its bearer. */
#include "base/test.h"
#include "sip/tls_pki_test.h"
#include "sip/tls_priv.h"

static struct loop *loop;

static X509 *bearing(const char *cn, const struct str alt[PKI_ALT_MAX])
{
	struct pki_spec s = { .cn = cn };
	struct pki p;

	for (unsigned i = 0; alt && i < PKI_ALT_MAX; i++)
		s.alt[i] = alt[i];
	p = pki_issue(loop, &s, NULL);
	EVP_PKEY_free(p.key);
	return p.x;
}

struct names_case {
	const char *cn;
	struct str alt[PKI_ALT_MAX];
	const char *name;
	bool is;
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void check(const struct names_case *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		X509 *x = bearing(c[i].cn, c[i].alt);

		if (tls_certificate_is(x, c[i].name) != c[i].is)
			fail_msg("case %zu: \"%s\" %s", i, c[i].name, c[i].is ? "is not" : "is");
		X509_free(x);
	}
}

static void uri(void **state)
{
	static const struct names_case cases[] = {
		{ NULL, { STR("URI:sip:a.example") }, "a.example", true },
		{ NULL, { STR("URI:sip:a.example") }, "b.example", false },
		{ NULL, { STR("URI:SIP:A.Example") }, "a.eXAMPLE", true },
		{ NULL, { STR("URI:sip:a.example:5061") }, "a.example", true },
		{ NULL, { STR("URI:sip:a.example;transport=tls") }, "a.example", true },
		{ NULL, { STR("URI:sip:a.example?x=y") }, "a.example", true },
		{ NULL, { STR("URI:sip:z.example"), STR("URI:sip:a.example") }, "a.example", true },
		/* Others' schemes, users and rests of names are no identity of the domain. */
		{ NULL, { STR("URI:sips:a.example") }, "a.example", false },
		{ NULL, { STR("URI:im:a.example") }, "a.example", false },
		{ NULL, { STR("URI:https://a.example") }, "a.example", false },
		{ NULL, { STR("URI:sip:alice@a.example") }, "a.example", false },
		{ NULL, { STR("URI:sip:@a.example") }, "a.example", false },
		{ NULL, { STR("URI:sip:a.example;x=@b.example") }, "a.example", false },
		{ NULL, { STR("URI:sip:a.example.org") }, "a.example", false },
		{ NULL, { STR("URI:sip:x.a.example") }, "a.example", false },
		{ NULL, { STR("URI:sip:ample") }, "a.example", false },
		{ NULL, { STR("URI:sip:") }, "a.example", false },
		{ NULL, { STR("URI:sip:") }, "", false },
		{ NULL, { STR("URI:sip") }, "sip", false },
		{ NULL, { STR("URI:a.example") }, "a.example", false },
	};

	check(cases, COUNT(cases));
}

static void dns(void **state)
{
	static const struct names_case cases[] = {
		{ NULL, { STR("DNS:a.example") }, "a.example", true },
		{ NULL, { STR("DNS:A.EXAMPLE") }, "a.example", true },
		{ NULL, { STR("DNS:x.example"), STR("DNS:a.example") }, "a.example", true },
		{ NULL, { STR("DNS:x.a.example") }, "a.example", false },
		{ NULL, { STR("DNS:example") }, "a.example", false },
		{ NULL, { STR("EMAIL:a.example") }, "a.example", false },
		/* Once there is a SIP URI only those count. */
		{ NULL, { STR("DNS:a.example"), STR("URI:sip:b.example") }, "a.example", false },
		{ NULL, { STR("URI:sip:b.example"), STR("DNS:a.example") }, "a.example", false },
		{ NULL, { STR("URI:sip:b.example"), STR("DNS:a.example") }, "b.example", true },
		/* What is no identity hides none: 7.1 says "no other identity is found". */
		{ NULL, { STR("URI:sip:u@b.example"), STR("DNS:a.example") }, "a.example", true },
		{ NULL, { STR("URI:https://b.example"), STR("DNS:a.example") }, "a.example", true },
	};

	check(cases, COUNT(cases));
}

static void common_name(void **state)
{
	static const struct names_case cases[] = {
		{ "a.example", { STR_NONE }, "a.example", true },
		{ "A.Example", { STR_NONE }, "a.example", true },
		{ "b.example", { STR_NONE }, "a.example", false },
		{ "Example Telephone Company", { STR_NONE }, "a.example", false },
		{ "*.example", { STR_NONE }, "a.example", false },
		{ "m\xc3\xbc.example", { STR_NONE }, "m\xc3\xbc.example", false },
		{ NULL, { STR_NONE }, "a.example", false },
		/* Any subjectAltName does away with it. */
		{ "a.example", { STR("DNS:b.example") }, "a.example", false },
		{ "a.example", { STR("EMAIL:x@b.example") }, "a.example", false },
		{ "a.example", { STR("IP:192.0.2.1") }, "a.example", false },
	};

	check(cases, COUNT(cases));
}

static void last_common_name(void **state)
{
	X509 *x = bearing("a.example", NULL);

	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)"b.example", -1, -1, 0);
	assert_false(tls_certificate_is(x, "a.example"));
	assert_true(tls_certificate_is(x, "b.example"));
	X509_free(x);
}

static void hostile(void **state)
{
	static const struct names_case cases[] = {
		{ NULL, { STR("DNS:a.example\0.evil.example") }, "a.example", false },
		{ NULL, { STR("URI:sip:a.example\0.evil.example") }, "a.example", false },
		{ NULL, { STR("URI:sip:a.example\0@evil.example") }, "a.example", false },
		{ NULL, { STR("DNS:a.example\0") }, "a.example", false },
		{ NULL, { STR("DNS:\0a.example") }, "a.example", false },
		{ NULL, { STR("DNS: a.example") }, "a.example", false },
		{ NULL, { STR("DNS:a.example\n") }, "a.example", false },
		{ NULL, { STR("DNS:") }, "a.example", false },
		{ NULL, { STR("DNS:") }, "", false },
		{ NULL, { STR("DNS:.") }, ".", false },
		{ NULL, { STR("DNS:a..example") }, "a..example", false },
		{ NULL, { STR("DNS:.example") }, ".example", false },
		{ NULL, { STR("DNS:a.example..") }, "a.example", false },
		/* Wildcards match nothing, not even themselves. */
		{ NULL, { STR("DNS:*.example") }, "a.example", false },
		{ NULL, { STR("DNS:*.example") }, "*.example", false },
		{ NULL, { STR("URI:sip:*.example") }, "a.example", false },
		{ NULL, { STR("DNS:a*.example") }, "ab.example", false },
		{ NULL, { STR("DNS:*") }, "example", false },
		/* The root's dot. */
		{ NULL, { STR("DNS:a.example.") }, "a.example", true },
		{ NULL, { STR("DNS:a.example") }, "a.example.", true },
		{ NULL, { STR("URI:sip:a.example.:5061") }, "a.example", true },
	};

	check(cases, COUNT(cases));
}

static void addresses(void **state)
{
	static const struct names_case cases[] = {
		{ NULL, { STR("IP:192.0.2.1") }, "192.0.2.1", true },
		{ NULL, { STR("IP:192.0.2.1") }, "192.0.2.10", false },
		{ NULL, { STR("IP:2001:db8::1") }, "2001:DB8:0::1", true },
		{ NULL, { STR("IP:2001:db8::1") }, "[2001:db8::1]", true },
		{ NULL, { STR("IP:2001:db8::1") }, "2001:db8::2", false },
		{ NULL, { STR("IP:192.0.2.1") }, "::ffff:192.0.2.1", false },
		{ NULL, { STR("URI:sip:b.example"), STR("IP:192.0.2.1") }, "192.0.2.1", true },
		/* Text is no address. */
		{ NULL, { STR("DNS:192.0.2.1") }, "192.0.2.1", false },
		{ NULL, { STR("URI:sip:192.0.2.1") }, "192.0.2.1", false },
		{ "192.0.2.1", { STR_NONE }, "192.0.2.1", false },
	};

	check(cases, COUNT(cases));
}

static void long_names(void **state)
{
	char label[64 + 4 + 1] = "DNS:", name[260] = "DNS:";
	struct str alt[PKI_ALT_MAX] = { { label, 4 + 63 } };
	X509 *x;

	memset(label + 4, 'a', 64);
	x = bearing(NULL, alt);
	label[4 + 63] = 0;
	assert_true(tls_certificate_is(x, label + 4));
	X509_free(x);
	label[4 + 63] = 'a';
	alt[0].n++;
	x = bearing(NULL, alt);
	assert_false(tls_certificate_is(x, label + 4));
	X509_free(x);
	for (size_t i = 4; i < sizeof(name) - 1; i++)
		name[i] = i % 2 ? '.' : 'a';
	alt[0] = (struct str){ name, 4 + 255 };
	x = bearing(NULL, alt);
	assert_false(tls_certificate_is(x, name + 4));
	X509_free(x);
}

/* A subjectAltName that cannot be read, or that is there twice, is not "none": no way to the CN. */
static void unreadable(void **state)
{
	for (int n = 1; n <= 2; n++) {
		X509 *x = bearing("a.example", NULL);
		ASN1_OCTET_STRING *der = ASN1_OCTET_STRING_new();
		X509_EXTENSION *e;

		ASN1_OCTET_STRING_set(der,
				      (const unsigned char *)(n == 1 ? "\x30\x7f" : "\x30\x00"), 2);
		e = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, der);
		for (int i = 0; i < n; i++)
			X509_add_ext(x, e, -1);
		assert_false(tls_certificate_is(x, "a.example"));
		X509_EXTENSION_free(e);
		ASN1_OCTET_STRING_free(der);
		X509_free(x);
	}
}

static void expect_names(const char *cn, const struct str alt[PKI_ALT_MAX], const char *text)
{
	X509 *x = bearing(cn, alt);
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	tls_certificate_names(x, &b);
	assert_str(buf_str(&b), text);
	X509_free(x);
}

static void told(void **state)
{
	static const struct str alt[PKI_ALT_MAX] = { STR("URI:sip:a.example"), STR("DNS:b.example"),
						     STR("IP:192.0.2.1"), STR("IP:2001:db8::1") };
	static const struct str evil[PKI_ALT_MAX] = { STR("DNS:b\0\n\x1b[2J") };
	static const struct str many[PKI_ALT_MAX] = { STR("DNS:a-long-name-of-many.example"),
						      STR("DNS:a-long-name-of-many.example"),
						      STR("DNS:a-long-name-of-many.example") };

	expect_names("x", alt, "sip:a.example, DNS:b.example, 192.0.2.1, 2001:db8::1");
	expect_names("a.example", NULL, "CN:a.example");
	expect_names(NULL, NULL, "no name at all");
	expect_names(NULL, evil, "DNS:b???[2J");
	expect_names(NULL, many,
		     "DNS:a-long-name-of-many.example, DNS:a-long-name-of-many.example");
}

static int setup(void **state)
{
	loop = loop_new_virtual(1);
	return !loop;
}

static int teardown(void **state)
{
	loop_free(loop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uri),         cmocka_unit_test(dns),
		cmocka_unit_test(common_name), cmocka_unit_test(last_common_name),
		cmocka_unit_test(hostile),     cmocka_unit_test(addresses),
		cmocka_unit_test(long_names),  cmocka_unit_test(unreadable),
		cmocka_unit_test(told),
	};

	return cmocka_run_group_tests_name("tls_names", tests, setup, teardown);
}
