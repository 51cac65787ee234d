/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate authority for tests and benchmarks, made when they run: nothing that could expire lies
 * about. What goes wrong aborts. */
#ifndef SLUICE_SIP_TLS_PKI_TEST_H
#define SLUICE_SIP_TLS_PKI_TEST_H

#include <openssl/x509.h>
#include <sys/types.h>
#include "base/loop.h"
#include "base/str.h"

#define PKI_ALT_MAX 6
#define PKI_DAY     86400

struct pki_spec {
	const char *cn;              /* NULL: the subject is empty */
	struct str alt[PKI_ALT_MAX]; /* "URI:sip:a.example", "DNS:b", "IP:192.0.2.1", "EMAIL:c@d" */
	const char *usage,
		*extended; /* as in openssl.cnf: "critical,keyCertSign", "serverAuth"; NULL: none */
	int64_t from, to;  /* seconds from now; both 0: yesterday, and in a year */
	bool ca;
	bool rsa; /* 2048 bits; else P-256 */
};

struct pki {
	EVP_PKEY *key;
	X509 *x;
};

/* `issuer` NULL: signs itself. Now is that of the loop. */
struct pki pki_issue(struct loop *l, const struct pki_spec *s, const struct pki *issuer);
void pki_free(struct pki *p);

/* A new file in place of what is there. `and_x`: a second certificate in it, or NULL. */
void pki_write_certificate(const char *path, const X509 *x, const X509 *and_x, mode_t mode);
void pki_write_key(const char *path, EVP_PKEY *key, const char *passphrase, mode_t mode);
void pki_write_text(const char *path, const char *text, mode_t mode);

#endif
