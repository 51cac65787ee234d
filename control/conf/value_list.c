/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of values. */
#include "value_priv.h"

#define DIGITS_LONGEST 15

/* Room for all entries and one more, zeroed; NULL where this is no list that we take. */
static void *open_list(struct value *v, size_t size, const char *of)
{
	void *mem;

	if (v->t->kind != TREE_LIST || v->t->n > v->o->max) {
		BAD(v, v->t->kind == TREE_LIST ? "this list is too long" : "this must be a list");
		FIX(v, "Write up to %u %s, like %s.", v->o->max, of,
		    v->o->example ? v->o->example : v->o->def);
		return NULL;
	}
	mem = arena_alloc(v->b->arena, (v->t->n + 1) * size);
	if (!mem)
		v->b->faults->no_memory = true;
	return mem;
}

/* The entry as a value of its own. False where it is none. */
static bool take_entry(struct value *list, const struct tree *t, const char *what, const char *like,
		       struct value *one)
{
	*one = (struct value){ list->b, list->o, t, t->text, list->item };
	if (t->wrong)
		return false;
	if (t->kind == TREE_SCALAR && t->text.n)
		return true;
	BAD(one, "an entry of this list must be %s", what);
	FIX(one, "Write one like %s.", like);
	return false;
}

static bool has_prefix(const struct prefix *list, unsigned n, const struct prefix *p)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].len == p->len && addr_ip_eq(&list[i].addr, &p->addr))
			return true;
	return false;
}

void bind_prefixes(struct value *v)
{
	struct prefix *p = open_list(v, sizeof(*p), "addresses or prefixes");
	struct value one;
	unsigned n = 0;

	for (const struct tree *t = p ? v->t->child : NULL; t; t = t->next)
		if (take_entry(v, t, "an address or prefix", "203.0.113.0/24 or 203.0.113.9",
			       &one) &&
		    take_prefix(&one, &p[n]) && !has_prefix(p, n, &p[n]))
			n++;
	*(struct prefix **)value_field(v) = p;
	*(unsigned *)value_second(v) = n;
}

void bind_servers(struct value *v)
{
	struct addr *a = open_list(v, sizeof(*a), "addresses");
	struct value one;
	unsigned n = 0;

	for (const struct tree *t = a ? v->t->child : NULL; t; t = t->next)
		if (take_entry(v, t, "an address", "192.0.2.53", &one) && take_server(&one, &a[n]))
			n++;
	*(struct addr **)value_field(v) = a;
	*(unsigned *)value_second(v) = n;
}

static void set_switch(struct value *one)
{
	for (unsigned i = 0; one->o->words[i]; i++) {
		if (!str_eq(one->s, str_of(one->o->words[i])))
			continue;
		*(bool *)(i ? value_second(one) : value_field(one)) = true;
		return;
	}
	if (str_caseeq(one->s, STR("tls"))) {
		BAD(one, "\"tls\" has no place in this list");
		FIX(one, "Give the network a certificate: it is what makes it listen for TLS.");
	} else {
		refuse_word(one);
	}
}

void bind_switches(struct value *v)
{
	struct value one;

	if (v->t->kind != TREE_LIST) {
		BAD(v, "this must be a list");
		FIX(v, "Write %s, or one of them: [%s].", v->o->def, v->o->words[0]);
		return;
	}
	for (const struct tree *t = v->t->child; t; t = t->next)
		if (take_entry(v, t, "one word", v->o->words[0], &one))
			set_switch(&one);
}

static bool is_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n <= DIGITS_LONGEST;
}

/* The tree lives as long as the snapshot, so its texts may be pointed at. */
void bind_digits(struct value *v)
{
	const char **list = open_list(v, sizeof(*list), "numbers");
	struct value one;
	unsigned n = 0;

	for (const struct tree *t = list ? v->t->child : NULL; t; t = t->next) {
		if (!take_entry(v, t, "a number", "112", &one))
			continue;
		if (is_digits(one.s)) {
			list[n++] = one.s.p;
			continue;
		}
		BAD(&one, QUOTED " is not a number that is dialled", TEXT(one.s));
		FIX(&one, "Write up to %d digits, like 112.", DIGITS_LONGEST);
	}
	*(const char *const **)value_field(v) = list;
}
