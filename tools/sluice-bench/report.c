/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include "report.h"

static const double curve[] = { 0,     0.1,   0.25,  0.5,    0.75,   0.9,     0.95,    0.98, 0.99,
				0.995, 0.998, 0.999, 0.9995, 0.9999, 0.99995, 0.99999, 1 };

static double us(uint64_t ns)
{
	return (double)ns / 1000;
}

json_t *report_hist(const struct hist *h)
{
	json_t *points = json_array();
	for (unsigned i = 0; h->n && i < sizeof(curve) / sizeof(*curve); i++)
		json_array_append_new(points,
				      json_pack("[f, f]", curve[i], us(hist_at(h, curve[i]))));
	return json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o}", "n", (json_int_t)h->n,
			 "min", us(h->n ? h->min : 0), "mean", hist_mean(h) / 1000, "p50",
			 us(hist_at(h, 0.5)), "p90", us(hist_at(h, 0.9)), "p99",
			 us(hist_at(h, 0.99)), "p999", us(hist_at(h, 0.999)), "max", us(h->max),
			 "curve", points);
}

static double loss_of(const struct trial_result *r)
{
	return r->sent ? (double)trial_lost(r) / (double)r->sent : 0;
}

/* us for each packet that was received. */
static double cost(const struct trial_result *r, double seconds)
{
	return r->tally.received ? seconds * 1e6 / (double)r->tally.received : 0;
}

static json_t *costs(const struct trial_result *r, const struct cpu *cpu)
{
	json_t *j = json_object();
	for (unsigned i = 0; i < cpu->n; i++)
		json_object_set_new(j, cpu->group[i].name,
				    json_pack("{s:f, s:f}", "seconds", r->cpu[i], "us_per_packet",
					      cost(r, r->cpu[i])));
	return j;
}

static void put(json_t *j, const char *name, uint64_t v)
{
	json_object_set_new(j, name, json_integer((json_int_t)v));
}

json_t *report_trial(const struct trial_result *r, const struct cpu *cpu)
{
	const struct tally *t = &r->tally;
	json_t *j = json_pack(
		"{s:f, s:f, s:f, s:b, s:o, s:o, s:o, s:{s:f, s:f}}", "rate", r->rate, "seconds",
		r->seconds, "loss", loss_of(r), "valid", (int)trial_valid(r), "latency_us",
		report_hist(t->latency), "jitter_us", report_hist(t->jitter), "cpu", costs(r, cpu),
		"generator", "seconds", r->generator, "us_per_packet", cost(r, r->generator));
	put(j, "sent", r->sent);
	put(j, "received", t->received);
	put(j, "lost", trial_lost(r));
	put(j, "reordered", t->reordered);
	put(j, "duplicates", t->duplicates);
	put(j, "corrupt", t->corrupt);
	put(j, "foreign", t->foreign);
	put(j, "astray", t->astray);
	put(j, "refused", t->refused);
	put(j, "other", t->other);
	put(j, "keys", t->keys);
	put(j, "octets", t->octets);
	put(j, "skipped", r->skipped);
	put(j, "failed", r->failed);
	put(j, "overflow", r->overflow);
	return j;
}

static json_t *command_line(const struct options *o)
{
	json_t *a = json_array();
	for (int i = 0; i < o->argc; i++)
		json_array_append_new(a, json_string(o->argv[i]));
	return a;
}

static const char *suite_name(uint8_t suite)
{
	return suite ? srtp_name(suite) : "none";
}

json_t *report_new(const struct options *o, const struct relay *r)
{
	char began[32];
	time_t now = time(NULL);
	struct tm tm;
	strftime(began, sizeof(began), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:o, s:{s:i, s:i, s:i, s:f, s:[s, s], s:[s, "
			 "s], s:f, s:f, s:f}}",
			 "schema", REPORT_SCHEMA, "program", "sluice-bench " SLUICE_VERSION, "name",
			 o->name, "began", began, "relay", r->ops->name, "command", command_line(o),
			 "work", "calls", (int)o->calls, "ptime_ms", (int)o->trial.ptime, "payload",
			 (int)o->trial.payload, "dtmf", o->trial.dtmf, "srtp",
			 suite_name(o->relay.suite[0]), suite_name(o->relay.suite[1]), "io",
			 o->side[0].device ? o->side[0].device : "sockets",
			 o->reflected        ? "reflected"
			 : o->side[1].device ? o->side[1].device
					     : "sockets",
			 "seconds", o->seconds, "warm", (double)o->trial.warm / 1e9, "settle",
			 (double)o->trial.settle / 1e9);
}

void report_head(const struct cpu *cpu)
{
	printf("%-11s %10s %10s %9s %9s %9s %9s %9s", "", "packets/s", "received", "lost", "p50 us",
	       "p99 us", "p99.9 us", "jitter99");
	for (unsigned i = 0; i < cpu->n; i++)
		printf(" %8.8s us", cpu->group[i].name);
	printf(" %10s\n", "gen. us");
}

void report_line(const char *what, const struct trial_result *r, const struct cpu *cpu)
{
	const struct tally *t = &r->tally;
	printf("%-11s %10.0f %10llu %9llu %9.1f %9.1f %9.1f %9.1f", what, r->rate,
	       (unsigned long long)t->received, (unsigned long long)trial_lost(r),
	       us(hist_at(t->latency, 0.5)), us(hist_at(t->latency, 0.99)),
	       us(hist_at(t->latency, 0.999)), us(hist_at(t->jitter, 0.99)));
	for (unsigned i = 0; i < cpu->n; i++)
		printf(" %11.3f", cost(r, r->cpu[i]));
	printf(" %10.3f", cost(r, r->generator));
	if (!trial_valid(r))
		printf("  the generator is the limit: %llu not sent, %llu lost here",
		       (unsigned long long)(r->skipped + r->failed),
		       (unsigned long long)r->overflow);
	const struct {
		const char *name;
		uint64_t n;
	} odd[] = { { "reordered", t->reordered }, { "duplicates", t->duplicates },
		    { "corrupt", t->corrupt },     { "foreign", t->foreign },
		    { "astray", t->astray },       { "refused", t->refused } };
	for (unsigned i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		if (odd[i].n)
			printf("  %s %llu", odd[i].name, (unsigned long long)odd[i].n);
	putchar('\n');
	fflush(stdout);
}

int report_write(const json_t *j, const char *path)
{
	if (!path)
		return 0;
	if (json_dump_file(j, path, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) == 0)
		return 0;
	perror(path);
	return -EIO;
}
