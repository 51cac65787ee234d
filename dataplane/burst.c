/* SPDX-License-Identifier: Apache-2.0 */
#include "worker_priv.h"

void burst_relay(struct worker *w, struct path *const *path, struct packet *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		path_packet(w, path[i], &p[i]);
}
