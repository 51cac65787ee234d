/* SPDX-License-Identifier: Apache-2.0 */
/* Starts sluice-dp where nobody has: for the newcomer who starts only sluiced. In an installation
 * systemd keeps both. */
#ifndef SLUICE_LAUNCH_H
#define SLUICE_LAUNCH_H

#include <sys/types.h>

#include "base/log.h"
#include "conf/conf.h"

/* Where a sluice-dp answers on the engine's socket, or we are not root and could not start one that
 * works: 0, and *pid is 0. Else starts one, in a session of its own (so that it lives on, and a Ctrl-C at
 * sluiced's terminal does not reach it), and leaves its pid. It is looked for beside this program, in
 * ../dataplane (a build tree), then in PATH. Main thread, still with privileges. 0 or -errno, logged. */
int launch_engine(const struct conf *conf, struct log *log, pid_t *pid);

#endif
