/* SPDX-License-Identifier: Apache-2.0 */
/* The tests of RFC 2544, as far as they make sense for a relay of calls. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "bench.h"
#include "report.h"
#include "search.h"

#define RESOLUTION 0.02
#define STEPS      10 /* of the loss curve */
#define AGAIN      2  /* trials whose generator did not do its part */

struct bench {
	struct options *o;
	struct world w;
	json_t *report;
	double throughput; /* 0: not known */
};

/* One trial, on the terminal and at the end of `list`. */
static int trial(struct bench *b, const char *what, double rate, json_t *list,
		 struct trial_result *r)
{
	struct trial_options t = b->o->trial;
	t.rate = rate;
	int err = trial_run(&b->w.sides, &t, &b->o->cpu, r);
	if (err)
		return err;
	report_line(what, r, &b->o->cpu);
	json_array_append_new(list, report_trial(r, &b->o->cpu));
	return 0;
}

static bool no_loss(const struct bench *b, const struct trial_result *r)
{
	return !r->overflow && r->sent &&
	       (double)trial_lost(r) <= b->o->allowed * (double)r->sent && !r->tally.corrupt &&
	       !r->tally.refused;
}

static bool went_well(const struct bench *b, const struct trial_result *r)
{
	return trial_valid(r) && no_loss(b, r);
}

static const char *limit_name(const struct search *s, bool generator)
{
	if (s->bad <= 0)
		return s->good >= s->ceiling ? "ceiling" : "trials";
	return generator ? "generator" : "relay";
}

/* A trial of the search; a generator that was not let run says nothing, and it may have been a passing thing. What it
 * did send without loss is known all the same. */
static int search_trial(struct bench *b, struct search *s, double rate, json_t *list, bool *valid)
{
	struct trial_result r;
	bool well = false;
	int err = 0;
	*valid = false;
	for (unsigned i = 0; i <= AGAIN && !err && !*valid; i++) {
		err = trial(b, i ? "again" : "throughput", rate, list, &r);
		*valid = !err && trial_valid(&r);
		well = !err && went_well(b, &r);
		if (!err && no_loss(b, &r))
			search_know(s, (double)r.sent / r.seconds < rate
					       ? (double)r.sent / r.seconds
					       : rate);
		trial_free(&r);
	}
	if (!err)
		search_tell(s, well);
	return err;
}

static int throughput(struct bench *b)
{
	json_t *list = json_array();
	struct search s;
	bool generator = false; /* is what failed at s.bad the generator? */
	double rate;
	int err = 0;
	search_init(&s, b->o->first, b->o->most, RESOLUTION, b->o->trials);
	while (!err && search_next(&s, &rate)) {
		bool valid;
		err = search_trial(b, &s, rate, list, &valid);
		if (s.bad > 0 && rate <= s.bad)
			generator = !valid;
	}
	b->throughput = s.good;
	printf("throughput: %.0f packets/s without loss; the limit is the %s\n", s.good,
	       limit_name(&s, generator));
	json_object_set_new(b->report, "throughput",
			    json_pack("{s:f, s:s, s:o}", "pps", s.good, "limit",
				      limit_name(&s, generator), "trials", list));
	return err;
}

static int latency(struct bench *b)
{
	json_t *list = json_array();
	struct trial_result r;
	int err = 0;
	for (unsigned i = 0; i < b->o->n_rates && !err; i++) {
		err = trial(b, "latency", b->o->rates[i], list, &r);
		trial_free(&r);
	}
	json_object_set_new(b->report, "latency", list);
	return err;
}

/* From the highest rate down in tenths, until two trials in a row lose nothing. */
static int loss(struct bench *b)
{
	json_t *list = json_array();
	struct trial_result r;
	unsigned good = 0;
	int err = 0;
	double top = b->throughput > 0  ? 1.5 * b->throughput
		     : b->o->most < 1e7 ? b->o->most
					: 2 * b->o->rates[0];
	top = top < b->o->most ? top : b->o->most;
	for (unsigned i = STEPS; i > 0 && good < 2 && !err; i--) {
		err = trial(b, "loss", top * i / STEPS, list, &r);
		good = !err && went_well(b, &r) ? good + 1 : 0;
		trial_free(&r);
	}
	json_object_set_new(b->report, "loss", list);
	return err;
}

static int setup(struct bench *b)
{
	struct hist *each = hist_new();
	uint64_t spent = 0, cpu[CPU_GROUPS] = { 0 };
	unsigned done = 0;
	int err = each ? 0 : -ENOMEM;
	for (unsigned i = 0; i < b->o->cpu.n; i++)
		cpu[i] = cpu_read(&b->o->cpu.group[i]);
	while (!err && done < b->o->setups) {
		uint64_t began = io_now();
		err = world_calls(&b->w, b->o, each);
		spent += io_now() - began;
		done += b->w.sides.n;
		if (!err)
			err = world_hang_up(&b->w);
	}
	double rate = spent ? (double)done * 1e9 / (double)spent : 0;
	json_t *costs = json_object();
	for (unsigned i = 0; i < b->o->cpu.n && !err; i++)
		json_object_set_new(
			costs, b->o->cpu.group[i].name,
			json_real((double)(cpu_read(&b->o->cpu.group[i]) - cpu[i]) / 1000 / done));
	if (!err) {
		printf("setup: %u calls, %.0f calls/s; each p50 %.1f us, p99 %.1f us\n", done, rate,
		       (double)hist_at(each, 0.5) / 1000, (double)hist_at(each, 0.99) / 1000);
		json_object_set_new(b->report, "setup",
				    json_pack("{s:i, s:f, s:o, s:O}", "calls", (int)done,
					      "per_second", rate, "latency_us", report_hist(each),
					      "cpu_us_per_call", costs));
	}
	json_decref(costs);
	hist_free(each);
	return err;
}

static int run_tests(struct bench *b)
{
	int err = 0;
	if (b->o->what & WHAT_SETUP)
		err = setup(b);
	if (err || !(b->o->what & ~(unsigned)WHAT_SETUP))
		return err;
	err = world_calls(&b->w, b->o, NULL);
	if (err)
		return err;
	report_head(&b->o->cpu);
	if (b->o->what & WHAT_LATENCY)
		err = latency(b);
	if (!err && b->o->what & WHAT_THROUGHPUT)
		err = throughput(b);
	if (!err && b->o->what & WHAT_LOSS)
		err = loss(b);
	return err;
}

int bench_run(struct options *o)
{
	struct bench b = { .o = o };
	int err = world_open(&b.w, o);
	if (!err) {
		b.report = report_new(o, &b.w.relay);
		err = run_tests(&b);
	}
	if (!err)
		err = report_write(b.report, o->json);
	json_decref(b.report);
	world_close(&b.w);
	return err;
}
