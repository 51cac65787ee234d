/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_POLICY_PRIV_H
#define SLUICE_POLICY_PRIV_H

#include "policy/policy.h"

/* What was written since b->n was `mark`. */
static inline struct str written(const struct buf *b, size_t mark)
{
	return (struct str){ b->p + mark, b->n - mark };
}

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
int identity_of(const struct sip_uri *u, struct identity *id); /* the same, parsed already */
int identity_of_user(struct str user, struct identity *id);    /* -EINVAL: not fit */
void identity_put_user(struct buf *b, const struct identity *id);
/* sip:user@host-that-the-trunk-knows;user=phone */
void identity_put(struct buf *b, const struct identity *id, const struct conf_trunk *to);
/* The host toward a trunk; with its port in a request URI. */
void identity_put_host(struct buf *b, const struct conf_trunk *to, bool with_port);

/* Request-URI, From, To and Contact's user of a request; the people in it. 0; -ENOENT: it is for nobody. */
int identity_names(const struct sip_msg *m, const struct sip_core *core,
		   const struct conf_trunk *to, struct buf *mem, struct policy_invite *out);

/* From toward `to`: out->caller and contact_user are slices of the message. */
struct str identity_put_from(struct buf *b, const struct sip_msg *m, const struct sip_addr *from,
			     const struct conf_trunk *to, struct policy_invite *out);
struct str identity_put_anonymous(struct buf *b);
struct str identity_put_ruri(struct buf *b, const struct identity *callee,
			     const struct conf_trunk *to);
/* "Display" <sip:...>; the display name may be empty. */
void identity_put_name(struct buf *b, struct str display, const struct identity *id,
		       const struct conf_trunk *to);
bool identity_is_anonymous(struct str uri);

/* Does Privacy ask for this? */
bool identity_is_private(const struct sip_msg *m, struct str what);
/* RFC 3325 7: an identity that wants to be private does not leave for those who do not keep it so. */
bool identity_is_kept_back(const struct sip_msg *m, const struct conf_trunk *to);

/* ---- header.c: the allow-list ---- */

enum crossing {
	CROSS_INVITE = 1 << 0,
	CROSS_1XX = 1 << 1,
	CROSS_2XX = 1 << 2,
	CROSS_FAIL = 1 << 3,
	CROSS_END = 1 << 4, /* BYE, CANCEL */
	/* other requests and their answers */
	CROSS_OPTIONS = 1 << 5,
	CROSS_INFO = 1 << 6,
	CROSS_MESSAGE = 1 << 7,
	CROSS_NOTIFY = 1 << 8,
	CROSS_PUBLISH = 1 << 9,
	CROSS_REFER = 1 << 10,
	CROSS_SUBSCRIBE = 1 << 11,
	CROSS_OPTIONS_2XX = 1 << 12,
	CROSS_PUBLISH_2XX = 1 << 13,
	CROSS_REFER_2XX = 1 << 14,
	CROSS_SUBSCRIBE_2XX = 1 << 15,
	CROSS_OTHER_2XX = 1 << 16,  /* of INFO, MESSAGE, NOTIFY */
	CROSS_OTHER_FAIL = 1 << 17, /* of all of these */
	CROSS_SESSION = 1 << 18,    /* re-INVITE and UPDATE */
	CROSS_TRANSFER = 1 << 19,   /* of a REFER, in the INVITE that it causes */
	/* beside any of these: without what names somebody */
	CROSS_NAMELESS = 1 << 20
};

void header_cross(struct buf *b, const struct sip_msg *m, enum crossing where, unsigned status,
		  const struct conf_trunk *to);

/* ---- refer.c ---- */

/* Writes Refer-To anew. 0, or the status to refuse the REFER with. */
unsigned refer_cross(const struct policy_ask *a, struct buf *mem);

/* ---- body.c: bodies of other requests ---- */

/* Could a body of this type cross in any of them, or in an INVITE? */
bool body_type_known(struct str type);
/* Writes type and body anew. 0; 415; 400: it is not what its type says. */
unsigned body_cross(const struct sip_msg *m, const struct conf_trunk *to, struct buf *mem,
		    struct policy_request *out);

#endif
