/* SPDX-License-Identifier: Apache-2.0 */
/* `why`: what is wrong with the media of a call, in sentences. */
#include <stdio.h>
#include <string.h>

#include "read.h"
#include "show.h"
#include "table.h"

static const char *mark_of(const char *weight, bool colour)
{
	if (strcmp(weight, "broken") == 0)
		return colour ? "\033[1;31mBROKEN\033[0m" : "BROKEN";
	if (strcmp(weight, "bad") == 0)
		return colour ? "\033[1;33mBAD\033[0m   " : "BAD   ";
	if (strcmp(weight, "fine") == 0)
		return colour ? "\033[1;32mGOOD\033[0m  " : "GOOD  ";
	return "note  ";
}

#define INDENT 10

static void show_line(const json_t *l, const struct show *o)
{
	printf("  %s  ", mark_of(text(l, "weight"), o->colour));
	text_words(text(l, "text"), INDENT, o->width);
	putchar('\n');
	if (!*text(l, "fix"))
		return;
	printf("%*s", INDENT, "");
	text_words(text(l, "fix"), INDENT, o->width);
	putchar('\n');
}

static const char *item(const json_t *list, size_t i)
{
	const char *s = json_string_value(json_array_get(list, i));

	return s && *s ? s : "nothing yet";
}

/* "  carrier  said sendrecv, sounds like MOS 4.4" */
static void show_party(const json_t *s, size_t i, int width)
{
	const json_t *mos = json_array_get(at(s, "mos"), i);

	printf("  %-*s  said %s", width, item(at(s, "sides"), i), item(at(s, "directions"), i));
	if (json_is_real(mos))
		printf(", sounds like MOS %.1f", json_real_value(mos));
	putchar('\n');
}

static void show_stream(const json_t *s, struct show *o)
{
	size_t a = strlen(item(at(s, "sides"), 0)), b = strlen(item(at(s, "sides"), 1)), i;
	const json_t *l;

	printf("\n%s %s\n", text(s, "kind"), text(s, "codec"));
	show_party(s, 0, (int)(a > b ? a : b));
	show_party(s, 1, (int)(a > b ? a : b));
	json_array_foreach(at(s, "lines"), i, l)
	{
		putchar('\n');
		show_line(l, o);
	}
}

void show_why(const json_t *reply, struct show *o)
{
	const json_t *c = at(reply, "call"), *s;
	size_t i;

	printf("call %s  %s\n", text(c, "id"), text(c, "state"));
	json_array_foreach(at(c, "streams"), i, s) show_stream(s, o);
	if (!json_array_size(at(c, "streams")))
		puts("\nIt has no media: nothing was agreed yet. `sluicectl call show` says how "
		     "far "
		     "it got.");
}
