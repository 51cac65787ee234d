/* SPDX-License-Identifier: Apache-2.0 */
/* Our parser beside libosip2 and Sofia-SIP: the same datagrams, what each takes them for, and rules that
 * explain where they differ. */
#ifndef SLUICE_FUZZ_DIFF_H
#define SLUICE_FUZZ_DIFF_H

#include "sip/msg.h"
#include "view.h"

/* ---- generate.c ---- */

struct corpus {
	struct str *text;
	size_t n, cap;
};

int corpus_add(struct corpus *c, const char *path); /* takes one file */
void corpus_free(struct corpus *c);
/* The i-th of a series that is the same on every run: a message of the corpus with one to three changes. */
struct str generate(const struct corpus *c, uint64_t i, char out[DATAGRAM_MAX]);

/* ---- rules.c ---- */

enum kind {
	STRICTER, /* we refuse, the other one does not */
	LAXER,    /* the other way round */
	VALUE     /* both accept; one more for each enum view_value */
};

struct rules;
struct rules *rules_load(const char *path); /* NULL: said on stdout */
void rules_free(struct rules *r);
/* Does a rule explain this difference? peer: "osip" or "sofia". */
bool rules_explain(struct rules *r, const char *peer, unsigned kind, int error,
		   struct str datagram);
/* Rules that explained nothing, said on stdout. */
unsigned rules_unused(const struct rules *r);
const char *kind_name(unsigned kind);
const char *error_name(int error);
/* One octet a character, what is not printable in braces; CRLF is "\n". */
char *readable(struct str datagram);

#endif
