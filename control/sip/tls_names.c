/* SPDX-License-Identifier: Apache-2.0 */
/* Which SIP identities a certificate has (RFC 5922 7.1) and whether one is the name we look for (7.2):
 * URIs of subjectAltName with scheme sip and no user; only if there are none its DNS names; only if
 * there is no subjectAltName at all the subject's CN. Whole names, any case, no wildcards. */
#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include "sip/tls_priv.h"

#define NAME_MAX_OCTETS 253
#define LABEL_MAX       63

static struct str str_of_asn1(const ASN1_STRING *s)
{
	return (struct str){ (const char *)ASN1_STRING_get0_data(s),
			     (size_t)ASN1_STRING_length(s) };
}

static bool is_label_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

/* Without the dot of the root. What is not a host name as a whole is STR_NONE, which is equal to none:
 * so no NUL, blank or '*' ever gets as far as a comparison. */
static struct str host_name(struct str s)
{
	size_t label = 0;

	if (s.n && s.p[s.n - 1] == '.')
		s.n--;
	if (!s.n || s.n > NAME_MAX_OCTETS)
		return STR_NONE;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' ? !label : !is_label_octet(s.p[i]))
			return STR_NONE;
		label = s.p[i] == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return STR_NONE;
	}
	return label ? s : STR_NONE;
}

static bool same_host(struct str a, struct str b)
{
	a = host_name(a);
	b = host_name(b);
	return a.n && str_caseeq(a, b);
}

/* The host of an entry that is an identity as "URI with scheme sip"; false: it is none. */
static bool uri_identity(const GENERAL_NAME *g, struct str *host)
{
	struct str u;
	size_t n = 0;

	if (g->type != GEN_URI)
		return false;
	u = str_of_asn1(g->d.uniformResourceIdentifier);
	if (u.n < 4 || !str_caseeq((struct str){ u.p, 4 }, STR("sip:")) || memchr(u.p, '@', u.n))
		return false;
	u.p += 4;
	u.n -= 4;
	while (n < u.n && u.p[n] != ':' && u.p[n] != ';' && u.p[n] != '?')
		n++;
	*host = (struct str){ u.p, n };
	return true;
}

static bool has_uri_identity(const GENERAL_NAMES *alt)
{
	struct str host;

	for (int i = 0; i < sk_GENERAL_NAME_num(alt); i++)
		if (uri_identity(sk_GENERAL_NAME_value(alt, i), &host))
			return true;
	return false;
}

static bool alt_is(const GENERAL_NAMES *alt, struct str name)
{
	bool uris = has_uri_identity(alt);

	for (int i = 0; i < sk_GENERAL_NAME_num(alt); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(alt, i);
		struct str host = STR_NONE;

		if (uris)
			uri_identity(g, &host);
		else if (g->type == GEN_DNS)
			host = str_of_asn1(g->d.dNSName);
		if (same_host(host, name))
			return true;
	}
	return false;
}

/* The CN that says most, which is the last; freed with OPENSSL_free(). -1: there is none. */
static int last_cn(const X509 *x, unsigned char **utf8)
{
	const X509_NAME *subject = X509_get_subject_name(x);
	int at = -1, next = -1;

	while ((next = X509_NAME_get_index_by_NID(subject, NID_commonName, next)) >= 0)
		at = next;
	if (at < 0)
		return -1;
	return ASN1_STRING_to_UTF8(utf8,
				   X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

static bool cn_is(const X509 *x, struct str name)
{
	unsigned char *utf8 = NULL;
	int n = last_cn(x, &utf8);
	bool is = n > 0 && same_host((struct str){ (const char *)utf8, (size_t)n }, name);

	OPENSSL_free(utf8);
	return is;
}

/* Octets of an address literal, also "[2001:db8::1]"; 0: it is none. */
static size_t address(const char *name, unsigned char out[16])
{
	char text[INET6_ADDRSTRLEN];
	size_t n = strlen(name);

	if (n > 2 && name[0] == '[' && name[n - 1] == ']') {
		name++;
		n -= 2;
	}
	if (n >= sizeof(text))
		return 0;
	memcpy(text, name, n);
	text[n] = 0;
	if (inet_pton(AF_INET, text, out) == 1)
		return 4;
	return inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
}

bool tls_is_address(const char *name)
{
	unsigned char octets[16];

	return address(name, octets) != 0;
}

/* *present: it has one, readable or not. */
static GENERAL_NAMES *alt_names(const X509 *x, bool *present)
{
	int critical;
	GENERAL_NAMES *alt = X509_get_ext_d2i(x, NID_subject_alt_name, &critical, NULL);

	*present = alt || critical != -1;
	return alt;
}

static bool has_address(const GENERAL_NAMES *alt, struct str octets)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(alt); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(alt, i);

		if (g->type == GEN_IPADD && str_eq(str_of_asn1(g->d.iPAddress), octets))
			return true;
	}
	return false;
}

bool tls_certificate_is(const X509 *x, const char *name)
{
	unsigned char octets[16];
	size_t n = address(name, octets);
	bool present, is;
	GENERAL_NAMES *alt = alt_names(x, &present);

	if (n)
		is = has_address(alt, (struct str){ (const char *)octets, n });
	else if (present)
		is = alt_is(alt, str_of(name));
	else
		is = cn_is(x, str_of(name));
	GENERAL_NAMES_free(alt);
	return is;
}

/* ---- for people ---- */

static void put_printable(struct buf *out, const char *kind, struct str s)
{
	if (out->n)
		buf_lit(out, ", ");
	buf_put(out, str_of(kind));
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i] > ' ' && s.p[i] < 0x7f ? s.p[i] : '?';

		buf_add(out, &c, 1);
	}
}

static void put_address(struct buf *out, struct str octets)
{
	char text[INET6_ADDRSTRLEN] = "?";

	if (octets.n == 4 || octets.n == 16)
		inet_ntop(octets.n == 4 ? AF_INET : AF_INET6, octets.p, text, sizeof(text));
	put_printable(out, "", str_of(text));
}

static void put_alt(struct buf *out, const GENERAL_NAMES *alt)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(alt); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(alt, i);

		if (g->type == GEN_URI)
			put_printable(out, "", str_of_asn1(g->d.uniformResourceIdentifier));
		else if (g->type == GEN_DNS)
			put_printable(out, "DNS:", str_of_asn1(g->d.dNSName));
		else if (g->type == GEN_IPADD)
			put_address(out, str_of_asn1(g->d.iPAddress));
	}
}

void tls_certificate_names(const X509 *x, struct buf *out)
{
	unsigned char *utf8 = NULL;
	bool present;
	GENERAL_NAMES *alt = alt_names(x, &present);
	int n;

	if (alt) {
		put_alt(out, alt);
	} else if (!present) {
		n = last_cn(x, &utf8);
		if (n > 0)
			put_printable(out, "CN:", (struct str){ (const char *)utf8, (size_t)n });
		OPENSSL_free(utf8);
	}
	if (!out->n)
		buf_lit(out, "no name at all");
	GENERAL_NAMES_free(alt);
}
