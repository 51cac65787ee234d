/* SPDX-License-Identifier: Apache-2.0 */
/* `drops` and `stage`: what the engine counts. */
#include <stdio.h>
#include <string.h>

#include "read.h"
#include "show.h"
#include "table.h"

/* ---- drops ---- */

/* Counters of work done, among those of what was refused. */
static bool is_work(const char *name)
{
	static const char *const work[] = {
		"work.",
		"in.",
		"out.",
		"transactions",
		"dialogs",
		"udp.received",
		"udp.sent",
		"overload.straight",
		"overload.queued",
		"overload.again",
		"overload.emergency",
		"overload.episodes",
		"stream.connections",
	};

	for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++)
		if (strncmp(name, work[i], strlen(work[i])) == 0)
			return strcmp(name, "out.failed") != 0;
	return false;
}

static const char *rate_of(char out[CELL], const struct show *o, const char *group,
			   const char *name, long long now)
{
	double rate;

	if (!o->before || o->seconds <= 0)
		return "-";
	rate = (double)(now - number(at(o->before, group), name)) / o->seconds;
	return rate < 0 ? "-" : cell(out, rate > 0 && rate < 10 ? "%.1f" : "%.0f", rate);
}

static void show_refused(const char *title, const json_t *reply, const char *group,
			 const struct show *o)
{
	static const char *const heads[] = { ">COUNT", ">PER SECOND", "NAME", "WHAT IT IS" };
	static const unsigned char rate[] = { 1 };
	struct text_table *t = text_table_new(4, heads);
	const json_t *texts = at(reply, "texts");
	const char *name;
	json_t *v;

	printf("%s\n", title);
	json_object_foreach((json_t *)at(reply, group), name, v)
	{
		long long n = (long long)json_integer_value(v);
		char count[CELL], per_s[CELL];

		if ((n == 0 || is_work(name)) && !o->all)
			continue;
		text_table_row(t, (const char *[]){ grouped(count, n),
						    rate_of(per_s, o, group, name, n), name,
						    at(texts, name) ? text(texts, name) : "" });
	}
	if (!o->before)
		text_table_fit(t, 1, rate, 1);
	text_table_wrap(t, o->width);
	text_table_print(t, "none");
}

void show_drops(const json_t *reply, struct show *o)
{
	show_refused("Media packets that were dropped, since sluice-dp started:", reply, "media",
		     o);
	putchar('\n');
	show_refused("SIP messages that were refused, since sluiced started:", reply, "sip", o);
	if (!o->all && !o->before)
		puts("\n--all has those that are 0 and the work done; --watch how fast they grow.");
}

/* ---- stage ---- */

/* What was counted since the last look, or since the start. */
static double since(const json_t *reply, const struct show *o, const char *name)
{
	double now = (double)number(at(reply, "work"), name);

	return o->before ? now - (double)number(at(o->before, "work"), name) : now;
}

static const struct {
	const char *counter, *name;
} stages[] = {
	{ "cycles_rx", "receive" },    { "cycles_parse", "parse" }, { "cycles_relay", "relay" },
	{ "cycles_cipher", "cipher" }, { "cycles_tx", "send" },
};

static void stage_row(struct text_table *t, const char *name, double cycles, double n, double ghz,
		      double total, const char *what)
{
	char a[CELL], b[CELL], c[CELL];

	text_table_row(
		t, (const char *[]){ name, cell(a, "%.0f", n > 0 ? cycles / n : 0),
				     cell(b, "%.0f", n > 0 && ghz > 0 ? cycles / n / ghz : 0),
				     cell(c, "%.0f", total > 0 ? 100 * cycles / total : 0), what });
}

static void show_pace(const json_t *reply, const struct show *o, double ghz, double busy)
{
	double in = since(reply, o, "packets_in"), bursts = since(reply, o, "bursts");
	double all = since(reply, o, "cycles_all"), asleep = since(reply, o, "cycles_asleep");
	char a[CELL], b[CELL];

	printf("\n%s packets in, %s out", grouped(a, (long long)in),
	       grouped(b, (long long)since(reply, o, "packets_out")));
	if (o->before && o->seconds > 0)
		printf(" (%s/s in)", grouped(a, (long long)(in / o->seconds)));
	if (bursts > 0)
		printf(", %.1f in a burst", in / bursts);
	printf("; %s waits\n", grouped(a, (long long)since(reply, o, "sleeps")));
	if (all > 0)
		printf("The workers slept %.1f %% of the time, worked %.1f %%, and looked for "
		       "packets that "
		       "were not there %.1f %%.\n",
		       100 * asleep / all, 100 * busy / all, 100 * (all - asleep - busy) / all);
	printf("The clock has %.2f GHz.\n", ghz);
}

void show_stage(const json_t *reply, struct show *o)
{
	static const char *const heads[] = { "STAGE", ">CYCLES", ">NS", ">%", "WHAT IT IS" };
	struct text_table *t = text_table_new(5, heads);
	double n = since(reply, o, "packets_in"), total = 0;
	double ghz = (double)number(at(reply, "work"), "tsc_hz") / 1e9;
	size_t i;

	if (o->before)
		printf("The last %.1f s:\n", o->seconds);
	else
		puts("Since sluice-dp started:");
	for (i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		total += since(reply, o, stages[i].counter);
	for (i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (since(reply, o, stages[i].counter) > 0 || o->all)
			stage_row(t, stages[i].name, since(reply, o, stages[i].counter), n, ghz,
				  total, text(at(reply, "texts"), stages[i].counter));
	stage_row(t, "all", total, n, ghz, total, "");
	text_table_wrap(t, o->width);
	text_table_print(t, "");
	show_pace(reply, o, ghz, total);
}
