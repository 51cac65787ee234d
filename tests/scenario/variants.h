/* SPDX-License-Identifier: Apache-2.0 */
/* Playing a script, once or with something befalling each of its datagrams in turn. */
#ifndef SLUICE_SCENARIO_VARIANTS_H
#define SLUICE_SCENARIO_VARIANTS_H

#include "scenario.h"

struct play_options {
	bool verbose, variants;
	unsigned every;          /* n-th variant */
	struct wire_fault fault; /* the only one; FAULT_NONE: all */
};

/* The index of the first file, or -1. */
int play_read_options(struct play_options *o, int argc, char **argv);
/* fault NULL: plainly. False: it was said why. */
bool play_one(const struct script *s, const struct wire_fault *fault, bool verbose);
/* *n: how many were played. */
bool play_variants(const struct play_options *o, const struct script *s, unsigned *n);

#endif
