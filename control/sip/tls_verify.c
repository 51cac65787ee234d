/* SPDX-License-Identifier: Apache-2.0 */
/* In the handshake: chain, usage and name of the peer's certificate. */
#include <openssl/x509v3.h>
#include "sip/tls_priv.h"

#define SIP_DOMAIN "1.3.6.1.5.5.7.3.20" /* id-kp-sipDomain, RFC 5924 */

int64_t tls_time(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

bool tls_certificate_ended(const X509 *x, int64_t now)
{
	return tls_time(X509_get0_notAfter(x)) < now;
}

static bool is_for_sip_domains(const X509 *x)
{
	EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
	char oid[sizeof(SIP_DOMAIN) + 1];
	bool is = false;

	for (int i = 0; i < sk_ASN1_OBJECT_num(usage) && !is; i++)
		is = OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(usage, i), 1) ==
			     sizeof(SIP_DOMAIN) - 1 &&
		     memcmp(oid, SIP_DOMAIN, sizeof(SIP_DOMAIN)) == 0;
	EXTENDED_KEY_USAGE_free(usage);
	return is;
}

/* RFC 5924 alone would refuse what every public CA issues. A SIP server calls others with the certificate
 * it answers with, and public CAs give no clientAuth any more, so serverAuth is good for both. */
static bool usage_allows(X509 *x, bool of_client)
{
	uint32_t usage = X509_get_extended_key_usage(x);
	uint32_t good = XKU_SSL_SERVER | XKU_ANYEKU | (of_client ? XKU_SSL_CLIENT : 0);

	if (!(X509_get_extension_flags(x) & EXFLAG_XKUSAGE))
		return true;
	return usage & good || is_for_sip_domains(x);
}

/* One that may sign handshakes; or encrypt keys, as old certificates say that mean the same. */
static bool key_allows(X509 *x)
{
	const uint32_t good = KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT;

	return X509_get_key_usage(x) & good;
}

/* All but a trust anchor, which is what it is because somebody put it there. */
static bool chain_allows(X509_STORE_CTX *sc, bool of_client)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(sc);

	if (!key_allows(sk_X509_value(chain, 0)))
		return false;
	for (int i = 0; i == 0 || i < sk_X509_num(chain) - 1; i++)
		if (!usage_allows(sk_X509_value(chain, i), of_client))
			return false;
	return true;
}

static int error_of(const struct tls *t, X509_STORE_CTX *sc)
{
	if (X509_verify_cert(sc) != 1) {
		int e = X509_STORE_CTX_get_error(sc);

		return e == X509_V_OK ? X509_V_ERR_UNSPECIFIED : e;
	}
	if (!chain_allows(sc, t->server))
		return X509_V_ERR_INVALID_PURPOSE;
	if (!t->server && !tls_certificate_is(X509_STORE_CTX_get0_cert(sc), t->name))
		return X509_V_ERR_HOSTNAME_MISMATCH;
	return X509_V_OK;
}

int tls_verify(X509_STORE_CTX *sc, void *unused)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(sc, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *t = SSL_get_app_data(ssl);
	int e = error_of(t, sc);

	X509_STORE_CTX_set_error(sc, e);
	if (e == X509_V_OK)
		return 1;
	tls_say_certificate(t, sc);
	/* Who need not show one may show a bad one: the error stays with the session, so that it proves
	 * nothing. Telephones come with certificates of their makers. */
	t->remark = t->server && !t->g->demand;
	return t->remark;
}
