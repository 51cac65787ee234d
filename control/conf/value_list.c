/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of values. */
#include <stdio.h>
#include "value_priv.h"

#define DIGITS_LONGEST 15
#define CODEC_LONGEST  32

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

static void bind_hosts(struct value *v, const char *like,
		       bool (*take)(struct value *one, struct addr *a))
{
	struct addr *a = open_list(v, sizeof(*a), "addresses");
	struct value one;
	unsigned n = 0;

	for (const struct tree *t = a ? v->t->child : NULL; t; t = t->next)
		if (take_entry(v, t, "an address", like, &one) && take(&one, &a[n]))
			n++;
	*(struct addr **)value_field(v) = a;
	*(unsigned *)value_second(v) = n;
}

void bind_servers(struct value *v)
{
	bind_hosts(v, "192.0.2.53", take_server);
}

void bind_addresses(struct value *v)
{
	bind_hosts(v, "203.0.113.11", take_address);
}

/* Its position in `words`, or -1. */
static int word_of(const struct value *one)
{
	for (int i = 0; one->o->words[i]; i++)
		if (str_eq(one->s, str_of(one->o->words[i])))
			return i;
	return -1;
}

static void set_switch(struct value *one)
{
	int i = word_of(one);

	if (i >= 0) {
		*(bool *)(i ? value_second(one) : value_field(one)) = true;
	} else if (str_caseeq(one->s, STR("tls"))) {
		BAD(one, "\"tls\" has no place in this list");
		FIX(one, "Give the network a certificate: it is what makes it listen for TLS.");
	} else {
		refuse_word(one);
	}
}

static void set_bit(struct value *one)
{
	int i = word_of(one);

	if (i >= 0)
		*(uint8_t *)value_field(one) |= (uint8_t)(1u << i);
	else
		refuse_word(one);
}

static void bind_words(struct value *v, void (*set)(struct value *one))
{
	struct value one;

	if (v->t->kind != TREE_LIST) {
		BAD(v, "this must be a list");
		FIX(v, "Write %s, or one of them: [%s].", v->o->def, v->o->words[0]);
		return;
	}
	for (const struct tree *t = v->t->child; t; t = t->next)
		if (take_entry(v, t, "one word", v->o->words[0], &one))
			set(&one);
}

void bind_switches(struct value *v)
{
	bind_words(v, set_switch);
}

void bind_bits(struct value *v)
{
	bind_words(v, set_bit);
	if (v->t->kind == TREE_LIST && !v->t->n) {
		BAD(v, "this list is empty");
		FIX(v, "Write %s, or one of them: [%s].", v->o->def, v->o->words[0]);
	}
}

static bool is_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n <= DIGITS_LONGEST;
}

static bool take_digits(struct value *one)
{
	if (is_digits(one->s))
		return true;
	BAD(one, QUOTED " is not a number that is dialled", TEXT(one->s));
	FIX(one, "Write up to %d digits, like 112.", DIGITS_LONGEST);
	return false;
}

/* A token (RFC 8866 9), as it stands in a=rtpmap. */
static bool take_codec(struct value *one)
{
	if (one->s.n > CODEC_LONGEST || !has_only(one->s, "!#$%&'*+-.^_`{|}~")) {
		BAD(one, QUOTED " is not the name of a codec", TEXT(one->s));
		FIX(one, "Write it as SDP has it, without its clock rate, like PCMA or opus.");
	} else if (str_caseeq(one->s, STR("telephone-event"))) {
		BAD(one, "telephone-event is not a codec, but how digits go");
		FIX(one, "Delete it here; `dtmf` says how digits go.");
	} else {
		return true;
	}
	return false;
}

struct text_list {
	const char *of, *entry, *like; /* for people */
	bool (*take)(struct value *one);
};

/* The tree lives as long as the snapshot, so its texts may be pointed at. */
static void bind_texts(struct value *v, const struct text_list *kind)
{
	const char **list = open_list(v, sizeof(*list), kind->of);
	struct value one;
	unsigned n = 0;

	for (const struct tree *t = list ? v->t->child : NULL; t; t = t->next)
		if (take_entry(v, t, kind->entry, kind->like, &one) && kind->take(&one))
			list[n++] = one.s.p;
	*(const char *const **)value_field(v) = list;
}

void bind_digits(struct value *v)
{
	bind_texts(v, &(struct text_list){ "numbers", "a number", "112", take_digits });
}

void bind_codecs(struct value *v)
{
	bind_texts(v, &(struct text_list){ "codecs", "the name of a codec", "PCMA", take_codec });
}

static bool take_word(struct value *one)
{
	const char *const *before = *(const char *const **)value_field(one);

	if (word_of(one) < 0) {
		refuse_word(one);
		return false;
	}
	for (; before && *before; before++) {
		if (!str_eq(one->s, str_of(*before)))
			continue;
		BAD(one, "%.*s is in this list already", STR_FMT(one->s));
		FIX(one, "Delete it here.");
		return false;
	}
	return true;
}

/* In the order of the file. */
void bind_order(struct value *v)
{
	const char **list = open_list(v, sizeof(*list), "names");
	struct value one;
	unsigned n = 0;

	*(const char *const **)value_field(v) = list;
	for (const struct tree *t = list ? v->t->child : NULL; t; t = t->next)
		if (take_entry(v, t, "a name", v->o->words[0], &one) && take_word(&one))
			list[n++] = one.s.p;
	if (list && !v->t->n) {
		BAD(v, "this list is empty");
		FIX(v, "Write %s, or one of them: [%s].", v->o->def, v->o->words[0]);
	}
}

void bind_maps(struct value *v)
{
	char *items = open_list(v, v->o->map->size, "maps");
	char list[sizeof(v->b->key)], path[sizeof(v->b->key) + 16];
	unsigned n = 0;

	snprintf(list, sizeof(list), "%s", v->b->key);
	for (const struct tree *t = items ? v->t->child : NULL; t; t = t->next, n++) {
		snprintf(path, sizeof(path), "%s[%u]", list, n + 1);
		item_bind(v->b, v->o->map, t, items + n * v->o->map->size, path);
	}
	*(void **)value_field(v) = items;
	*(unsigned *)value_second(v) = n;
}
