/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_SDP_SDP_PRIV_H
#define SLUICE_SDP_SDP_PRIV_H

#include "sdp/sdp.h"

struct sdp_parser {
	struct sdp *out;
	struct sdp_media *media; /* NULL: in the session part */
	struct addr session;     /* c= */
	enum sdp_dir dir;        /* of the session */
	unsigned n_attrs;        /* of this part */
	const char *why;
};

/* One a= line without its "a=". 0 or -EBADMSG. */
int sdp_attribute(struct sdp_parser *p, struct str line);
/* "IN IP4 192.0.2.1" from the front of *s. 0; -EINVAL: anything else, a name or a group too. */
int sdp_address(struct str *s, struct addr *out);
/* The next word of *s, separated by any number of spaces or tabs; n 0: no more. */
struct str sdp_word(struct str *s);
int sdp_bad(struct sdp_parser *p, const char *why); /* -EBADMSG */

#endif
