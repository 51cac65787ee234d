/* SPDX-License-Identifier: Apache-2.0 */
/* Between tlv.c (messages and attributes) and tlv_flow.c (structs). */
#ifndef SLUICE_ENGINE_TLV_PRIV_H
#define SLUICE_ENGINE_TLV_PRIV_H

#include "engine/tlv.h"

void tlv_put(struct tlv_out *o, int type, const void *data, size_t len);
/* True where all attributes inside lie inside, with their padding. */
bool tlv_nest_ok(const struct nlattr *nest);
/* tb[max + 1]; sizes are the caller's to check. 0 or -EBADMSG. */
int tlv_parse_nest(struct nlattr **tb, int max, const struct nlattr *nest);

/* NULL: absent or not a string. */
const char *tlv_text(const struct nlattr *a);

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- tlv_field.c ---- */

/* Numbers of a struct, one row each, for both directions of the codec. `absent` is not written, and
 * is what a missing attribute means. */
struct tlv_field {
	u16 attr, off;
	u8 size; /* 1, 2, 4, 8 */
	u32 absent;
	u64 min, max;
	const char *why;
};

struct tlv_place { /* of a struct flow_addr without its port */
	u16 attr, off;
	const char *why;
};

#define TLV_FIELD(type, member, attr, absent, min, max, why)                                       \
	{                                                                                          \
		attr, offsetof(struct type, member), sizeof(((struct type *)0)->member), absent,   \
			min, max, why                                                              \
	}

int tlv_bad(const char **why, const char *what); /* -EINVAL */
/* Octets of its address: 4 or 16. */
size_t tlv_addr_len(const struct flow_addr *a);
void tlv_put_fields(struct tlv_out *o, const void *base, const struct tlv_field *f, size_t n);
void tlv_put_places(struct tlv_out *o, const void *base, const struct tlv_place *p, size_t n);
/* 0, or -EINVAL with *why naming the row. */
int tlv_get_fields(struct nlattr **tb, void *base, const struct tlv_field *f, size_t n,
		   const char **why);
int tlv_get_places(struct nlattr **tb, void *base, const struct tlv_place *p, size_t n,
		   const char **why);
/* The address of n octets at p; 0 or -EINVAL. The port stays. */
int tlv_get_addr(struct flow_addr *a, const void *p, size_t n);

/* ---- tlv_flow.c ---- */

void tlv_put_stats(struct tlv_out *o, int type, const struct flow_stats *s);
int tlv_get_stats(struct nlattr *nest, struct flow_stats *s, const char **why);

/* ---- tlv_crypto.c ---- */

/* Nothing where there is no crypto, nothing to resume. `secrets`: with keys, which must be there. */
void tlv_put_crypto(struct tlv_out *o, int type, const struct flow_crypto *c, bool secrets);
int tlv_get_crypto(struct nlattr *nest, struct flow_crypto *c, bool secrets, const char **why);
void tlv_put_resume(struct tlv_out *o, int type, const struct flow_resume *r);
int tlv_get_resume(struct nlattr *nest, struct flow_resume *r, const char **why);

#endif
