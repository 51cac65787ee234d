/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BENCH_OPTIONS_H
#define SLUICE_BENCH_OPTIONS_H

#include "cpu.h"
#include "io.h"
#include "relay.h"
#include "trial.h"

#define RATES_MAX 16

enum what {
	WHAT_THROUGHPUT = 1 << 0, /* RFC 2544 26.1 */
	WHAT_LATENCY = 1 << 1,    /* 26.2 */
	WHAT_LOSS = 1 << 2,       /* 26.3 */
	WHAT_SETUP = 1 << 3
};

enum command {
	COMMAND_BENCH,
	COMMAND_PLAIN,
	COMMAND_REFLECT,
	COMMAND_SPRAY,
	COMMAND_REBIND
};

struct options {
	enum command command;
	unsigned what;
	struct relay_options relay;
	struct io_options side[2];
	bool reflected; /* side B is elsewhere */
	unsigned calls;
	struct trial_options trial;
	double rates[RATES_MAX]; /* for latency */
	unsigned n_rates;
	double first, most;      /* throughput: where to begin, and never above */
	unsigned trials;         /* of the search */
	unsigned setups;         /* calls of the set-up rate */
	double allowed;          /* loss of a trial that still counts as none */
	struct cpu cpu;
	const char *json, *name;
	const char *listen; /* plain */
	/* spray */
	struct addr target;
	unsigned target_ports;
	double seconds;
	bool busy_wait;
	unsigned silence; /* rebind: ms at most */
	int argc;
	char **argv;
};

/* 0: go on; 1: said what was asked for; -EINVAL: said what is wrong. */
int options_parse(struct options *o, int argc, char **argv);

#endif
