/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sip/tls_pki_test.h"

#define must(x)                                                                                    \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static ASN1_STRING *octets(int type, struct str s)
{
	ASN1_STRING *a = ASN1_STRING_type_new(type);

	must(a && ASN1_STRING_set(a, s.p, (int)s.n) == 1);
	return a;
}

static GENERAL_NAME *alt_name(struct str s)
{
	static const struct {
		const char *prefix;
		int type;
	} kinds[] = { { "URI:", GEN_URI }, { "DNS:", GEN_DNS }, { "EMAIL:", GEN_EMAIL } };
	GENERAL_NAME *g = GENERAL_NAME_new();

	must(g);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct str prefix = str_of(kinds[i].prefix);

		if (!str_starts(s, prefix))
			continue;
		GENERAL_NAME_set0_value(
			g, kinds[i].type,
			octets(V_ASN1_IA5STRING, (struct str){ s.p + prefix.n, s.n - prefix.n }));
		return g;
	}
	must(str_starts(s, STR("IP:")));
	GENERAL_NAME_set0_value(g, GEN_IPADD, a2i_IPADDRESS(s.p + 3));
	return g;
}

static void add_alt(X509 *x, const struct pki_spec *s)
{
	GENERAL_NAMES *all = GENERAL_NAMES_new();

	must(all);
	for (unsigned i = 0; i < PKI_ALT_MAX && s->alt[i].p; i++)
		must(sk_GENERAL_NAME_push(all, alt_name(s->alt[i])) > 0);
	if (s->alt[0].p)
		must(X509_add1_ext_i2d(x, NID_subject_alt_name, all, 0, 0) == 1);
	GENERAL_NAMES_free(all);
}

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *e;
	X509V3_CTX c;

	X509V3_set_ctx(&c, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &c, nid, value);
	must(e && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static void set_subject(X509 *x, const struct pki_spec *s)
{
	if (s->cn)
		must(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
						(const unsigned char *)s->cn, -1, -1, 0) == 1);
}

static void set_time(struct loop *l, X509 *x, const struct pki_spec *s)
{
	time_t now = (time_t)(loop_wall_us(l) / 1000000);
	int64_t from = s->from || s->to ? s->from : -PKI_DAY,
		to = s->from || s->to ? s->to : 365 * PKI_DAY;

	must(ASN1_TIME_set(X509_getm_notBefore(x), now + (time_t)from));
	must(ASN1_TIME_set(X509_getm_notAfter(x), now + (time_t)to));
}

static void set_serial(X509 *x)
{
	uint64_t serial;

	must(RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1);
	must(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) == 1);
}

struct pki pki_issue(struct loop *l, const struct pki_spec *s, const struct pki *issuer)
{
	struct pki p = { .key = s->rsa ? EVP_RSA_gen(2048u) : EVP_EC_gen("P-256"),
			 .x = X509_new() };

	must(p.key && p.x);
	issuer = issuer ? issuer : &p;
	must(X509_set_version(p.x, X509_VERSION_3) == 1 && X509_set_pubkey(p.x, p.key) == 1);
	set_serial(p.x);
	set_subject(p.x, s);
	set_time(l, p.x, s);
	must(X509_set_issuer_name(p.x, X509_get_subject_name(issuer->x)) == 1);
	add_extension(p.x, issuer->x, NID_basic_constraints,
		      s->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (s->usage)
		add_extension(p.x, issuer->x, NID_key_usage, s->usage);
	if (s->extended)
		add_extension(p.x, issuer->x, NID_ext_key_usage, s->extended);
	add_alt(p.x, s);
	must(X509_sign(p.x, issuer->key, EVP_sha256()) > 0);
	return p;
}

void pki_free(struct pki *p)
{
	EVP_PKEY_free(p->key);
	X509_free(p->x);
	*p = (struct pki){ 0 };
}

static FILE *create(const char *path, mode_t mode)
{
	FILE *f;
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	must(fd >= 0 && fchmod(fd, mode) == 0);
	f = fdopen(fd, "w");
	must(f);
	return f;
}

void pki_write_certificate(const char *path, const X509 *x, const X509 *and_x, mode_t mode)
{
	FILE *f = create(path, mode);

	must(PEM_write_X509(f, x) == 1 && (!and_x || PEM_write_X509(f, and_x) == 1));
	must(fclose(f) == 0);
}

void pki_write_key(const char *path, EVP_PKEY *key, const char *passphrase, mode_t mode)
{
	FILE *f = create(path, mode);
	int n = passphrase ? (int)strlen(passphrase) : 0;

	must(PEM_write_PKCS8PrivateKey(f, key, passphrase ? EVP_aes_128_cbc() : NULL, passphrase, n,
				       NULL, NULL) == 1);
	must(fclose(f) == 0);
}

void pki_write_text(const char *path, const char *text, mode_t mode)
{
	FILE *f = create(path, mode);

	must(fputs(text, f) >= 0 && fclose(f) == 0);
}
