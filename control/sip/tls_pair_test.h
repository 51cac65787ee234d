/* SPDX-License-Identifier: Apache-2.0 */
/* A CA, a server's and a client's certificate in files, and two connections that feed each other. */
#ifndef SLUICE_SIP_TLS_PAIR_TEST_H
#define SLUICE_SIP_TLS_PAIR_TEST_H

#include "base/test.h"
#include "sip/tls_pki_test.h"
#include "sip/tls_priv.h"

#define SERVER_NAME "sip.b.example"
#define CLIENT_NAME "sip.a.example"
#define WHOLE       SIZE_MAX /* as much at a time as there is */

struct pair_files {
	char dir[32];
	char ca[64], cert[64], key[64], client_cert[64], client_key[64], other[64], other_key[64];
};

struct pair {
	struct loop *loop;
	struct log *log;
	int log_fd;
	struct pair_files path;
	struct pki ca, server, client;
	struct tls_context *sc, *cc; /* of the server, of the client */
	struct tls *s, *c;
	char text[16384]; /* what was logged, as last read */
};

/* A cmocka setup and teardown. sc and cc exist: an optional client certificate, a client without. */
int pair_setup(void **state);
int pair_teardown(void **state);

struct tls_options pair_server_options(struct pair *p);
struct tls_options pair_client_options(struct pair *p);
/* Other contexts; asserts that there is one. */
void pair_server(struct pair *p, const struct tls_options *o);
void pair_client(struct pair *p, const struct tls_options *o);
/* The server's certificate becomes what `spec` says, issued by `issuer` (NULL: itself); new context. */
void pair_server_is(struct pair *p, const struct pki_spec *spec, const struct pki *issuer);
/* The client shows one. */
void pair_client_is(struct pair *p, const struct pki_spec *spec, const struct pki *issuer);

/* New connections, nothing fed yet. */
void pair_open(struct pair *p, const char *server_name, struct str session_of);
/* Feeds both until nothing is left, `piece` octets at a time. */
void pair_pump(struct pair *p, size_t piece);
/* Both are up. */
void pair_up(struct pair *p, const char *server_name, struct str session_of);
/* One that fails at the client with `why` in its reason. */
void pair_fails(struct pair *p, const char *server_name, const char *why);
void pair_close(struct pair *p);
/* `text` sent by one arrives at the other. */
void pair_says(struct pair *p, struct tls *from, const char *text);
void pair_only_1_2(struct tls_context *c);
/* What was logged since the last call. */
const char *pair_log(struct pair *p);

#define assert_contains(text, part)                                                                \
	do {                                                                                       \
		if (!strstr((text), (part)))                                                       \
			fail_msg("\"%s\" is not in: %s", (part), (text));                          \
	} while (0)

#endif
