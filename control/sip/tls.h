/* SPDX-License-Identifier: Apache-2.0 */
/* TLS 1.2 and 1.3 over memory (OpenSSL 3): octets of the wire in, octets for the wire out; no
 * socket, no clock of its own. Identity follows RFC 5922: the peer's certificate must name the SIP
 * domain in a URI or DNS subjectAltName. Nothing here is thread-safe, each shard has its own.
 *
 * ECDHE with AEAD only, no renegotiation, no compression; tickets' keys turn every 12 h. Private keys and
 * session secrets are never logged. */
#ifndef SLUICE_SIP_TLS_H
#define SLUICE_SIP_TLS_H

#include "base/log.h"
#include "base/loop.h"

struct tls_context; /* certificates, trust, session caches: for one network or one trunk */
struct tls;         /* one connection */

struct tls_options {
	struct loop *loop;
	struct log *log;
	const char *name; /* for messages to people: "networks.outside" */
	const char *
		certificate; /* PEM: own certificate, then its chain; NULL: none (client without) */
	const char *key;     /* PEM; NULL: it is in the file of the certificate */
	const char *ca;      /* PEM bundle of who is trusted; NULL: the system's */
	bool server;
	bool demand;       /* server: a client certificate that verifies is demanded */
	uint32_t watch_ms; /* look whether the files changed every so often; 0: never (tests) */
};

/* Reads everything now. NULL + errno, logged with file and reason. Files that others may write, or a
 * key that others may read, are refused with -EPERM. */
struct tls_context *tls_context_new(const struct tls_options *o);
/* Live connections stay what they are. */
void tls_context_free(struct tls_context *c);
/* The files again: new connections get the new ones, live ones keep theirs; what cannot be read is
 * logged and changes nothing. 0 or -errno. Also happens by itself (watch_ms). */
int tls_context_reload(struct tls_context *c);
/* When the own certificate ends; seconds since 1970, 0: there is none. */
int64_t tls_context_expires(const struct tls_context *c);

/* server_name: client: SNI, and the name that the peer's certificate must have (RFC 5922 7.1; an
 * address literal is matched with an iPAddress entry). NULL for a server. `session_of`: client: resume the
 * last session with this key (an address, say) and that name, STR_NONE: none. The client's first octets are
 * in the output at once. A context for servers may make clients too. NULL + errno. */
struct tls *tls_new(struct tls_context *c, const char *server_name, struct str session_of);
/* Says close_notify into the output where one is owed (drain it): TLS_CLOSED. A failure stays one. */
void tls_close(struct tls *t);
void tls_free(struct tls *t);

enum tls_state {
	TLS_SHAKING,
	TLS_UP,
	TLS_CLOSED, /* close_notify came (the answer is in the output), or tls_close() */
	TLS_FAILED  /* tls_why(); an alert for the peer may be in the output */
};

/* Octets of the wire. What they decrypt to is read with tls_read(); what must be sent as their
 * consequence with tls_take(). Returns the state. */
enum tls_state tls_feed(struct tls *t, const char *p, size_t n);
size_t tls_read(struct tls *t, char *out, size_t room);
/* Plain octets to be sent; all are taken (-ENOTCONN: not up or closed; -ENOMEM). */
int tls_write(struct tls *t, const char *p, size_t n);
/* Octets for the wire: borrowed until the next call on t; then tls_taken(). */
struct str tls_take(struct tls *t);
void tls_taken(struct tls *t, size_t n);
/* Of TLS_FAILED, for a log: what is wrong and who can put it right; never NULL. Before: "", or why the
 * certificate that a client has shown without need does not count. */
const char *tls_why(const struct tls *t);
/* Server: does the verified client certificate bear this name (RFC 5922 7.1)? No certificate: false. */
bool tls_peer_is(const struct tls *t, const char *name);
bool tls_has_peer(const struct tls *t); /* a verified client certificate was shown */
bool tls_resumed(const struct tls *t);
struct str tls_sni(const struct tls *t);      /* server: the name the client asked for */
const char *tls_version(const struct tls *t); /* "TLSv1.3" */

#endif
