/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <yaml.h>
#include "conf_priv.h"

#define DEPTH_MAX   8
#define ENTRIES_MAX 4096  /* of one map or list */
#define NODES_MAX   65536 /* of one file */

struct builder {
	struct arena *arena;
	struct faults *faults;
	struct tree *root;
	struct tree *open[DEPTH_MAX]; /* the maps and lists around the next event */
	unsigned depth, nodes;
	bool document; /* one has begun */
	/* In a map: the key that waits for its value. */
	bool have_key, repeated;
	struct str key;
	struct place key_at;
};

enum {           /* besides 0 and -ENOMEM */
	STOP = 1 /* a fault after which the rest of the file cannot be understood */
};

static struct place place_of(yaml_mark_t m)
{
	return (struct place){ (unsigned)m.line + 1, (unsigned)m.column + 1 };
}

static struct tree *parent_of(const struct builder *b)
{
	return b->depth ? b->open[b->depth - 1] : NULL;
}

static bool wants_key(const struct builder *b)
{
	struct tree *parent = parent_of(b);

	return parent && parent->kind == TREE_MAP && !b->have_key;
}

const struct tree *tree_get(const struct tree *map, const char *key)
{
	for (const struct tree *t = map->child; t; t = t->next)
		if (strcmp(t->key, key) == 0)
			return t;
	return NULL;
}

/* What an error inside a value is about. */
static const char *key_of(const struct builder *b)
{
	return b->have_key ? b->key.p : "";
}

/* A password may have landed in this file, behind a character that means something to YAML. */
static const char *shown(const struct builder *b, const void *text)
{
	return strcmp(key_of(b), "password") == 0 ? "..." : text;
}

static void refuse_properties(struct builder *b, struct place at, const yaml_char_t *anchor,
			      const yaml_char_t *tag)
{
	if (anchor) {
		fault(b->faults, at, key_of(b),
		      "the anchor \"&%.40s\" is not part of this language", shown(b, anchor));
		fault_fix(b->faults, "Write the value out where it is needed.");
	}
	if (tag) {
		fault(b->faults, at, key_of(b), "the tag \"%.40s\" is not part of this language",
		      shown(b, tag));
		fault_fix(b->faults, "Write the value without it.");
	}
}

/* The next entry of the innermost map or list, or the root. */
static int add_node(struct builder *b, enum tree_kind kind, struct place at, struct tree **out)
{
	struct tree *parent = parent_of(b), *t = arena_alloc(b->arena, sizeof(*t));

	if (!t)
		return -ENOMEM;
	if (++b->nodes > NODES_MAX || (parent && parent->n >= ENTRIES_MAX)) {
		fault(b->faults, at, "", "there are too many entries");
		fault_fix(b->faults, "A map or list holds at most %d, a file %d.", ENTRIES_MAX,
			  NODES_MAX);
		return STOP;
	}
	*out = t;
	*t = (struct tree){ .kind = kind, .at = at, .key_at = at };
	if (!parent) {
		b->root = t;
		return 0;
	}
	if (parent->kind == TREE_MAP) {
		t->key = b->key.p;
		t->key_at = b->key_at;
		b->have_key = false;
		if (b->repeated) /* it is read, but stays outside of the tree */
			return 0;
	}
	if (parent->last)
		parent->last->next = t;
	else
		parent->child = t;
	parent->last = t;
	parent->n++;
	return 0;
}

static int take_key(struct builder *b, struct place at, struct str text)
{
	const struct tree *first;

	b->key = arena_str(b->arena, text);
	if (!b->key.p)
		return -ENOMEM;
	b->key_at = at;
	b->have_key = true;
	first = tree_get(parent_of(b), b->key.p);
	b->repeated = first != NULL;
	if (first) {
		fault(b->faults, at, b->key.p,
		      "this key is here a second time; the first is in line %u",
		      first->key_at.line);
		fault_fix(b->faults, "Keep one of the two.");
	}
	return 0;
}

static int on_scalar(struct builder *b, const yaml_event_t *e)
{
	struct str text = { (const char *)e->data.scalar.value, e->data.scalar.length };
	struct place at = place_of(e->start_mark);
	struct tree *t;
	int rc;

	refuse_properties(b, at, e->data.scalar.anchor, e->data.scalar.tag);
	if (text.n && memchr(text.p, 0, text.n)) {
		fault(b->faults, at, key_of(b), "there is a NUL character in this text");
		fault_fix(b->faults, "Remove it.");
		text.n = strlen(text.p);
	}
	if (wants_key(b))
		return take_key(b, at, text);
	rc = add_node(b, TREE_SCALAR, at, &t);
	if (rc)
		return rc;
	t->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	t->text = arena_str(b->arena, text);
	return t->text.p ? 0 : -ENOMEM;
}

/* Its value is lost, but the rest can be checked. */
static int on_alias(struct builder *b, const yaml_event_t *e)
{
	struct place at = place_of(e->start_mark);
	struct tree *t;
	int rc;

	fault(b->faults, at, key_of(b), "the alias \"*%.40s\" is not part of this language",
	      shown(b, e->data.alias.anchor));
	fault_fix(b->faults, "Write the value out.");
	if (wants_key(b))
		return take_key(b, at, STR("*"));
	rc = add_node(b, TREE_SCALAR, at, &t);
	if (!rc)
		t->wrong = true;
	return rc;
}

static int on_open(struct builder *b, enum tree_kind kind, struct place at)
{
	struct tree *t;
	int rc;

	if (wants_key(b)) {
		fault(b->faults, at, "", "a key must be one word");
		fault_fix(b->faults, "Look for a bracket or brace that is missing before it.");
		return STOP;
	}
	if (b->depth == DEPTH_MAX) {
		fault(b->faults, at, key_of(b), "lists and maps are nested too deep here");
		fault_fix(b->faults, "Nothing in this language is more than %d deep.", DEPTH_MAX);
		return STOP;
	}
	rc = add_node(b, kind, at, &t);
	if (!rc)
		b->open[b->depth++] = t;
	return rc;
}

static int on_document(struct builder *b, struct place at)
{
	if (!b->document) {
		b->document = true;
		return 0;
	}
	fault(b->faults, at, "", "a second document begins here");
	fault_fix(b->faults, "Keep everything in one document, without \"---\" in between.");
	return STOP;
}

static int on_event(struct builder *b, const yaml_event_t *e)
{
	struct place at = place_of(e->start_mark);

	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(b, at);
	case YAML_SCALAR_EVENT:
		return on_scalar(b, e);
	case YAML_ALIAS_EVENT:
		return on_alias(b, e);
	case YAML_SEQUENCE_START_EVENT:
		refuse_properties(b, at, e->data.sequence_start.anchor, e->data.sequence_start.tag);
		return on_open(b, TREE_LIST, at);
	case YAML_MAPPING_START_EVENT:
		refuse_properties(b, at, e->data.mapping_start.anchor, e->data.mapping_start.tag);
		return on_open(b, TREE_MAP, at);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return 0;
	default:
		return 0;
	}
}

/* libyaml's reader (encoding) counts octets only. */
static struct place place_at_octet(struct str text, size_t offset)
{
	struct place at = { 1, 1 };

	for (size_t i = 0; i < offset && i < text.n; i++) {
		at.column++;
		if (text.p[i] == '\n')
			at = (struct place){ at.line + 1, 1 };
	}
	return at;
}

static int on_syntax(struct builder *b, const yaml_parser_t *p, struct str text)
{
	const char *problem = p->problem ? p->problem : "it cannot be read";

	if (p->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (p->error == YAML_READER_ERROR) {
		fault(b->faults, place_at_octet(text, p->problem_offset), "",
		      "this is not text in UTF-8 (%s)", problem);
		fault_fix(b->faults, "Save the file as UTF-8 and remove control characters.");
		return STOP;
	}
	fault(b->faults, place_of(p->problem_mark), "", "this is not valid YAML: %s", problem);
	if (strstr(problem, "cannot start any token"))
		fault_fix(b->faults, "Indent with spaces, not tabs, and put text that begins "
				     "with @ or ` in quotes.");
	else
		fault_fix(b->faults, "Look here and in the lines above for a colon, quote, bracket "
				     "or brace that is missing, and at the indentation.");
	return STOP;
}

static int run(struct builder *b, yaml_parser_t *p, struct str text)
{
	bool end = false;
	int rc = 0;

	while (!rc && !end) {
		yaml_event_t e;

		if (!yaml_parser_parse(p, &e))
			return on_syntax(b, p, text);
		end = e.type == YAML_STREAM_END_EVENT;
		rc = on_event(b, &e);
		yaml_event_delete(&e);
	}
	return rc;
}

int tree_parse(struct str text, struct arena *a, struct faults *f, struct tree **root)
{
	struct builder b = { .arena = a, .faults = f };
	yaml_parser_t p;
	int rc;

	*root = NULL;
	if (!yaml_parser_initialize(&p))
		return -ENOMEM;
	yaml_parser_set_input_string(&p, (const unsigned char *)(text.p ? text.p : ""), text.n);
	rc = run(&b, &p, text);
	yaml_parser_delete(&p);
	if (rc < 0)
		return rc;
	*root = rc == STOP ? NULL : b.root;
	return 0;
}
