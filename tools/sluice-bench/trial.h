/* SPDX-License-Identifier: Apache-2.0 */
/* One trial: packets at a constant rate in both directions of all calls for some time, and what became of them. */
#ifndef SLUICE_BENCH_TRIAL_H
#define SLUICE_BENCH_TRIAL_H

#include "call.h"
#include "cpu.h"
#include "io.h"

#define SECOND 1000000000ull

struct trial_options {
	double rate;      /* packets/s, of both directions together */
	uint64_t warm;    /* ns: sent, not counted */
	uint64_t measure; /* ns: counted */
	uint64_t settle;  /* ns: nothing is sent, what is still on its way comes in */
	unsigned payload; /* octets */
	unsigned ptime;   /* ms, of the RTP timestamps */
	unsigned type;    /* RTP payload type */
	double dtmf;      /* share of packets that are telephone-event, 0..0.5 */
};

struct trial_result {
	double rate;       /* that was asked for */
	double seconds;    /* measured */
	uint64_t sent;     /* counted packets that left */
	uint64_t skipped;  /* that the generator was too late to send: it is the limit, or was not let run */
	uint64_t failed;   /* that the kernel or device did not take */
	uint64_t overflow; /* that came and were lost in our own receive buffers */
	struct tally tally; /* of both sides together */
	double generator;  /* CPU seconds of the generator in the measured time */
	double cpu[CPU_GROUPS]; /* of each group */
};

/* Sides: io and who listens there; side 1 has no io where a reflector is at the far end. */
struct trial_sides {
	struct io *io[2];
	struct route *route[2];
	struct call *calls;
	unsigned n;
};

int trial_run(const struct trial_sides *s, const struct trial_options *o, struct cpu *cpu, struct trial_result *r);
void trial_free(struct trial_result *r);
/* Lost: sent and not received. */
uint64_t trial_lost(const struct trial_result *r);
/* Does it say something of the relay? Not if the generator did not send what it was to, or did not take what came. */
bool trial_valid(const struct trial_result *r);

#endif
