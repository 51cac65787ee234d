/* SPDX-License-Identifier: Apache-2.0 */
/* What relays media when sluiced starts, and sluice-dp started where nobody has: for the newcomer who starts only
 * sluiced. In an installation systemd keeps both. */
#ifndef SLUICE_LAUNCH_H
#define SLUICE_LAUNCH_H

#include <sys/types.h>

#include "base/log.h"
#include "conf/conf.h"

struct launch {
	pid_t pid; /* of the sluice-dp that was started; 0: none was */
	/* The kernel engine is to be used, or is there and may be one day: the kernel asks for CAP_NET_ADMIN with every
	 * request, of the thread that sends it (and of who opened the socket, unless it is connected). A socket that was
	 * opened with privileges is therefore not enough. */
	bool net_admin;
};

/* Where a sluice-dp answers on the engine's socket, or the configuration wants the kernel engine or any and that is there,
 * or we are not root and could not start a sluice-dp that works: nothing is started. Else it is, in a session of its own
 * (so that it lives on, and a Ctrl-C at sluiced's terminal does not reach it). It is looked for beside this program, in
 * ../dataplane (a build tree), then in PATH. Main thread, still with privileges. 0 or -errno, logged. */
int launch_engine(const struct conf *conf, struct log *log, struct launch *l);

#endif
