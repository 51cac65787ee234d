/* SPDX-License-Identifier: Apache-2.0 */
/* Which rates to try: the throughput of RFC 2544 26.1 is the highest rate at which a trial loses nothing.
 * Pure: whoever has it runs the trials and says how they went. */
#ifndef SLUICE_BENCH_SEARCH_H
#define SLUICE_BENCH_SEARCH_H

#include <stdbool.h>

struct search {
	double good;       /* highest rate that went well; 0: none */
	double bad;        /* lowest rate that did not; 0: none */
	double ceiling;    /* never above */
	double resolution; /* share of `good`: it ends when `bad` is that close */
	double next;
	unsigned trials, most;
};

/* From `first` on, doubling until something is lost or the ceiling is reached, then halving the interval; at
 * most `most` trials. */
void search_init(struct search *s, double first, double ceiling, double resolution, unsigned most);
/* false: done, s->good is the result. */
bool search_next(const struct search *s, double *rate);
void search_tell(struct search *s, bool well);
/* Beside what was asked for, this rate is known to go well. */
void search_know(struct search *s, double rate);

#endif
