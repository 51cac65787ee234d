/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured: lines on the terminal while it goes on, and JSON at the end (schema in the README). */
#ifndef SLUICE_BENCH_REPORT_H
#define SLUICE_BENCH_REPORT_H

#include <jansson.h>
#include "options.h"

#define REPORT_SCHEMA 1

json_t *report_new(const struct options *o, const struct relay *r);
json_t *report_hist(const struct hist *h); /* of ns, in us: percentiles, and a curve */
json_t *report_trial(const struct trial_result *r, const struct cpu *cpu);
void report_head(const struct cpu *cpu); /* the head of the table */
void report_line(const char *what, const struct trial_result *r, const struct cpu *cpu);
int report_write(const json_t *j, const char *path); /* 0 or -EIO, said. path NULL: nothing to do */

#endif
