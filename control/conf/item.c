/* SPDX-License-Identifier: Apache-2.0 */
/* One item: its keys, then each option in the order of the schema. */
#include "conf_priv.h"

static const char *option_name(const void *list, unsigned i)
{
	return ((const struct option *)list)[i].name;
}

void refuse_key(struct binding *b, const struct tree *t,
		const char *(*name)(const void *list, unsigned i), const void *list, unsigned n)
{
	const char *meant = nearest(t->key, name, list, n);
	char all[640];
	struct buf known;

	if (is_reserved_key(t->key)) {
		fault(b->faults, t->key_at, b->key, "this is not in this version");
		fault_fix(b->faults, "Delete it.");
		return;
	}
	fault(b->faults, t->key_at, b->key, "this key is not known");
	if (meant) {
		fault_fix(b->faults, "Did you mean \"%s\"?", meant);
		return;
	}
	buf_init(&known, all, sizeof(all) - 1);
	for (unsigned i = 0; i < n; i++)
		buf_fmt(&known, "%s%s", i ? ", " : "", name(list, i));
	all[known.n] = 0;
	fault_fix(b->faults, "Known here: %s.", all);
}

static bool is_option(const struct option_list *o, const char *name)
{
	for (unsigned i = 0; i < o->n; i++)
		if (strcmp(o->option[i].name, name) == 0)
			return true;
	return false;
}

static void refuse_unknown(struct binding *b, const struct option_list *o, const struct tree *map,
			   const char *path)
{
	for (const struct tree *t = map->child; t; t = t->next) {
		if (is_option(o, t->key))
			continue;
		binding_key(b, "%s.%s", path, t->key);
		refuse_key(b, t, option_name, o->option, o->n);
	}
}

/* "[udp, tcp]" */
static bool default_list(struct binding *b, struct str text, struct tree *list)
{
	struct str rest = { text.p + 1, text.n - 2 }, item;

	*list = (struct tree){ .kind = TREE_LIST };
	while (str_token(&rest, ',', &item)) {
		struct tree *t = arena_alloc(b->arena, sizeof(*t));
		struct str copy = arena_str(b->arena, str_trim(item));

		if (!t || !copy.p)
			return false;
		*t = (struct tree){ .kind = TREE_SCALAR, .plain = true, .text = copy };
		if (list->last)
			list->last->next = t;
		else
			list->child = t;
		list->last = t;
		list->n++;
	}
	return true;
}

/* A default is written as in the file, so it goes the same way. */
static void bind_default(struct binding *b, const struct option *o, void *item)
{
	struct tree t = { .kind = TREE_SCALAR, .plain = true, .text = str_of(o->def) };

	if (o->def[0] == '[' && !default_list(b, t.text, &t))
		b->faults->no_memory = true;
	else
		value_bind(b, o, &t, item);
}

static void bind_option(struct binding *b, const struct option *o, const struct tree *map,
			void *item)
{
	const struct tree *t = map ? tree_get(map, o->name) : NULL;

	if (t) {
		value_bind(b, o, t, item);
	} else if (o->def) {
		bind_default(b, o, item);
	} else if (o->required && map) {
		fault(b->faults, map->key_at, b->key, "this is missing");
		fault_fix(b->faults, "Add %s: %s, for example.", o->name, o->example);
	}
}

void item_bind(struct binding *b, const struct option_list *o, const struct tree *map, void *item,
	       const char *path)
{
	if (map && map->wrong)
		return;
	if (map && map->kind != TREE_MAP) {
		const struct option *first = &o->option[0];

		binding_key(b, "%s", path);
		fault(b->faults, map->at, b->key, "this must be a map of options");
		fault_fix(b->faults, "Write { %s: %s, ... }, or the options on lines of their own.",
			  first->name, first->example ? first->example : first->def);
		map = NULL;
	} else if (map) {
		refuse_unknown(b, o, map, path);
	}
	for (unsigned i = 0; i < o->n; i++) {
		binding_key(b, "%s.%s", path, o->option[i].name);
		bind_option(b, &o->option[i], map, item);
	}
}
