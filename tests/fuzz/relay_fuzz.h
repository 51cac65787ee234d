/* SPDX-License-Identifier: Apache-2.0 */
/* The engine of relay_test.h under a fuzzer: what it checks ends the program. */
#ifndef SLUICE_RELAY_FUZZ_H
#define SLUICE_RELAY_FUZZ_H

#include <stdlib.h>
#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)
#include "relay/relay_test.h"

/* The length of the packet that follows, in one octet of the input; no more than is there. */
static inline u32 packet_length(const uint8_t **data, const uint8_t *end)
{
	u32 n = *(*data)++ % PACKET_MAX, left = (u32)(end - *data);

	return n < left ? n : left;
}

#endif
