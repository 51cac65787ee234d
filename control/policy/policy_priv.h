/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_POLICY_PRIV_H
#define SLUICE_POLICY_PRIV_H

#include "policy/policy.h"

/* ---- text.c: what is fit to be said again ---- */

/* Printable UTF-8 of at most `max` octets. */
bool text_is_clean(struct str s, size_t max);
bool text_is_token(struct str s); /* RFC 3261 25.1 */
/* A display name, with or without its quotes, as a quoted string and a space; nothing when it is
 * empty or unclean. */
void text_put_display(struct buf *b, struct str display);

/* ---- identity.c ---- */

/* Who a URI names, without where. */
struct identity {
	struct str user;   /* as escaped, without parameters; empty: nobody */
	struct str params; /* ";npdi;rn=..." inside the user part, not yet filtered */
	bool phone;        /* user=phone, or a tel URI */
	bool tel;
};

/* 0; -EINVAL: no sip, sips or tel URI, or a user part that is not fit to be passed on. */
int identity_parse(struct str uri, struct identity *id);
/* sip:user@host-that-the-trunk-knows;user=phone */
void identity_put(struct buf *b, const struct identity *id, const struct conf_trunk *to);
/* The host toward a trunk; with its port in a request URI. */
void identity_put_host(struct buf *b, const struct conf_trunk *to, bool with_port);

/* Does Privacy ask for this? */
bool identity_is_private(const struct sip_msg *m, struct str what);

/* ---- header.c: the allow-list ---- */

enum crossing {
	CROSS_INVITE = 1 << 0,
	CROSS_1XX = 1 << 1,
	CROSS_2XX = 1 << 2,
	CROSS_FAIL = 1 << 3,
	CROSS_END = 1 << 4 /* BYE, CANCEL */
};

void header_cross(struct buf *b, const struct sip_msg *m, enum crossing where, unsigned status,
		  const struct conf_trunk *to);

#endif
