/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in, who is not, and whether the reason helps. */
#include <errno.h>
#include "sip/tls_pair_test.h"

#define OF STR("192.0.2.1:5061")

static void wrong_name(void **state)
{
	struct pair *p = *state;
	struct pki_spec s = { .alt = { STR("URI:sip:one.example"), STR("DNS:*.example") } };

	pair_fails(p, "sip.c.example",
		   "is for sip:sip.b.example, not for sip.c.example: correct the name that is "
		   "configured");
	/* The server is told as much. */
	assert_contains(tls_why(p->s), "refuses our certificate");
	pair_only_1_2(p->cc);
	pair_fails(p, "sip.c.example", "sip:sip.b.example");
	pair_fails(p, "192.0.2.1", "IP address 192.0.2.1");
	pair_server_is(p, &s, &p->ca);
	pair_fails(p, "two.example", "sip:one.example, DNS:*.example");
	assert_contains(tls_why(p->c), "wildcards do not count");
}

static void address(void **state)
{
	struct pair *p = *state;
	struct pki_spec s = { .alt = { STR("IP:192.0.2.1"), STR("IP:2001:db8::1") } };

	pair_server_is(p, &s, &p->ca);
	pair_up(p, "192.0.2.1", OF);
	assert_int_equal(tls_sni(p->s).n, 0);
	pair_up(p, "2001:db8::1", STR_NONE);
	assert_int_equal(tls_sni(p->s).n, 0);
	pair_fails(p, "192.0.2.2", "is for 192.0.2.1, 2001:db8::1, not for 192.0.2.2");
}

static void trailing_dot(void **state)
{
	struct pair *p = *state;

	pair_up(p, SERVER_NAME ".", STR_NONE);
	assert_str(tls_sni(p->s), SERVER_NAME);
	assert_null(tls_new(p->cc, "", STR_NONE));
	assert_null(tls_new(p->cc, ".", STR_NONE));
}

static void expired(void **state)
{
	struct pair *p = *state;
	struct pki_spec s = {
		.cn = "old", .alt = { STR("DNS:" SERVER_NAME) }, .from = -3600, .to = -60
	};

	pair_server_is(p, &s, &p->ca);
	pair_fails(p, SERVER_NAME,
		   "CN=old has expired on 2025-12-31 23:59:00 UTC, and our clock says "
		   "2026-01-01 00:00:00 UTC");
	assert_contains(tls_why(p->s), "our certificate has ended");
	assert_contains(pair_log(p),
			"cert.pem: this certificate has expired on 2025-12-31 23:59:00 UTC");
	s.from = 60;
	s.to = 3600;
	pair_server_is(p, &s, &p->ca);
	pair_fails(p, SERVER_NAME, "not valid before 2026-01-01 00:01:00 UTC");
	/* The loop's clock is what counts. */
	loop_advance(p->loop, 60000);
	pair_up(p, SERVER_NAME, STR_NONE);
	loop_advance(p->loop, 3541 * 1000);
	pair_fails(p, SERVER_NAME, "has expired");
}

static void unknown_issuer(void **state)
{
	struct pair *p = *state;
	struct pki_spec ca = { .cn = "Other CA", .ca = true },
			s = { .alt = { STR("DNS:" SERVER_NAME) } };
	struct pki other = pki_issue(p->loop, &ca, NULL);

	pair_server_is(p, &s, &other);
	pair_fails(p, SERVER_NAME, "its issuer is CN=Other CA");
	assert_contains(tls_why(p->c), p->path.ca);
	assert_contains(tls_why(p->s), "does not trust the issuer of our certificate");
	/* Also if it comes with its root, and if that only has the name of ours. */
	pki_write_certificate(p->path.cert, p->server.x, other.x, 0644);
	assert_int_equal(tls_context_reload(p->sc), 0);
	pair_fails(p, SERVER_NAME, "nobody whom we trust");
	pki_free(&other);
	ca.cn = "Test CA";
	other = pki_issue(p->loop, &ca, NULL);
	pair_server_is(p, &s, &other);
	pair_fails(p, SERVER_NAME, "");
	pki_free(&other);
}

static void self_signed(void **state)
{
	struct pair *p = *state;
	struct pki_spec s = { .cn = "me", .alt = { STR("DNS:" SERVER_NAME) } };
	struct tls_options o = pair_client_options(p);

	pair_server_is(p, &s, NULL);
	pair_fails(p, SERVER_NAME, "CN=me has signed its certificate itself");
	o.ca = p->path.cert;
	pair_client(p, &o);
	pair_up(p, SERVER_NAME, STR_NONE);
	pair_fails(p, "sip.c.example", "not for sip.c.example");
}

/* The system's CAs have not issued it. */
static void system_trust(void **state)
{
	struct pair *p = *state;
	struct tls_options o = pair_client_options(p);

	o.ca = NULL;
	pair_client(p, &o);
	pair_fails(p, SERVER_NAME, "the system's certificates");
}

static void chains(void **state)
{
	struct pair *p = *state;
	struct pki_spec middle = { .cn = "Middle CA", .ca = true, .usage = "keyCertSign" };
	struct pki_spec s = { .alt = { STR("DNS:" SERVER_NAME) } };
	struct pki ca = pki_issue(p->loop, &middle, &p->ca);
	struct tls_options o = pair_client_options(p);

	pair_server_is(p, &s, &ca);
	pair_fails(p, SERVER_NAME, "the peer must send the certificates between");
	pki_write_certificate(p->path.cert, p->server.x, ca.x, 0644);
	assert_int_equal(tls_context_reload(p->sc), 0);
	pair_up(p, SERVER_NAME, STR_NONE);
	/* Trust in the one in the middle is enough, as is trust in the one at the end. */
	pki_write_certificate(p->path.other, ca.x, NULL, 0644);
	o.ca = p->path.other;
	pair_client(p, &o);
	pair_up(p, SERVER_NAME, STR_NONE);
	pki_write_certificate(p->path.other, p->server.x, NULL, 0644);
	pair_client(p, &o);
	pair_up(p, SERVER_NAME, STR_NONE);
	pki_free(&ca);
	/* Who is no CA cannot issue. */
	middle.ca = false;
	middle.usage = NULL;
	ca = pki_issue(p->loop, &middle, &p->ca);
	pair_server_is(p, &s, &ca);
	pki_write_certificate(p->path.cert, p->server.x, ca.x, 0644);
	assert_int_equal(tls_context_reload(p->sc), 0);
	o = pair_client_options(p);
	pair_client(p, &o);
	pair_fails(p, SERVER_NAME, "");
	pki_free(&ca);
}

struct usage_case {
	const char *usage, *extended;
	bool server, client;
};

static const struct usage_case usages[] = {
	{ NULL, NULL, true, true },
	{ NULL, "serverAuth", true, true },
	{ NULL, "clientAuth", false, true },
	{ NULL, "serverAuth,clientAuth", true, true },
	{ NULL, "1.3.6.1.5.5.7.3.20", true, true },
	{ NULL, "codeSigning,1.3.6.1.5.5.7.3.20", true, true },
	{ NULL, "anyExtendedKeyUsage", true, true },
	{ NULL, "codeSigning", false, false },
	{ NULL, "emailProtection", false, false },
	{ NULL, "1.3.6.1.5.5.7.3.2", false, true },
	{ NULL, "1.3.6.1.5.5.7.3.200", false, false },
	{ "digitalSignature", "serverAuth", true, true },
	{ "cRLSign", "serverAuth", false, false },
};

static void usage_of_servers(void **state)
{
	struct pair *p = *state;

	for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
		struct pki_spec s = { .cn = "x",
				      .alt = { STR("DNS:" SERVER_NAME) },
				      .usage = usages[i].usage,
				      .extended = usages[i].extended };

		pair_server_is(p, &s, &p->ca);
		if (usages[i].server)
			pair_up(p, SERVER_NAME, STR_NONE);
		else
			pair_fails(p, SERVER_NAME,
				   usages[i].usage ? "" : "CN=x is not for a SIP server");
	}
}

static void usage_of_clients(void **state)
{
	struct pair *p = *state;

	for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
		struct pki_spec s = { .cn = "x",
				      .alt = { STR("DNS:" CLIENT_NAME) },
				      .usage = usages[i].usage,
				      .extended = usages[i].extended };

		pair_client_is(p, &s, &p->ca);
		pair_up(p, SERVER_NAME, STR_NONE);
		assert_int_equal(tls_has_peer(p->s), usages[i].client);
	}
}

/* A CA that may only issue for mail does not issue for SIP. */
static void usage_of_issuers(void **state)
{
	struct pair *p = *state;
	struct pki_spec middle = { .cn = "Mail CA", .ca = true, .extended = "emailProtection" };
	struct pki_spec s = { .alt = { STR("DNS:" SERVER_NAME) } };
	struct pki ca = pki_issue(p->loop, &middle, &p->ca);

	pair_server_is(p, &s, &ca);
	pki_write_certificate(p->path.cert, p->server.x, ca.x, 0644);
	assert_int_equal(tls_context_reload(p->sc), 0);
	pair_fails(p, SERVER_NAME, "is not for a SIP server");
	pki_free(&ca);
}

/* ---- certificates of clients ---- */

static const struct pki_spec good_client = { .cn = "client",
					     .alt = { STR("URI:sip:" CLIENT_NAME) },
					     .extended = "clientAuth" };

static void demand(struct pair *p)
{
	struct tls_options o = pair_server_options(p);

	o.demand = true;
	pair_server(p, &o);
}

static void expect_client(struct pair *p)
{
	assert_true(tls_has_peer(p->s));
	assert_true(tls_peer_is(p->s, CLIENT_NAME));
	assert_true(tls_peer_is(p->s, "SIP.A.Example"));
	assert_false(tls_peer_is(p->s, SERVER_NAME));
	assert_false(tls_peer_is(p->s, ""));
	assert_string_equal(tls_why(p->s), "");
}

static void client_shows(void **state)
{
	struct pair *p = *state;

	pair_client_is(p, &good_client, &p->ca);
	for (int i = 0; i < 4; i++) {
		if (i == 2)
			demand(p);
		if (i % 2)
			pair_only_1_2(p->cc);
		else
			pair_client_is(p, &good_client, &p->ca);
		pair_up(p, SERVER_NAME, OF);
		expect_client(p);
		/* Resumed, the certificate is known from before. */
		pair_up(p, SERVER_NAME, OF);
		assert_true(tls_resumed(p->s));
		expect_client(p);
	}
}

static void client_shows_none(void **state)
{
	struct pair *p = *state;

	pair_up(p, SERVER_NAME, STR_NONE);
	assert_false(tls_has_peer(p->s));
	assert_false(tls_peer_is(p->s, CLIENT_NAME));
	assert_false(tls_peer_is(p->s, ""));
	demand(p);
	pair_open(p, SERVER_NAME, STR_NONE);
	pair_pump(p, 1);
	assert_int_equal(tls_feed(p->s, NULL, 0), TLS_FAILED);
	assert_contains(tls_why(p->s), "shows no certificate, and here it has to");
	assert_int_equal(tls_feed(p->c, NULL, 0), TLS_FAILED);
	assert_contains(tls_why(p->c), "demands a certificate of ours and there is none");
	pair_only_1_2(p->cc);
	pair_fails(p, SERVER_NAME, "demands a certificate of ours");
}

static void bad_client(struct pair *p, const struct pki_spec *spec, const struct pki *issuer,
		       const char *why)
{
	struct tls_options o = pair_server_options(p);

	pair_client_is(p, spec, issuer);
	pair_server(p, &o);
	for (int i = 0; i < 2; i++) {
		pair_up(p, SERVER_NAME, OF);
		assert_false(tls_has_peer(p->s));
		assert_false(tls_peer_is(p->s, CLIENT_NAME));
		if (i == 0)
			assert_contains(tls_why(p->s), why);
	}
	demand(p);
	pair_open(p, SERVER_NAME, STR_NONE);
	pair_pump(p, WHOLE);
	assert_int_equal(tls_feed(p->s, NULL, 0), TLS_FAILED);
	assert_contains(tls_why(p->s), why);
	assert_int_equal(tls_feed(p->c, NULL, 0), TLS_FAILED);
}

/* Where none is demanded it counts as none; else it ends the handshake. */
static void client_shows_a_bad_one(void **state)
{
	struct pair *p = *state;
	struct pki_spec ca = { .cn = "Maker's CA", .ca = true }, s = good_client;
	struct pki other = pki_issue(p->loop, &ca, NULL);

	bad_client(p, &s, &other, "its issuer is CN=Maker's CA");
	bad_client(p, &s, NULL, "CN=client has signed its certificate itself");
	s.from = -100;
	s.to = -1;
	bad_client(p, &s, &p->ca, "has expired");
	pki_free(&other);
}

/* A failure after a certificate that did not count is told, not the certificate. */
static void later_failure(void **state)
{
	struct pair *p = *state;

	pair_client_is(p, &good_client, NULL);
	pair_up(p, SERVER_NAME, STR_NONE);
	assert_contains(tls_why(p->s), "signed its certificate itself");
	assert_int_equal(tls_feed(p->s,
				  "\x17\x03\x03\x00\x20"
				  "0123456789abcdef0123456789abcdef",
				  37),
			 TLS_FAILED);
	assert_contains(tls_why(p->s), "TLS fails");
}

/* The certificate of a resumed session ends: the ticket is not taken, and verification says so. */
static void resumption_after_the_client(void **state)
{
	struct pair *p = *state;
	struct pki_spec s = good_client;

	s.from = -60;
	s.to = 3600;
	pair_client_is(p, &s, &p->ca);
	pair_up(p, SERVER_NAME, OF);
	loop_advance(p->loop, 3500 * 1000);
	pair_up(p, SERVER_NAME, OF);
	assert_true(tls_resumed(p->s) && tls_has_peer(p->s));
	loop_advance(p->loop, 101 * 1000);
	pair_up(p, SERVER_NAME, OF);
	assert_false(tls_resumed(p->s));
	assert_false(tls_has_peer(p->s));
}

/* One context for both directions. */
static void server_calls(void **state)
{
	struct pair *p = *state;
	struct tls_options o = pair_server_options(p);

	tls_context_free(p->cc);
	p->cc = tls_context_new(&o);
	assert_non_null(p->cc);
	pair_up(p, SERVER_NAME, STR_NONE);
	assert_true(tls_peer_is(p->s, SERVER_NAME));
}

#define T(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(wrong_name),        T(address),
		T(trailing_dot),      T(expired),
		T(unknown_issuer),    T(self_signed),
		T(system_trust),      T(chains),
		T(usage_of_servers),  T(usage_of_clients),
		T(usage_of_issuers),  T(client_shows),
		T(client_shows_none), T(client_shows_a_bad_one),
		T(later_failure),     T(resumption_after_the_client),
		T(server_calls),
	};

	return cmocka_run_group_tests_name("tls_verify", tests, NULL, NULL);
}
