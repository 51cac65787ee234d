/* SPDX-License-Identifier: Apache-2.0 */
/* A message in memory of exactly its length and SIP_PAD, so that the sanitizer sees one octet more.
 */
#ifndef SLUICE_SIP_MSG_TEST_H
#define SLUICE_SIP_MSG_TEST_H

#include <stdlib.h>
#include "base/test.h"
#include "sip/msg.h"

struct parsed {
	char *mem;
	struct sip_msg m;
	struct sip_core c;
	int msg, core; /* what the two functions returned */
};

static inline struct parsed *parse(struct str s)
{
	struct parsed *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->mem = malloc(s.n + SIP_PAD);
	assert_non_null(t->mem);
	memcpy(t->mem, s.p, s.n);
	memset(t->mem + s.n, 0xa5, SIP_PAD);
	t->msg = sip_msg_parse(&t->m, t->mem, s.n);
	t->core = sip_msg_core(&t->m, &t->c);
	return t;
}

static inline void done(struct parsed *t)
{
	free(t->mem);
	free(t);
}

/* Is there what a 4xx needs: a request, no ACK, with the fields that nobody can do without? */
static inline bool answerable(const struct parsed *t)
{
	return !t->m.status && t->m.method_name.n && t->m.method != SIP_ACK &&
	       sip_value(&t->m, SIP_HDR_VIA).n && sip_value(&t->m, SIP_HDR_CSEQ).n;
}

/* The first of the two errors, as a positive enum sip_error. */
static inline int error_of(struct str s)
{
	struct parsed *t = parse(s);
	int rc = t->msg ? t->msg : t->core;

	done(t);
	return -rc;
}

#define VIA     "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa1\r\n"
#define FROM    "From: <sip:alice@example.com>;tag=f1\r\n"
#define TO      "To: <sip:bob@example.net>\r\n"
#define CALL_ID "Call-ID: c1@192.0.2.1\r\n"
#define CSEQ    "CSeq: 1 INVITE\r\n"
#define INVITE  "INVITE sip:bob@example.net SIP/2.0\r\n"
#define BASIC   VIA FROM TO CALL_ID CSEQ

#endif
