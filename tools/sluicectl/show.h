/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the control socket as tables for people, on stdout. */
#ifndef SLUICE_SLUICECTL_SHOW_H
#define SLUICE_SLUICECTL_SHOW_H

#include <jansson.h>
#include <stdbool.h>

/* What the command line wants of it. */
struct show {
	const char *word;     /* the argument; NULL */
	const char *file;     /* --output of `pcap`; NULL: stdout */
	bool all;             /* --all: what is 0, too */
	const json_t *before; /* the last answer, with --watch; NULL */
	double seconds;       /* since then */
	int width;            /* columns of the terminal; 0: as wide as it gets */
	bool colour;
	int code; /* the exit code: 0 unless it says so */
};

void show_status(const json_t *reply, struct show *o);
void show_calls(const json_t *reply, struct show *o);
void show_call(const json_t *reply, struct show *o);
void show_trunks(const json_t *reply, struct show *o);
void show_flows(const json_t *reply, struct show *o);
/* Takes away the flows that o->word does not fit. */
void flows_filter(json_t *reply, const char *word);
void show_drops(const json_t *reply, struct show *o);
void show_stage(const json_t *reply, struct show *o);
void show_why(const json_t *reply, struct show *o);
void show_pcap(const json_t *reply, struct show *o); /* writes a file */

#endif
