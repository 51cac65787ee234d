/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of several parts: RFC 2046 5.1, RFC 5621. Pure, bounded, no recursion, nothing is copied but
 * folded fields of parts. */
#ifndef SLUICE_SIP_MULTIPART_H
#define SLUICE_SIP_MULTIPART_H

#include "sip/field.h"

#define SIP_PARTS_MAX   8 /* all levels together, without the body as a whole */
#define SIP_PARTS_DEPTH 2 /* a multipart in a multipart, and no deeper */

struct sip_part {
	struct str type;        /* Content-Type; "text/plain" when the part has none */
	struct str disposition; /* Content-Disposition, or empty */
	struct str encoding;    /* Content-Transfer-Encoding, or empty */
	struct str id;          /* Content-ID, or empty */
	struct str body;
	uint8_t depth;    /* 0: of the message itself */
	bool alternative; /* one of several that say the same (RFC 5621 3.3) */
};

/* Slices of it may point into it: it cannot be copied. */
struct sip_parts {
	struct sip_part part[SIP_PARTS_MAX + 1]; /* the first is the body as a whole */
	unsigned n;
	char folded[512]; /* fields that stood on several lines, joined */
	size_t n_folded;
};

/* Takes a body apart. One that is no multipart is its own only part. Multiparts in it are in the list, and
 * their parts behind all of those of the level above. 0; -SIP_E_BODY: malformed, too many or too deep. */
int sip_parts_split(struct sip_parts *p, struct str type, struct str disposition, struct str body);
/* The first part of a type ("application/sdp") whose octets stand there as they are (no base64, no
 * quoted-printable); NULL: none. */
const struct sip_part *sip_parts_find(const struct sip_parts *p, const char *type);
/* The first part that its receiver has to understand (RFC 5621 8.3: handling is not optional, none of
 * several alternatives, no multipart itself) and that is not of the type `known`; NULL: none. */
const struct sip_part *sip_parts_required(const struct sip_parts *p, const char *known);

#endif
