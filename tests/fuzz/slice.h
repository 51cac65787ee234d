/* SPDX-License-Identifier: Apache-2.0 */
/* What the targets of parsers check: slices lie inside what was parsed, which has nothing behind it. */
#ifndef SLUICE_FUZZ_SLICE_H
#define SLUICE_FUZZ_SLICE_H

#include <stdlib.h>
#include <string.h>
#include "sip/msg.h"

static inline void check(bool ok)
{
	if (!ok)
		abort();
}

/* A copy of exactly its size; the caller frees .p. */
static inline struct str bare(const void *data, size_t size)
{
	char *mem = malloc(size ? size : 1);

	check(mem != NULL);
	if (size)
		memcpy(mem, data, size);
	return (struct str){ mem, size };
}

static inline void release(struct str s)
{
	free((char *)(uintptr_t)s.p);
}

static inline void within(struct str whole, struct str s)
{
	check(s.n == 0 || (s.p >= whole.p && s.p + s.n <= whole.p + whole.n));
}

/* The same of each. */
#define WITHIN(whole, ...)                                                                         \
	do {                                                                                       \
		const struct str all_[] = { __VA_ARGS__ };                                         \
		for (size_t i_ = 0; i_ < sizeof(all_) / sizeof(all_[0]); i_++)                     \
			within((whole), all_[i_]);                                                 \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
