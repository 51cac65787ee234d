/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of one size in chunks of a huge page, where the kernel gives some: with hundreds of thousands of flows most
 * of what a packet costs would be the search for small pages. One thread at a time. */
#ifndef SLUICE_DP_SLAB_H
#define SLUICE_DP_SLAB_H

#include <stddef.h>

struct slab;

struct slab *slab_new(
	size_t size);           /* of an object, rounded up to cache lines. NULL without memory */
void slab_free(struct slab *s); /* every object is gone with it */
void *slab_get(struct slab *s); /* zeroed, on a cache line of its own; NULL without memory */
void slab_put(void *object);    /* NULL is fine. A chunk that is empty goes back to the kernel */

#endif
