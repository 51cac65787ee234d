/* SPDX-License-Identifier: Apache-2.0 */
/* Hears all UDP that the engine sends, on both networks, and knows to whom each of its media ports may send: to peers of
 * the case that the port belongs to, and never to a stranger. */
#ifndef SLUICE_ENGINE_WATCH_H
#define SLUICE_ENGINE_WATCH_H

#include "suite.h"

struct watch;

struct watch *watch_new(const struct lab *lab); /* NULL: see errno */
void watch_free(struct watch *w);
void watch_run(struct watch *w); /* takes what came; often enough that no buffer runs over */
/* True: something went where it should not; `out` says what. */
bool watch_why(const struct watch *w, char *out, size_t n);

#endif
