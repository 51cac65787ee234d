/* SPDX-License-Identifier: Apache-2.0 */
/* The timer wheel of a loop. It knows no clock: wheel_advance() tells it the time. One thread. */
#ifndef SLUICE_BASE_TIMER_PRIV_H
#define SLUICE_BASE_TIMER_PRIV_H

#include "base/loop.h"

struct wheel;

struct wheel *wheel_new(uint64_t now); /* NULL when there is no memory */
void wheel_free(struct wheel *w);      /* timers are not touched */
/* Fires at `expiry`; what is not in the future fires with the next wheel_advance(). */
void wheel_add(struct wheel *w, struct timer *t, uint64_t expiry);
/* Fires with the next wheel_advance(), never in the one that is running. */
void wheel_add_due(struct wheel *w, struct timer *t);
void wheel_del(struct wheel *w, struct timer *t); /* nothing happens when it is not set */
/* Fires what is due and all with expiry <= `to`, in order of expiry. */
void wheel_advance(struct wheel *w, uint64_t to);
/* No timer fires and no work waits before this time; UINT64_MAX: never. Cheap. */
uint64_t wheel_bound(const struct wheel *w);
/* The earliest expiry itself (the present for a due one), UINT64_MAX: none. May walk all timers. */
uint64_t wheel_first(const struct wheel *w);

#endif
