/* SPDX-License-Identifier: Apache-2.0 */
/* What one thread does in a trial: it sends all calls' packets of its side when they are due, and takes what comes
 * for it. Two lanes share nothing that either writes. */
#ifndef SLUICE_BENCH_LANE_H
#define SLUICE_BENCH_LANE_H

#include "trial.h"

struct lane {
	/* given */
	struct io *io;
	const struct route *route;
	struct call *calls;
	unsigned n, side;
	unsigned from; /* which side's packets are to come here: the other one, or with a reflector our own */
	const struct trial_options *o;
	uint32_t trial;
	uint64_t start, count_from, count_to, end; /* ns, CLOCK_REALTIME */
	/* found */
	struct tally tally;
	uint64_t sent, skipped, failed;
	/* its own */
	uint64_t due; /* number of the packet that is due next */
	uint8_t data[IO_BURST][IO_PACKET_MAX];
	struct io_packet out[IO_BURST], in[IO_BURST];
};

void lane_run(struct lane *l); /* until l->end */

#endif
