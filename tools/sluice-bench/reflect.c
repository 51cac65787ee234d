/* SPDX-License-Identifier: Apache-2.0 */
/* Side B on another machine: what comes goes back to where it came from. */
#include <errno.h>
#include <stdio.h>
#include "bench.h"

#define NAP (100 * 1000) /* ns */

int reflect_run(const struct options *o)
{
	struct io *io;
	struct io_packet p[IO_BURST];
	int err = io_open(&io, &o->side[1]);
	if (err)
		return err;
	puts("reflect: ready");
	fflush(stdout);
	for (;;) {
		unsigned n = io->ops->recv(io, p);
		if (n)
			io->ops->send(io, p, n);
		else
			io->ops->wait(io, io_now() + NAP);
	}
}
