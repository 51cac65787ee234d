/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include "io.h"

int io_dpdk_open(struct io **out, const struct io_options *o)
{
	(void)out;
	fprintf(stderr, "%s: this sluice-bench was built without DPDK\n", o->device);
	return -ENOTSUP;
}
