/* SPDX-License-Identifier: Apache-2.0 */
/* The tree becomes a snapshot, section by section, and all that is wrong with it is found. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "conf_priv.h"

#define FILE_MAX     (1u << 20)
#define NAME_LONGEST 32
#define ARENA_FIRST  4096

void binding_key(struct binding *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(b->key, sizeof(b->key), fmt, ap);
	va_end(ap);
}

static void *need(struct binding *b, size_t n)
{
	void *p = arena_alloc(b->arena, n);

	if (!p)
		b->faults->no_memory = true;
	return p;
}

static const char *section_name(const void *list, unsigned i)
{
	return ((const struct section *)list)[i].name;
}

/* ---- sections ---- */

static bool is_name(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++) {
		char c = name[i];
		bool plain =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!plain && (i == 0 || (c != '-' && c != '_' && c != '.')))
			return false;
	}
	return n >= 1 && n <= NAME_LONGEST;
}

static const char *kind_name(const struct section *s)
{
	return s->kind == SECTION_LIST ? "list" : "map";
}

/* Shows an item with its required options. */
static void fix_with_item(struct binding *b, const struct section *s)
{
	char text[256];
	struct buf item;
	bool first = true;

	buf_init(&item, text, sizeof(text) - 1);
	if (s->kind == SECTION_NAMED)
		buf_fmt(&item, "%s: ", s->example[0]);
	else
		buf_lit(&item, "- ");
	for (unsigned i = 0; i < s->options->n; i++) {
		const struct option *o = &s->options->option[i];

		if (!o->required)
			continue;
		buf_fmt(&item, "%s%s: %s", first ? "{ " : ", ", o->name, o->example);
		first = false;
	}
	text[item.n] = 0;
	fault_fix(b->faults, "It needs at least one entry, like %s }.", text);
}

/* The section's tree where it is there and has items; else the error. */
static const struct tree *section_tree(struct binding *b, const struct section *s,
				       const struct tree *root)
{
	enum tree_kind kind = s->kind == SECTION_LIST ? TREE_LIST : TREE_MAP;
	const struct tree *t = tree_get(root, s->name);

	if (t && t->kind == kind && t->n && t->n <= s->max)
		return t;
	if (!t) {
		fault(b->faults, (struct place){ 0 }, s->name, "this section is missing");
	} else if (t->kind == kind && t->n > s->max) {
		fault(b->faults, t->key_at, s->name, "there are %u, and %u is the limit", t->n,
		      s->max);
		fault_fix(b->faults, "Remove those that nothing needs.");
		return NULL;
	} else if (t->kind == kind || (t->kind == TREE_SCALAR && !t->text.n)) {
		fault(b->faults, t->key_at, s->name, "this section is empty");
	} else {
		fault(b->faults, t->at, s->name, "this must be a %s", kind_name(s));
	}
	fix_with_item(b, s);
	return NULL;
}

/* Names first: a trunk may have any error and still be a name that `calls` can mean. */
static void check_name(struct binding *b, const struct section *s, const struct tree *t)
{
	if (is_name(t->key))
		return;
	binding_key(b, "%s.%s", s->name, t->key);
	fault(b->faults, t->key_at, b->key, "this cannot be a name");
	fault_fix(b->faults,
		  "Use letters, digits, \"-\", \"_\" and \".\", up to %d, and begin with a "
		  "letter or digit.",
		  NAME_LONGEST);
}

static const struct tree **places(struct binding *b, const struct tree *list)
{
	const struct tree **at = need(b, list->n * sizeof(*at));
	unsigned i = 0;

	for (const struct tree *t = list->child; at && t; t = t->next)
		at[i++] = t;
	return at;
}

static void open_networks(struct binding *b, const struct tree *root)
{
	const struct section *s = &sections[SECTION_NETWORKS];
	const struct tree *list = section_tree(b, s, root);
	struct conf *c = &b->snap->conf;

	if (!list)
		return;
	b->network_at = places(b, list);
	c->networks = need(b, list->n * sizeof(*c->networks));
	if (!b->network_at || !c->networks)
		return;
	for (unsigned i = 0; i < list->n; i++) {
		c->networks[i].name = b->network_at[i]->key;
		c->networks[i].index = i;
		check_name(b, s, b->network_at[i]);
	}
	c->n_networks = list->n;
}

static void open_trunks(struct binding *b, const struct tree *root)
{
	const struct section *s = &sections[SECTION_TRUNKS];
	const struct tree *list = section_tree(b, s, root);
	struct conf *c = &b->snap->conf;

	if (!list)
		return;
	b->trunk_at = places(b, list);
	c->trunks = need(b, list->n * sizeof(*c->trunks));
	if (!b->trunk_at || !c->trunks)
		return;
	for (unsigned i = 0; i < list->n; i++) {
		c->trunks[i].name = b->trunk_at[i]->key;
		c->trunks[i].index = i;
		c->trunks[i].srtp = CONF_SRTP_UNSET;
		c->trunks[i].policing = UINT32_MAX;
		check_name(b, s, b->trunk_at[i]);
	}
	c->n_trunks = list->n;
}

static void open_routes(struct binding *b, const struct tree *root)
{
	const struct tree *list = section_tree(b, &sections[SECTION_CALLS], root);
	struct conf *c = &b->snap->conf;

	if (!list)
		return;
	b->route_at = places(b, list);
	c->routes = need(b, list->n * sizeof(*c->routes));
	if (!b->route_at || !c->routes)
		return;
	for (unsigned i = 0; i < list->n; i++) {
		c->routes[i].at_most = UINT32_MAX;
		c->routes[i].line = b->route_at[i]->at.line;
		c->routes[i].index = i;
	}
	c->n_routes = list->n;
}

static void bind_items(struct binding *b, enum section_index which, const struct tree **at,
		       void *items, unsigned n)
{
	const struct section *s = &sections[which];
	char path[128];

	for (unsigned i = 0; i < n; i++) {
		if (s->kind == SECTION_NAMED)
			snprintf(path, sizeof(path), "%s.%s", s->name, at[i]->key);
		else
			snprintf(path, sizeof(path), "%s[%u]", s->name, i + 1);
		item_bind(b, s->options, at[i], (char *)items + i * s->size, path);
	}
}

static void bind_group(struct binding *b, enum section_index which, const struct tree *root)
{
	const struct section *s = &sections[which];

	item_bind(b, s->options, tree_get(root, s->name), &b->snap->conf, s->name);
}

static void bind_version(struct binding *b, const struct tree *root)
{
	const struct option *o = sections[SECTION_SLUICE].options->option;
	const struct tree *t = tree_get(root, o->name);

	binding_key(b, "%s", o->name);
	if (t) {
		value_bind(b, o, t, &b->snap->conf);
		return;
	}
	fault(b->faults, (struct place){ 0 }, b->key, "the version of the language is missing");
	fault_fix(b->faults, "Begin the file with \"sluice: 1\".");
}

/* The host part of a URI. */
static const char *domain_of_host(struct binding *b, const struct conf_trunk *t)
{
	char text[ADDR_STR_MAX];
	struct buf host;
	struct str copy;

	if (t->host.family != 6)
		return t->host_name;
	buf_init(&host, text, sizeof(text));
	addr_put_sip(&host, &t->host);
	copy = arena_str(b->arena, buf_str(&host));
	b->faults->no_memory |= !copy.p;
	return copy.p;
}

/* Its own address is always the first source of a trunk. */
static void complete_sources(struct binding *b, struct conf_trunk *t)
{
	struct prefix *all = need(b, (t->n_sources + 1) * sizeof(*all));
	struct addr ip = t->host;
	unsigned n = 1;

	if (!all)
		return;
	ip.port = 0;
	all[0] = (struct prefix){ ip, addr_bits(&ip) };
	for (unsigned i = 0; i < t->n_sources; i++)
		if (t->sources[i].len != all[0].len || !addr_ip_eq(&t->sources[i].addr, &ip))
			all[n++] = t->sources[i];
	t->sources = all;
	t->n_sources = n;
}

static void complete_media(const struct conf *c, struct conf_trunk *t)
{
	bool tls = t->transport == CONF_TRANSPORT_TLS;

	if (t->srtp == CONF_SRTP_UNSET)
		t->srtp = tls ? CONF_SRTP_OFFER : CONF_SRTP_OFF;
	if (t->policing == UINT32_MAX)
		t->policing = c->media.policing;
}

static void complete_trunk(struct binding *b, struct conf_trunk *t)
{
	complete_media(&b->snap->conf, t);
	if (!t->host_name)
		return;
	if (!t->domain)
		t->domain = domain_of_host(b, t);
	if (!t->host.family)
		return;
	t->host.port = t->host_port                         ? t->host_port
		       : t->transport == CONF_TRANSPORT_TLS ? 5061
							    : 5060;
	complete_sources(b, t);
}

static void bind_root(struct binding *b, const struct tree *root)
{
	struct conf *c = &b->snap->conf;

	for (const struct tree *t = root->child; t; t = t->next) {
		bool known = false;

		for (unsigned i = 0; i < n_sections; i++)
			known |= strcmp(sections[i].name, t->key) == 0;
		binding_key(b, "%s", t->key);
		if (!known)
			refuse_key(b, t, section_name, sections, n_sections);
	}
	bind_version(b, root);
	open_networks(b, root);
	open_trunks(b, root);
	open_routes(b, root);
	bind_group(b, SECTION_PROCESS, root); /* before passwords: its user may own their files */
	bind_items(b, SECTION_NETWORKS, b->network_at, c->networks, c->n_networks);
	bind_items(b, SECTION_TRUNKS, b->trunk_at, c->trunks, c->n_trunks);
	bind_items(b, SECTION_CALLS, b->route_at, c->routes, c->n_routes);
	bind_group(b, SECTION_SIP, root);
	bind_group(b, SECTION_MEDIA, root);
	for (unsigned i = 0; i < c->n_trunks; i++)
		complete_trunk(b, &c->trunks[i]);
	if (b->faults->no_memory || snapshot_index(b->snap)) {
		b->faults->no_memory = true;
		return;
	}
	check_all(b, root);
}

/* ---- the file ---- */

static struct snapshot *snapshot_new(const char *name)
{
	struct arena *a = arena_new(ARENA_FIRST);
	struct snapshot *s = a ? arena_alloc(a, sizeof(*s)) : NULL;

	if (s)
		s->conf.file = arena_str(a, str_of(name)).p;
	if (!s || !s->conf.file) {
		arena_free(a);
		return NULL;
	}
	atomic_init(&s->refs, 1);
	s->arena = a;
	return s;
}

static void build(struct snapshot *s, struct str text, bool secrets, struct faults *f)
{
	struct binding b = { .snap = s, .arena = s->arena, .faults = f, .secrets = secrets };
	struct tree *root;

	if (tree_parse(text, s->arena, f, &root)) {
		f->no_memory = true;
		return;
	}
	if (root && root->kind == TREE_MAP) {
		bind_root(&b, root);
	} else if (!f->out->n) {
		fault(f, (struct place){ 0 }, "", "this file holds no configuration");
		fault_fix(f, "Begin it with \"sluice: 1\"; conf/minimal.yaml is a complete one.");
	}
}

static int parse(const char *name, struct str text, bool secrets, struct conf **out,
		 struct conf_errors *errors)
{
	struct faults f = { .out = errors };
	struct snapshot *s = snapshot_new(name);
	int rc = -ENOMEM;

	*errors = (struct conf_errors){ 0 };
	if (!s)
		goto no_memory;
	if (text.n > FILE_MAX) {
		fault(&f, (struct place){ 0 }, "", "this file is larger than 1 MiB");
		fault_fix(&f, "Check that it is the configuration.");
	} else {
		build(s, text, secrets, &f);
	}
	faults_sort(errors);
	rc = f.no_memory ? -ENOMEM : errors->n ? -EINVAL : 0;
	if (rc) {
		conf_put(&s->conf);
	} else {
		*out = &s->conf;
	}
no_memory:
	if (rc == -ENOMEM) {
		fault(&f, (struct place){ 0 }, "", "there is not enough memory to read this");
		fault_fix(&f, "Free some memory and try again.");
	}
	return rc;
}

int conf_parse(const char *name, struct str text, struct conf **out, struct conf_errors *errors)
{
	return parse(name, text, false, out, errors);
}

static ssize_t read_file(const char *file, char *mem)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read_up_to(fd, mem, FILE_MAX + 1); /* one too many tells that it is too large */
	close(fd);
	return n;
}

static int load(const char *file, bool secrets, struct conf **out, struct conf_errors *errors)
{
	struct faults f = { .out = errors };
	char *mem = malloc(FILE_MAX + 1);
	ssize_t n = mem ? read_file(file, mem) : -ENOMEM;
	int rc;

	if (n < 0) {
		*errors = (struct conf_errors){ 0 };
		fault(&f, (struct place){ 0 }, "", "this file cannot be read (%s)",
		      strerror((int)-n));
		fault_fix(&f, "Check the path and its permissions.");
		rc = (int)n;
	} else {
		rc = parse(file, (struct str){ mem, (size_t)n }, secrets, out, errors);
	}
	free(mem);
	return rc;
}

int conf_load(const char *file, struct conf **out, struct conf_errors *errors)
{
	return load(file, true, out, errors);
}

int conf_load_without_secrets(const char *file, struct conf **out, struct conf_errors *errors)
{
	return load(file, false, out, errors);
}
