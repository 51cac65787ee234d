/* SPDX-License-Identifier: Apache-2.0 */
/* Sees every message as it enters and leaves the shard, in that order, and what must hold for them. */
#ifndef SLUICE_RANDOM_BORDER_H
#define SLUICE_RANDOM_BORDER_H

#include "base/str.h"

struct game;

void border_message(struct game *g, bool out, struct str data);
/* Nothing more comes: was every INVITE answered, and every 2xx acknowledged? */
void border_end(struct game *g);

#endif
