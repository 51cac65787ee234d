/* SPDX-License-Identifier: Apache-2.0 */
/* Digest (RFC 3261 22, RFC 7616, RFC 8760): MD5, SHA-256, SHA-512-256, each with -sess; qop auth, auth-int and
 * none; reading and writing of all its header fields. Pure but for the server's nonce key. Digests by
 * OpenSSL. Comparisons of secrets take constant time; secrets are wiped after use and never logged. */
#ifndef SLUICE_SIP_AUTH_H
#define SLUICE_SIP_AUTH_H

#include "base/loop.h"
#include "sip/msg.h"

enum auth_algorithm {
	AUTH_MD5,
	AUTH_SHA256,
	AUTH_SHA512_256,
	AUTH_ALGORITHMS /* one we don't know */
};
#define AUTH_BIT(algorithm) (1u << (algorithm))

/* WWW-Authenticate, Proxy-Authenticate: slices of the message, quotes off, escapes still in. */
struct auth_challenge {
	struct str realm, nonce, opaque, domain;
	enum auth_algorithm algorithm;
	bool sess, stale, userhash;
	bool qop_auth, qop_auth_int, has_qop;
};

/* Authorization, Proxy-Authorization. */
struct auth_credentials {
	struct str username, realm, nonce, uri, response, opaque, cnonce, nc, qop;
	enum auth_algorithm algorithm;
	bool sess, userhash;
};

/* One header value. 0; -SIP_E_HEADER: not readable; -ENOTSUP: another scheme than Digest. */
int auth_challenge_parse(struct str value, struct auth_challenge *c);
int auth_credentials_parse(struct str value, struct auth_credentials *c);

/* ---- client ---- */

struct auth_login {
	const char *user, *password;
	const char *realm; /* only to this one (any case); NULL: any realm of that neighbour */
	unsigned algorithms; /* AUTH_BIT()s of those that will do; 0: all */
};

/* What a client keeps of a challenge, to answer later requests without another 401 (nc counts). Owned by
 * who holds it; auth_state_free() wipes. */
struct auth_state;
void auth_state_free(struct auth_state *a); /* NULL is allowed */

/* Looks through all challenges of a 401 or 407 (strongest algorithm that we know first, RFC 8760 2.4) and keeps
 * the one to answer in *state, which may hold an earlier one. 0; -EACCES: none is ours to answer: other
 * realm, or our answer to this nonce was refused already and it is not stale; -ENOTSUP: none that we can. */
int auth_take(struct auth_state **state, const struct sip_msg *m, const struct auth_login *l,
	      struct loop *loop);
/* Appends the Authorization or Proxy-Authorization line for a request. Counts nc up. */
void auth_put(struct auth_state *a, const struct auth_login *l, struct str method, struct str uri,
	      struct str body, struct buf *b);

/* ---- server ---- */

/* Nonces are time and HMAC, 60 s, nothing is kept for them but which nc were seen (bounded). */
struct auth_server;
struct auth_server *auth_server_new(struct loop *loop, const char *realm); /* NULL + errno */
void auth_server_free(struct auth_server *a);

enum auth_verdict {
	AUTH_OK,
	AUTH_NONE,  /* no credentials for our realm */
	AUTH_STALE, /* right, but the nonce is old: challenge with stale=true */
	AUTH_BAD    /* wrong user, password, nc, uri: all look the same from outside */
};

/* `password_of`: the password of a user, NULL: no such user (the same work is done then). */
enum auth_verdict auth_check(struct auth_server *a, const struct sip_msg *m, bool proxy,
			     const char *(*password_of)(void *arg, struct str user), void *arg);
/* Appends a challenge line for each of `algorithms` (AUTH_BIT(); 0: SHA-256 and MD5), the strongest first. */
void auth_put_challenge(struct auth_server *a, bool proxy, bool stale, unsigned algorithms,
			struct buf *b);

#endif
