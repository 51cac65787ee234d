/* SPDX-License-Identifier: Apache-2.0 */
/* Words and references; and the table of all types. */
#include <limits.h>
#include <stdio.h>
#include <sys/un.h>
#include "value_priv.h"

#define TEXT_LONGEST  128
#define INTERFACE_MAX 15 /* IFNAMSIZ without its NUL */
#define DEVICE_MAX    63

bool has_only(struct str s, const char *others)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool plain =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!plain && (!c || !strchr(others, c)))
			return false;
	}
	return true;
}

/* The tree lives in the arena of the snapshot, so its text may be pointed at. */
static void set_text(const struct value *v)
{
	*(const char **)value_field(v) = v->s.p;
}

/* ---- words ---- */

static void bind_version(struct value *v)
{
	uint32_t version;

	if (str_u32(v->s, UINT32_MAX, &version)) {
		BAD(v, QUOTED " is not a version of this language", TEXT(v->s));
		FIX(v, "Write \"sluice: 1\".");
	} else if (version != 1) {
		BAD(v, "version %u of this language is not known to this program", version);
		FIX(v,
		    "It knows version 1: write \"sluice: 1\", or use the program that the file was "
		    "written for.");
	}
}

static void bind_device(struct value *v)
{
	bool interface = !str_starts(v->s, STR("net_")) && !memchr(v->s.p, ':', v->s.n);

	if (!has_only(v->s, "-_.:@,=")) {
		BAD(v, QUOTED " is neither an interface nor a device", TEXT(v->s));
		FIX(v,
		    "Write the name that \"ip link\" shows, a PCI address like 0000:01:00.0, or a "
		    "DPDK device like net_af_packet0.");
	} else if (v->s.n > (interface ? INTERFACE_MAX : DEVICE_MAX)) {
		BAD(v, QUOTED " is too long for %s", TEXT(v->s),
		    interface ? "the name of an interface" : "a device");
		FIX(v, "At most %d characters.", interface ? INTERFACE_MAX : DEVICE_MAX);
	} else {
		set_text(v);
	}
}

static void bind_user(struct value *v)
{
	if (v->s.n <= 32 && has_only(v->s, "-_.")) {
		set_text(v);
		return;
	}
	BAD(v, QUOTED " is not the name of a user", TEXT(v->s));
	FIX(v, "Write a name from /etc/passwd, or \"\" to stay the user that starts it.");
}

static void bind_path(struct value *v)
{
	size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (v->s.p[0] != '/') {
		BAD(v, QUOTED " is not an absolute path", TEXT(v->s));
		FIX(v, "Begin with a slash, like %s.", v->o->def);
	} else if (v->s.n > max) {
		BAD(v, "this path has %zu characters, a unix socket at most %zu", v->s.n, max);
		FIX(v, "Choose a shorter one, like %s.", v->o->def);
	} else {
		set_text(v);
	}
}

static void bind_file(struct value *v)
{
	if (v->s.p[0] != '/' || v->s.n >= PATH_MAX) {
		BAD(v, QUOTED " is not an absolute path", TEXT(v->s));
		FIX(v, "Begin with a slash, like %s.", v->o->example);
	} else {
		set_text(v);
	}
}

/* What may stand between quotes without escapes. In a digest a colon ends the user. */
static void bind_text(struct value *v)
{
	const char *not = v->o->type == OPTION_USERNAME ? "\"\\:" : "\"\\";
	bool good = v->s.n <= TEXT_LONGEST;

	for (size_t i = 0; i < v->s.n; i++)
		good &= (unsigned char)v->s.p[i] >= ' ' && v->s.p[i] != 0x7f &&
			!strchr(not, v->s.p[i]);
	if (good) {
		set_text(v);
		return;
	}
	/* It is not quoted: somebody may have written user:password. */
	BAD(v, "this cannot be a %s", v->o->name);
	FIX(v, "Write it as the other side gave it, like %s: up to %d characters, without %s.",
	    v->o->example, TEXT_LONGEST,
	    v->o->type == OPTION_USERNAME ? "quotes, backslashes and colons"
					  : "quotes and backslashes");
}

static const char *word_at(const void *words, unsigned i)
{
	return ((const char *const *)words)[i];
}

static unsigned count_words(const char *const *words)
{
	unsigned n = 0;

	while (words[n])
		n++;
	return n;
}

/* "a, b or c" */
static const char *list_words(const char *const *words, char *mem, size_t size)
{
	unsigned n = count_words(words);
	struct buf b;

	buf_init(&b, mem, size - 1);
	for (unsigned i = 0; i < n; i++)
		buf_fmt(&b, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", words[i]);
	mem[b.n] = 0;
	return mem;
}

void refuse_word(struct value *v)
{
	unsigned n = count_words(v->o->words);
	const char *meant = nearest(v->s.p, word_at, v->o->words, n);
	char all[128];

	list_words(v->o->words, all, sizeof(all));
	if (v->o->words && is_reserved_profile(v->s.p) && strcmp(v->o->name, "profile") == 0) {
		BAD(v, "the profile %s is not in this version", v->s.p);
		FIX(v, "This version knows %s.", all);
	} else if (meant) {
		BAD(v, QUOTED " is not known here", TEXT(v->s));
		FIX(v, "Did you mean \"%s\"? Write %s.", meant, all);
	} else {
		BAD(v, QUOTED " is not known here", TEXT(v->s));
		FIX(v, "Write %s.", all);
	}
}

static void bind_word(struct value *v)
{
	for (unsigned i = 0; v->o->words[i]; i++) {
		if (!str_eq(v->s, str_of(v->o->words[i])))
			continue;
		if (v->o->type == OPTION_CHOICE)
			memcpy(value_field(v), &i, sizeof(i));
		else
			*(const char **)value_field(v) = v->o->words[i];
		return;
	}
	refuse_word(v);
}

static void bind_bool(struct value *v)
{
	static const char *const yes[] = { "true", "yes", "on", "y", NULL };
	static const char *const no[] = { "false", "no", "off", "n", NULL };
	const char *meant = "true or false";

	if (str_eq(v->s, STR("true")) || str_eq(v->s, STR("false"))) {
		*(bool *)value_field(v) = v->s.p[0] == 't';
		return;
	}
	for (unsigned i = 0; yes[i]; i++) {
		if (str_caseeq(v->s, str_of(yes[i])))
			meant = "true";
		if (str_caseeq(v->s, str_of(no[i])))
			meant = "false";
	}
	BAD(v, QUOTED " is neither true nor false", TEXT(v->s));
	FIX(v, "Write %s.", meant);
}

/* ---- references ---- */

static const char *network_name(const void *c, unsigned i)
{
	return ((const struct conf *)c)->networks[i].name;
}

static const char *trunk_name(const void *c, unsigned i)
{
	return ((const struct conf *)c)->trunks[i].name;
}

static void refuse_reference(struct value *v, const char *meant)
{
	const char *section = v->o->type == OPTION_NETWORK ? "networks" : "trunks";
	const char *what = v->o->type == OPTION_NETWORK ? "network" : "trunk";

	BAD(v, "there is no %s " QUOTED, what, TEXT(v->s));
	if (meant)
		FIX(v, "Did you mean \"%s\"? If not, define it in `%s`.", meant, section);
	else
		FIX(v, "Write a name from `%s`, or define it there.", section);
}

static void bind_network(struct value *v)
{
	const struct conf *c = &v->b->snap->conf;

	for (unsigned i = 0; i < c->n_networks; i++) {
		if (strcmp(c->networks[i].name, v->s.p) == 0) {
			*(const struct conf_network **)value_field(v) = &c->networks[i];
			return;
		}
	}
	if (c->n_networks) /* without any, that is the error */
		refuse_reference(v, nearest(v->s.p, network_name, c, c->n_networks));
}

static void bind_trunk(struct value *v)
{
	const struct conf *c = &v->b->snap->conf;

	for (unsigned i = 0; i < c->n_trunks; i++) {
		if (strcmp(c->trunks[i].name, v->s.p) == 0) {
			*(const struct conf_trunk **)value_field(v) = &c->trunks[i];
			return;
		}
	}
	if (c->n_trunks)
		refuse_reference(v, nearest(v->s.p, trunk_name, c, c->n_trunks));
}

/* ---- maps ---- */

static void bind_map(struct value *v)
{
	char path[sizeof(v->b->key)];

	snprintf(path, sizeof(path), "%s", v->b->key);
	item_bind(v->b, v->o->map, v->t, value_field(v), path);
}

/* ---- all types ---- */

static void (*const binders[])(struct value *v) = {
	[OPTION_VERSION] = bind_version,   [OPTION_DEVICE] = bind_device,
	[OPTION_USER] = bind_user,         [OPTION_PATH] = bind_path,
	[OPTION_FILE] = bind_file,         [OPTION_TEXT] = bind_text,
	[OPTION_USERNAME] = bind_text,     [OPTION_PASSWORD] = bind_password,
	[OPTION_DOMAIN] = bind_domain,     [OPTION_TLS_NAME] = bind_domain,
	[OPTION_WORD] = bind_word,         [OPTION_CHOICE] = bind_word,
	[OPTION_BOOL] = bind_bool,         [OPTION_NUMBER] = bind_number,
	[OPTION_PORT] = bind_number,       [OPTION_CODE] = bind_number,
	[OPTION_PORTS] = bind_ports,       [OPTION_DSCP] = bind_dscp,
	[OPTION_MS] = bind_duration,       [OPTION_SECONDS] = bind_duration,
	[OPTION_ADDRESS] = bind_address,   [OPTION_CIDR] = bind_cidr,
	[OPTION_CIDR6] = bind_cidr,        [OPTION_HOST] = bind_host,
	[OPTION_GATEWAY6] = bind_gateway6, [OPTION_ADDRS] = bind_addresses,
	[OPTION_PREFIXES] = bind_prefixes, [OPTION_SERVERS] = bind_servers,
	[OPTION_SWITCHES] = bind_switches, [OPTION_DIGITS] = bind_digits,
	[OPTION_CODECS] = bind_codecs,     [OPTION_BITS] = bind_bits,
	[OPTION_WORDS] = bind_order,       [OPTION_MAP] = bind_map,
	[OPTION_MAPS] = bind_maps,         [OPTION_NETWORK] = bind_network,
	[OPTION_TRUNK] = bind_trunk,
};

static bool is_one_value(enum option_type t)
{
	return t != OPTION_PREFIXES && t != OPTION_SERVERS && t != OPTION_ADDRS &&
	       t != OPTION_SWITCHES && t != OPTION_DIGITS && t != OPTION_CODECS &&
	       t != OPTION_BITS && t != OPTION_WORDS && t != OPTION_MAP && t != OPTION_MAPS;
}

static bool is_empty(const struct tree *t)
{
	return !t->text.n ||
	       (t->plain && (str_eq(t->text, STR("~")) || str_eq(t->text, STR("null"))));
}

void value_bind(struct binding *b, const struct option *o, const struct tree *t, void *item)
{
	struct value v = { b, o, t, t->text, item };
	const char *like = o->example ? o->example : o->def;

	if (t->wrong)
		return;
	if (t->kind != TREE_SCALAR && is_one_value(o->type)) {
		BAD(&v, "this must be one value, not a %s", t->kind == TREE_LIST ? "list" : "map");
		FIX(&v, "Write %s: %s, for example%s.", o->name, like,
		    o->type == OPTION_HOST ? ", and what has brackets in quotes" : "");
	} else if (t->kind == TREE_SCALAR && is_empty(t) && (t->plain || o->type != OPTION_USER)) {
		BAD(&v, "the value is missing");
		FIX(&v,
		    o->required ? "Write %s: %s, for example." : "Write %s: %s, or drop the line.",
		    o->name, like);
	} else {
		binders[o->type](&v);
	}
}
