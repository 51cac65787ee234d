/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_RANDOM_FORK_H
#define SLUICE_RANDOM_FORK_H

#include "base/str.h"

struct game;
struct phone;

/* A message to or from a phone passes the proxy. True: it took it. */
bool fork_request(struct game *g, struct phone *to, struct str data);
bool fork_response(struct game *g, struct phone *from, struct str data);

#endif
