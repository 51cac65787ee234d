/* SPDX-License-Identifier: Apache-2.0 */
/* The parsers of values, one for each type of option. Each takes the text of a scalar, and either
 * writes the field or adds an error that says what a good value looks like. */
#ifndef SLUICE_CONF_VALUE_PRIV_H
#define SLUICE_CONF_VALUE_PRIV_H

#include "conf_priv.h"

#define SHOWN 60 /* octets of a wrong value in a message */

struct value {
	struct binding *b;
	const struct option *o;
	const struct tree *t;
	struct str s; /* the scalar's text, never empty (but for a user) */
	char *item;
};

#define BAD(v, ...) fault((v)->b->faults, (v)->t->at, (v)->b->key, __VA_ARGS__)
#define FIX(v, ...) fault_fix((v)->b->faults, __VA_ARGS__)
#define QUOTED      "\"%.*s%s\""
#define TEXT(s)     (int)((s).n < SHOWN ? (s).n : SHOWN), (s).p, (s).n > SHOWN ? "..." : ""

static inline void *value_field(const struct value *v)
{
	return v->item + v->o->offset;
}

static inline void *value_second(const struct value *v)
{
	return v->item + v->o->second;
}

/* Letters, digits and the characters of `others`? */
bool has_only(struct str s, const char *others);
void refuse_word(struct value *v); /* none of `words` */

/* value_number.c */
void bind_number(struct value *v);
void bind_ports(struct value *v);
void bind_dscp(struct value *v);
void bind_duration(struct value *v);
/* value_addr.c */
bool is_host_name(struct str s);
void bind_address(struct value *v);
void bind_gateway6(struct value *v);
void bind_cidr(struct value *v);
void bind_host(struct value *v);
void bind_domain(struct value *v);
bool take_prefix(struct value *v, struct prefix *p);
bool take_server(struct value *v, struct addr *a);
bool take_address(struct value *v, struct addr *a);
/* value_list.c */
void bind_prefixes(struct value *v);
void bind_servers(struct value *v);
void bind_addresses(struct value *v);
void bind_switches(struct value *v);
void bind_digits(struct value *v);
void bind_codecs(struct value *v);
void bind_order(struct value *v);
void bind_bits(struct value *v);
void bind_maps(struct value *v);
/* secret.c */
void bind_password(struct value *v);

#endif
