/* SPDX-License-Identifier: Apache-2.0 */
/* Files: what is refused and how it is told, and reading them again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sip/tls_pair_test.h"

#define OF    STR("192.0.2.1:5061")
#define WATCH 1000

static void refused(struct pair *p, const struct tls_options *o, int error, const char *file,
		    const char *reason)
{
	const char *text;

	pair_log(p);
	errno = 0;
	assert_null(tls_context_new(o));
	assert_int_equal(errno, error);
	text = pair_log(p);
	assert_contains(text, o->name);
	assert_contains(text, file);
	assert_contains(text, reason);
}

static void permissions(void **state)
{
	static const struct {
		mode_t mode;
		bool key_ok, cert_ok;
	} modes[] = { { 0600, true, true },   { 0400, true, true },   { 0640, true, true },
		      { 0644, false, true },  { 0604, false, true },  { 0660, true, true },
		      { 0642, false, false }, { 0602, false, false }, { 0666, false, false } };
	struct pair *p = *state;
	struct tls_options o = pair_server_options(p), joined = o;

	joined.key = NULL;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		bool world_writes = modes[i].mode & S_IWOTH;
		const char *reason = world_writes ? "everybody may write it"
						  : "everybody may read the private key";

		assert_int_equal(chmod(p->path.key, modes[i].mode), 0);
		if (modes[i].key_ok)
			pair_server(p, &o);
		else
			refused(p, &o, EPERM, p->path.key, reason);
		assert_int_equal(chmod(p->path.key, 0600), 0);
		assert_int_equal(chmod(p->path.cert, modes[i].mode), 0);
		if (modes[i].cert_ok)
			pair_server(p, &o);
		else
			refused(p, &o, EPERM, p->path.cert, reason);
		assert_int_equal(chmod(p->path.cert, 0644), 0);
		assert_int_equal(chmod(p->path.ca, modes[i].mode), 0);
		if (modes[i].cert_ok)
			pair_server(p, &o);
		else
			refused(p, &o, EPERM, p->path.ca, reason);
		assert_int_equal(chmod(p->path.ca, 0644), 0);
	}
	/* The key is in the file of the certificate, which is then as secret. */
	refused(p, &joined, EPERM, p->path.cert, "everybody may read the private key");
}

static void append(const char *to, const char *from)
{
	char text[8192];
	FILE *f = fopen(from, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	f = fopen(to, "a");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void key_in_the_certificates_file(void **state)
{
	struct pair *p = *state;
	struct tls_options o = pair_server_options(p);

	o.key = NULL;
	assert_int_equal(chmod(p->path.cert, 0640), 0);
	refused(p, &o, EINVAL, p->path.cert, "no private key");
	append(p->path.cert, p->path.key);
	pair_server(p, &o);
	pair_up(p, SERVER_NAME, STR_NONE);
	/* The key first, then the certificate, then more of the chain. */
	pki_write_key(p->path.cert, p->server.key, NULL, 0600);
	pki_write_certificate(p->path.other, p->server.x, p->ca.x, 0600);
	append(p->path.cert, p->path.other);
	pair_server(p, &o);
	pair_up(p, SERVER_NAME, STR_NONE);
}

static void unreadable(void **state)
{
	struct pair *p = *state;
	struct tls_options o = pair_server_options(p);

	o.certificate = p->path.other;
	refused(p, &o, ENOENT, p->path.other, "No such file");
	o.certificate = p->path.dir;
	refused(p, &o, EINVAL, p->path.dir, "this is no file");
	assert_int_equal(mkfifo(p->path.other, 0600), 0);
	o.certificate = p->path.other;
	refused(p, &o, EINVAL, p->path.other, "this is no file");
	pki_write_text(p->path.other, "", 0600);
	refused(p, &o, EINVAL, p->path.other, "there is no certificate in it");
	pki_write_text(p->path.other,
		       "-----BEGIN CERTIFICATE-----\nMIIB!\n-----END CERTIFICATE-----\n", 0600);
	refused(p, &o, EINVAL, p->path.other, "cannot be read");
	o = pair_server_options(p);
	o.ca = p->path.other;
	refused(p, &o, EINVAL, p->path.other, "cannot be read");
	pki_write_text(p->path.other, "nothing\n", 0600);
	refused(p, &o, EINVAL, p->path.other, "there is no certificate in it");
	o = pair_server_options(p);
	o.key = p->path.other;
	refused(p, &o, EINVAL, p->path.other, "there is no private key in it");
	pki_write_text(p->path.other,
		       "-----BEGIN PRIVATE KEY-----\nMIIB!\n-----END PRIVATE KEY-----\n", 0600);
	refused(p, &o, EINVAL, p->path.other, "the private key cannot be read");
	assert_int_equal(truncate(p->path.other, 20 << 20), 0);
	refused(p, &o, EFBIG, p->path.other, "too large");
	o = pair_server_options(p);
	o.certificate = o.key = NULL;
	refused(p, &o, EINVAL, "certificate", "must be given");
	o = pair_client_options(p);
	o.key = p->path.key;
	refused(p, &o, EINVAL, p->path.key, "must be given");
}

/* Half of the chain that follows is missing: that is no chain. */
static void broken_chain(void **state)
{
	struct pair *p = *state;
	struct tls_options o = pair_server_options(p);
	struct stat st;

	pki_write_certificate(p->path.cert, p->server.x, p->ca.x, 0644);
	assert_int_equal(stat(p->path.cert, &st), 0);
	assert_int_equal(truncate(p->path.cert, st.st_size - 40), 0);
	refused(p, &o, EINVAL, p->path.cert, "a certificate of the chain cannot be read");
}

static void keys(void **state)
{
	struct pair *p = *state;
	struct tls_options o = pair_server_options(p);
	struct pki_spec rsa = { .cn = "rsa", .rsa = true };
	struct pki other = pki_issue(p->loop, &rsa, NULL);

	pki_write_key(p->path.key, p->server.key, "secret word", 0600);
	refused(p, &o, EINVAL, p->path.key, "passphrase");
	assert_null(strstr(p->text, "secret word"));
	pki_write_key(p->path.key, p->ca.key, NULL, 0600);
	refused(p, &o, EINVAL, p->path.key, "does not belong to the certificate");
	pki_write_key(p->path.key, other.key, NULL, 0600);
	refused(p, &o, EINVAL, p->path.key, "does not belong to the certificate");
	/* The issuer first is a common mistake. */
	pki_write_key(p->path.key, p->server.key, NULL, 0600);
	pki_write_certificate(p->path.cert, p->ca.x, p->server.x, 0644);
	refused(p, &o, EINVAL, p->path.key, "the first one in its file");
	pki_free(&other);
}

static void weak_key(void **state)
{
	struct pair *p = *state;
	struct tls_options o = pair_server_options(p);
	EVP_PKEY *weak = EVP_RSA_gen(1024u);

	assert_non_null(weak);
	assert_int_equal(X509_set_pubkey(p->server.x, weak), 1);
	assert_true(X509_sign(p->server.x, p->ca.key, EVP_sha256()) > 0);
	pki_write_certificate(p->path.cert, p->server.x, NULL, 0644);
	pki_write_key(p->path.key, weak, NULL, 0600);
	refused(p, &o, EINVAL, p->path.cert, "key too small");
	EVP_PKEY_free(weak);
}

static void expires(void **state)
{
	struct pair *p = *state;
	struct pki_spec s = { .from = -60, .to = 1000 };

	assert_int_equal(tls_context_expires(p->cc), 0);
	pair_server_is(p, &s, &p->ca);
	assert_int_equal(tls_context_expires(p->sc), tls_now(p->loop) + 1000);
}

/* ---- again ---- */

/* A new certificate and key for the server under the same names. */
static void renew(struct pair *p, const struct pki_spec *s)
{
	pki_free(&p->server);
	p->server = pki_issue(p->loop, s, &p->ca);
	pki_write_certificate(p->path.cert, p->server.x, NULL, 0644);
	pki_write_key(p->path.key, p->server.key, NULL, 0600);
}

static const struct pki_spec renewed = { .cn = "renewed", .alt = { STR("DNS:" SERVER_NAME) } };

static bool sees(struct pair *p, const X509 *x)
{
	return X509_cmp(SSL_get0_peer_certificate(p->c->ssl), x) == 0;
}

static void reload(void **state)
{
	struct pair *p = *state;
	struct tls *s, *c;
	X509 *old = X509_dup(p->server.x);

	pair_up(p, SERVER_NAME, OF);
	assert_true(sees(p, old));
	renew(p, &renewed);
	assert_int_equal(tls_context_reload(p->sc), 0);
	assert_contains(pair_log(p),
			"networks.outside: certificate read again, it ends on 2027-01-01");
	/* The one that lives goes on as it was. */
	pair_says(p, p->c, "still here");
	pair_says(p, p->s, "so am I");
	assert_true(sees(p, old));
	s = p->s;
	c = p->c;
	p->s = p->c = NULL;
	/* The next one sees the new, and is not resumed from the old. */
	pair_up(p, SERVER_NAME, OF);
	assert_false(tls_resumed(p->c));
	assert_true(sees(p, p->server.x));
	pair_close(p);
	p->s = s;
	p->c = c;
	pair_says(p, p->c, "and still");
	X509_free(old);
}

static void reload_while_shaking(void **state)
{
	struct pair *p = *state;
	struct str out;
	X509 *old = X509_dup(p->server.x);

	pair_open(p, SERVER_NAME, STR_NONE);
	out = tls_take(p->c);
	tls_feed(p->s, out.p, 50);
	tls_taken(p->c, 50);
	renew(p, &renewed);
	assert_int_equal(tls_context_reload(p->sc), 0);
	assert_int_equal(tls_context_reload(p->cc), 0);
	assert_contains(pair_log(p), "trunks.carrier: trusted certificates read again");
	pair_pump(p, WHOLE);
	assert_int_equal(tls_feed(p->c, NULL, 0), TLS_UP);
	assert_true(sees(p, old));
	pair_says(p, p->c, "x");
	X509_free(old);
}

static void context_ends_first(void **state)
{
	struct pair *p = *state;

	pair_up(p, SERVER_NAME, OF);
	tls_context_free(p->sc);
	tls_context_free(p->cc);
	p->sc = p->cc = NULL;
	pair_says(p, p->c, "on our own");
	pair_says(p, p->s, "so be it");
	tls_close(p->c);
	pair_pump(p, 1);
	assert_int_equal(tls_feed(p->s, NULL, 0), TLS_CLOSED);
}

static void broken_reload(void **state)
{
	struct pair *p = *state;
	const char *text;
	X509 *old = X509_dup(p->server.x);

	pair_log(p);
	pki_write_text(p->path.cert, "-----BEGIN CERTIFICATE-----\nMI", 0644);
	assert_int_equal(tls_context_reload(p->sc), -EINVAL);
	text = pair_log(p);
	assert_contains(text, p->path.cert);
	assert_contains(text, "what was read before stays in use");
	pair_up(p, SERVER_NAME, STR_NONE);
	assert_true(sees(p, old));
	assert_int_equal(tls_context_expires(p->sc), tls_time(X509_get0_notAfter(old)));
	unlink(p->path.cert);
	assert_int_equal(tls_context_reload(p->sc), -ENOENT);
	pki_write_certificate(p->path.cert, old, NULL, 0666);
	assert_int_equal(tls_context_reload(p->sc), -EPERM);
	pki_write_certificate(p->path.cert, old, NULL, 0644);
	pki_write_key(p->path.key, p->ca.key, NULL, 0600);
	assert_int_equal(tls_context_reload(p->sc), -EINVAL);
	pair_up(p, SERVER_NAME, STR_NONE);
	X509_free(old);
}

/* Trust that is withdrawn is not resumed either. */
static void reload_of_trust(void **state)
{
	struct pair *p = *state;
	struct pki_spec other = { .cn = "Other CA", .ca = true };
	struct pki ca = pki_issue(p->loop, &other, NULL);

	pair_up(p, SERVER_NAME, OF);
	pki_write_certificate(p->path.ca, ca.x, NULL, 0644);
	assert_int_equal(tls_context_reload(p->cc), 0);
	pair_open(p, SERVER_NAME, OF);
	pair_pump(p, WHOLE);
	assert_int_equal(tls_feed(p->c, NULL, 0), TLS_FAILED);
	assert_contains(tls_why(p->c), "its issuer is CN=Test CA");
	pki_free(&ca);
}

static void watching(struct pair *p)
{
	struct tls_options o = pair_server_options(p);

	o.watch_ms = WATCH;
	pair_server(p, &o);
	pair_log(p);
}

static void watch(void **state)
{
	struct pair *p = *state;

	watching(p);
	loop_advance(p->loop, 10 * WATCH);
	assert_string_equal(pair_log(p), "");
	renew(p, &renewed);
	loop_advance(p->loop, 2 * WATCH);
	assert_contains(pair_log(p), "read again");
	pair_up(p, SERVER_NAME, STR_NONE);
	assert_true(sees(p, p->server.x));
	loop_advance(p->loop, 10 * WATCH);
	assert_string_equal(pair_log(p), "");
	/* Only the time has changed, in the same place. */
	assert_int_equal(
		utimensat(AT_FDCWD, p->path.ca, (struct timespec[]){ { 1, 2 }, { 3, 4 } }, 0), 0);
	loop_advance(p->loop, 2 * WATCH);
	assert_contains(pair_log(p), "read again");
}

/* Certificate and key come one after the other: nothing is said of the time between. */
static void watch_waits(void **state)
{
	struct pair *p = *state;
	struct pki next = pki_issue(p->loop, &renewed, &p->ca);

	watching(p);
	pki_write_certificate(p->path.cert, next.x, NULL, 0644);
	loop_advance(p->loop, WATCH);
	pki_write_key(p->path.key, next.key, NULL, 0600);
	loop_advance(p->loop, WATCH);
	assert_string_equal(pair_log(p), "");
	loop_advance(p->loop, WATCH);
	assert_contains(pair_log(p), "read again");
	pair_up(p, SERVER_NAME, STR_NONE);
	assert_true(sees(p, next.x));
	pki_free(&next);
}

/* What is wrong is told once, not at each look; what is put right is taken. */
static void watch_of_what_is_wrong(void **state)
{
	struct pair *p = *state;

	watching(p);
	unlink(p->path.key);
	loop_advance(p->loop, 2 * WATCH);
	assert_contains(pair_log(p), "No such file");
	loop_advance(p->loop, 10 * WATCH);
	assert_string_equal(pair_log(p), "");
	pair_up(p, SERVER_NAME, STR_NONE);
	renew(p, &renewed);
	loop_advance(p->loop, 2 * WATCH);
	assert_contains(pair_log(p), "read again");
	pair_up(p, SERVER_NAME, STR_NONE);
	assert_true(sees(p, p->server.x));
}

#define T(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(permissions),
		T(key_in_the_certificates_file),
		T(unreadable),
		T(broken_chain),
		T(keys),
		T(weak_key),
		T(expires),
		T(reload),
		T(reload_while_shaking),
		T(context_ends_first),
		T(broken_reload),
		T(reload_of_trust),
		T(watch),
		T(watch_waits),
		T(watch_of_what_is_wrong),
	};

	return cmocka_run_group_tests_name("tls_context", tests, NULL, NULL);
}
