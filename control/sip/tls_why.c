/* SPDX-License-Identifier: Apache-2.0 */
/* Why a connection failed, in words that say who can put it right. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include "sip/tls_priv.h"

#define NAMES_MAX   512
#define SUBJECT_MAX 256

/* A reason of OpenSSL; 1000 and more are alerts that the peer has sent (RFC 8446 6.2). */
static const struct {
	int reason;
	const char *text;
} words[] = {
	{ SSL_R_NO_SHARED_CIPHER, "the client offers no cipher suite that we allow: ECDHE with "
				  "AES-GCM or ChaCha20-Poly1305" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, "the peer speaks neither TLS 1.2 nor TLS 1.3" },
	{ SSL_R_WRONG_VERSION_NUMBER,
	  "what comes is not TLS 1.2 or 1.3; plain SIP sent to a port for TLS looks like this" },
	{ SSL_R_HTTP_REQUEST, "this is HTTP, not TLS" },
	{ SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM,
	  "our certificate's kind of key is none that the peer understands" },
	{ SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,
	  "the client shows no certificate, and here it has to: the peer must be given one" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
	  "the peer says handshake failure: it shares no cipher suite with us (ECDHE with AES-GCM "
	  "or "
	  "ChaCha20-Poly1305), or demands a certificate of ours" },
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
	  "the peer demands a certificate of ours and there is none: set one" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
	  "the peer refuses our certificate: it may not bear the name that the peer expects" },
	{ SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
	  "the peer refuses our certificate: its usage does not allow this, or its kind of key" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "the peer says that our certificate was revoked" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "the peer says that our certificate has ended: "
						 "renew it, or one of the two clocks is wrong" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
	  "the peer refuses our certificate: it may not bear the name that the peer expects" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, "the peer does not trust the issuer of our certificate: "
					"send the whole chain, or the peer must add "
					"the CA" },
	{ SSL_R_TLSV1_ALERT_ACCESS_DENIED, "the peer knows our certificate and lets us not in" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "the peer speaks neither TLS 1.2 nor TLS 1.3" },
	{ SSL_R_TLSV1_UNRECOGNIZED_NAME, "the peer does not know the server name that we ask for" },
	{ SSL_R_TLSV1_ALERT_NO_RENEGOTIATION, "the peer refuses to renegotiate" },
};

const char *tls_date(int64_t t, char out[TLS_DATE])
{
	time_t when = (time_t)t;
	struct tm tm;

	if (!gmtime_r(&when, &tm) || !strftime(out, TLS_DATE, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(out, TLS_DATE, "an unknown date");
	return out;
}

void tls_say(struct tls *t, const char *fmt, ...)
{
	va_list ap;

	if (t->why && !t->remark)
		return;
	free(t->why);
	t->remark = false;
	va_start(ap, fmt);
	if (vasprintf(&t->why, fmt, ap) < 0)
		t->why = NULL;
	va_end(ap);
}

static const char *words_of(unsigned long e)
{
	if (ERR_GET_LIB(e) != ERR_LIB_SSL)
		return NULL;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].reason == ERR_GET_REASON(e))
			return words[i].text;
	return NULL;
}

void tls_say_error(struct tls *t, int ssl_error)
{
	const char *text = NULL, *other = NULL;
	unsigned long e;

	while ((e = ERR_get_error())) {
		const char *w = words_of(e);

		text = w ? w : text;
		other = ERR_reason_error_string(e);
	}
	if (text)
		tls_say(t, "%s", text);
	else if (ssl_error == SSL_ERROR_ZERO_RETURN)
		tls_say(t, "the peer closed in the middle of the handshake");
	else
		tls_say(t, "TLS fails: %s", other ? other : "no memory");
}

/* ---- certificates ---- */

/* Everything but plain ASCII comes escaped: the peer has chosen it. */
static void put_name(char out[SUBJECT_MAX], const X509_NAME *name)
{
	BIO *b = BIO_new(BIO_s_mem());
	int n = 0;

	if (b && X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253) > 0)
		n = BIO_read(b, out, SUBJECT_MAX - 1);
	out[n > 0 ? n : 0] = 0;
	if (n <= 0)
		snprintf(out, SUBJECT_MAX, "(no name)");
	BIO_free(b);
}

static void say_time(struct tls *t, const X509 *x, const char *subject)
{
	int64_t now = tls_now(t->g->loop), from = tls_time(X509_get0_notBefore(x)),
		to = tls_time(X509_get0_notAfter(x));
	char a[TLS_DATE], b[TLS_DATE];

	if (now < from)
		tls_say(t,
			"the certificate of %s is not valid before %s, and our clock says %s: one "
			"of the two "
			"must be put right",
			subject, tls_date(from, a), tls_date(now, b));
	else
		tls_say(t,
			"the certificate of %s has expired on %s, and our clock says %s: its owner "
			"must renew "
			"it",
			subject, tls_date(to, a), tls_date(now, b));
}

static void say_name(struct tls *t, const X509 *x)
{
	char mem[NAMES_MAX];
	struct buf names;

	buf_init(&names, mem, sizeof(mem));
	tls_certificate_names(x, &names);
	tls_say(t,
		"the certificate of the peer is for %.*s%s, not for %s%s: correct the name that is "
		"configured, or the peer needs a certificate with %s%s",
		STR_FMT(buf_str(&names)), names.full ? " and more" : "", t->name,
		memchr(mem, '*', names.n) ? " (wildcards do not count for SIP, RFC 5922 7.2)" : "",
		tls_is_address(t->name) ? "the IP address " : "sip: or DNS:", t->name);
}

static void say_usage(struct tls *t, const char *subject)
{
	tls_say(t,
		"the certificate of %s is not for a SIP %s: it must be issued with the extended "
		"key usage "
		"%s, or with none",
		subject, t->server ? "client" : "server", t->server ? "clientAuth" : "serverAuth");
}

static void say_issuer(struct tls *t, const X509 *x, const char *subject)
{
	char issuer[SUBJECT_MAX];

	put_name(issuer, X509_get_issuer_name(x));
	tls_say(t,
		"nobody whom we trust (%s) has issued the certificate of %s, its issuer is %s: "
		"that CA must "
		"be added there, or the peer must send the certificates between",
		t->g->trust, subject, issuer);
}

void tls_say_certificate(struct tls *t, X509_STORE_CTX *sc)
{
	const X509 *x = X509_STORE_CTX_get_current_cert(sc);
	char subject[SUBJECT_MAX];

	x = x ? x : X509_STORE_CTX_get0_cert(sc);
	put_name(subject, X509_get_subject_name(x));
	switch (X509_STORE_CTX_get_error(sc)) {
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_CERT_HAS_EXPIRED:
		say_time(t, x, subject);
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
		say_name(t, X509_STORE_CTX_get0_cert(sc));
		break;
	case X509_V_ERR_INVALID_PURPOSE:
		say_usage(t, subject);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		tls_say(t,
			"%s has signed its certificate itself, and it is not among those we trust "
			"(%s): add it "
			"there if it is the right one",
			subject, t->g->trust);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		say_issuer(t, x, subject);
		break;
	default:
		tls_say(t, "the certificate of %s does not verify: %s", subject,
			X509_verify_cert_error_string(X509_STORE_CTX_get_error(sc)));
	}
}
