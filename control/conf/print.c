/* SPDX-License-Identifier: Apache-2.0 */
/* conf/full.yaml: the language as a file with every option, made from the schema. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "conf_priv.h"

#define FULL_MAX 32768

static void put_duration(struct buf *b, uint32_t n, const char *unit)
{
	if (*unit == 's' && n && n % 3600 == 0)
		buf_fmt(b, "%uh", n / 3600);
	else if (n && n % 1000 == 0 && *unit == 'm')
		buf_fmt(b, "%us", n / 1000);
	else
		buf_fmt(b, "%u%s", n, unit);
}

static void put_words(struct buf *b, const struct option *o)
{
	for (unsigned i = 0; o->words[i]; i++)
		buf_fmt(b, "%s%s", i ? " | " : "", o->words[i]);
	buf_lit(b, ". ");
}

static void put_range(struct buf *b, const struct option *o)
{
	switch (o->type) {
	case OPTION_WORD:
	case OPTION_CHOICE:
		put_words(b, o);
		break;
	case OPTION_BOOL:
		buf_lit(b, "true | false. ");
		break;
	case OPTION_NUMBER:
	case OPTION_PORT:
	case OPTION_CODE:
	case OPTION_PORTS:
		buf_fmt(b, "%u to %u. ", o->min, o->max);
		break;
	case OPTION_MS:
	case OPTION_SECONDS:
		put_duration(b, o->min, o->type == OPTION_MS ? "ms" : "s");
		buf_lit(b, " to ");
		put_duration(b, o->max, o->type == OPTION_MS ? "ms" : "s");
		buf_lit(b, ". ");
		break;
	case OPTION_SWITCHES:
	case OPTION_WORDS:
	case OPTION_BITS:
		buf_lit(b, "A list of ");
		put_words(b, o);
		break;
	case OPTION_PREFIXES:
	case OPTION_SERVERS:
	case OPTION_ADDRS:
	case OPTION_DIGITS:
	case OPTION_CODECS:
	case OPTION_MAPS:
		buf_fmt(b, "Up to %u. ", o->max);
		break;
	default:
		break;
	}
}

static void put_comment(struct buf *b, const char *indent, const char *text)
{
	struct str rest = str_of(text), line;

	while (str_line(&rest, &line))
		buf_fmt(b, "%s# %.*s\n", indent, STR_FMT(line));
}

/* What a map holds: a line for each of its options. */
static void put_map(struct buf *b, const struct option_list *map, const char *indent)
{
	for (unsigned i = 0; i < map->n; i++) {
		const struct option *o = &map->option[i];

		buf_fmt(b, "%s#   %s: %s%s\n", indent, o->name, o->help,
			o->required ? " Required." : "");
	}
}

static void put_option(struct buf *b, const struct option *o, const char *indent, const char *first)
{
	const char *value = o->def ? o->def : o->example;

	put_comment(b, indent, o->help);
	if (o->map)
		put_map(b, o->map, indent);
	buf_fmt(b, "%s# ", indent);
	put_range(b, o);
	buf_put(b, o->required ? STR("Required.")
		   : o->def    ? STR("Default:")
			       : STR("Not set by default."));
	if (o->def)
		buf_fmt(b, " %s.", o->def);
	buf_put(b, o->restart ? STR(" A change needs a restart.\n") : STR(" Can be reloaded.\n"));
	buf_fmt(b, "%s%s%s: %s\n", first, o->required || o->def ? "" : "# ", o->name, value);
}

/* The second item of a section, with what it needs only. */
static void put_short(struct buf *b, const struct section *s)
{
	bool first = true;

	if (s->kind == SECTION_NAMED)
		buf_fmt(b, "\n  %s: ", s->example[1]);
	else
		buf_lit(b, "\n  - ");
	for (unsigned i = 0; i < s->options->n; i++) {
		const struct option *o = &s->options->option[i];

		if (!o->example2)
			continue;
		buf_fmt(b, "%s%s: %s", first ? "{ " : ", ", o->name, o->example2);
		first = false;
	}
	buf_lit(b, " }\n");
}

static void put_section(struct buf *b, const struct section *s)
{
	const char *indent = s->kind == SECTION_GROUP ? "  " : "    ";

	buf_lit(b, "\n");
	if (s->kind == SECTION_VALUE) {
		put_option(b, s->options->option, "", "");
		return;
	}
	put_comment(b, "", s->help);
	buf_fmt(b, "%s:\n", s->name);
	if (s->kind == SECTION_NAMED)
		buf_fmt(b, "  %s:\n", s->example[0]);
	for (unsigned i = 0; i < s->options->n; i++) {
		if (i)
			buf_lit(b, "\n");
		put_option(b, &s->options->option[i], indent,
			   s->kind == SECTION_LIST && i == 0 ? "  - " : indent);
	}
	if (s->kind != SECTION_GROUP)
		put_short(b, s);
}

static int write_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		s.p += n;
		s.n -= (size_t)n;
	}
	return 0;
}

int conf_print_full(int fd)
{
	char *mem = malloc(FULL_MAX);
	struct buf b;
	int rc;

	if (!mem)
		return -ENOMEM;
	buf_init(&b, mem, FULL_MAX);
	buf_lit(&b, "# Every option of sluice. A value that is shown without \"#\" is the default, "
		    "or an\n"
		    "# example where the option is required; an option after \"#\" is an example.\n"
		    "# Generated from control/conf/schema.c.\n");
	for (unsigned i = 0; i < n_sections; i++)
		put_section(&b, &sections[i]);
	rc = buf_ok(&b) ? write_all(fd, buf_str(&b)) : -ENOBUFS;
	free(mem);
	return rc;
}
