/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_SDP_SDP_PRIV_H
#define SLUICE_SDP_SDP_PRIV_H

#include "sdp/sdp.h"

struct sdp_parser {
	struct sdp *out;
	struct sdp_media *media; /* NULL: in the session part */
	struct addr session;     /* c= */
	struct sdp_group group;  /* its */
	enum sdp_dir dir;        /* of the session */
	unsigned n_attrs;        /* of this part */
	const char *why;
};

/* One a= line without its "a=". 0 or -EBADMSG. */
int sdp_attribute(struct sdp_parser *p, struct str line);
/* Is it one of T.38's? Then *t knows, if the value makes sense. */
bool sdp_t38_attribute(struct sdp_t38 *t, struct str name, struct str v);
void sdp_t38_print(const struct sdp_t38 *t, struct buf *b);
/* "IN IP4 192.0.2.1" from the front of *s. 0; -EINVAL: anything else, a name too. *group (NULL: none is
 * taken) gets what follows a multicast group: "224.2.1.1/127/3", "FF15::101/3". */
int sdp_address(struct str *s, struct addr *out, struct sdp_group *group);
/* What follows "a=crypto:", to a place in the pool; a line that cannot be used takes none. */
void sdp_crypto_parse(struct sdp *s, struct str v);
void sdp_crypto_print(const struct sdp_crypto *c, bool keyless, struct buf *b);
/* The next word of *s, separated by any number of spaces or tabs; n 0: no more. */
struct str sdp_word(struct str *s);
int sdp_bad(struct sdp_parser *p, const char *why); /* -EBADMSG */

#endif
