/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of digest share: auth_parse.c and auth_print.c (header fields), auth_digest.c (the sums),
 * auth_client.c, auth_server.c. */
#ifndef SLUICE_SIP_AUTH_PRIV_H
#define SLUICE_SIP_AUTH_PRIV_H

#include "sip/auth.h"

#define AUTH_VALUE_MAX 1024 /* octets of a realm, nonce, opaque, user, ...; longer is malformed */
#define AUTH_HEX_MAX   64   /* of a digest */
#define AUTH_NC_LEN    8

/* The octets that a quoted value stands for; `mem` (raw.n octets) is used only if there are escapes. */
struct str auth_unescape(struct str raw, char *mem);
/* The other way. STR_NONE: longer than `cap`, or it holds what no header field can. */
struct str auth_escape(struct str plain, char *mem, size_t cap);

/* Whole lines, without CRLF inside as long as the slices have none. */
void auth_challenge_put(struct buf *b, bool proxy, const struct auth_challenge *c);
void auth_credentials_put(struct buf *b, bool proxy, const struct auth_credentials *c);

/* What a digest is made of; no escapes in here. */
struct auth_input {
	enum auth_algorithm algorithm;
	bool sess;
	struct str user, realm, password;
	struct str nonce, cnonce, nc;
	struct str qop; /* "auth", "auth-int"; empty: as RFC 2069 did */
	struct str method, uri, body;
};

/* RFC 7616 3.4.1. Returns the number of hexadecimal digits (32, 64); 0: the algorithm is not known, or
 * forbidden on this host. */
size_t auth_digest(const struct auth_input *in, char out[AUTH_HEX_MAX]);
/* user:realm, RFC 7616 3.4.4. */
size_t auth_userhash(enum auth_algorithm algorithm, struct str user, struct str realm,
		     char out[AUTH_HEX_MAX]);
bool auth_algorithm_usable(enum auth_algorithm algorithm);
size_t auth_hex_len(enum auth_algorithm algorithm); /* 0: not known */

#endif
