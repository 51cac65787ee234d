/* SPDX-License-Identifier: Apache-2.0 */
/* Between tlv.c (messages and attributes) and tlv_flow.c (structs). */
#ifndef SLUICE_ENGINE_TLV_PRIV_H
#define SLUICE_ENGINE_TLV_PRIV_H

#include "engine/tlv.h"
#include "relay/fields.h"

void tlv_put(struct tlv_out *o, int type, const void *data, size_t len);
/* True where all attributes inside lie inside, with their padding. */
bool tlv_nest_ok(const struct nlattr *nest);
/* tb[max + 1]; sizes are the caller's to check. 0 or -EBADMSG. */
int tlv_parse_nest(struct nlattr **tb, int max, const struct nlattr *nest);

/* NULL: absent or not a string. */
const char *tlv_text(const struct nlattr *a);

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- tlv_field.c ---- */

/* Rows are those of relay/fields.h, for both directions of the codec. `absent` is not written, and is what a missing
 * attribute means. */
int tlv_bad(const char **why, const char *what); /* -EINVAL */
void tlv_put_fields(struct tlv_out *o, const void *base, const struct flow_field *f, size_t n);
void tlv_put_places(struct tlv_out *o, const void *base, const struct flow_place *p, size_t n);
/* 0, or -EINVAL with *why naming the row. */
int tlv_get_fields(struct nlattr **tb, void *base, const struct flow_field *f, size_t n,
		   const char **why);
int tlv_get_places(struct nlattr **tb, void *base, const struct flow_place *p, size_t n,
		   const char **why);

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
