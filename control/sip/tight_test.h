/* SPDX-License-Identifier: Apache-2.0 */
/* A text with nothing behind its end, so that the sanitizer sees one octet too many. */
#ifndef SLUICE_SIP_TIGHT_TEST_H
#define SLUICE_SIP_TIGHT_TEST_H

#include <stdlib.h>
#include "base/str.h"
#include "base/test.h"

static inline struct str tight(const char *text)
{
	size_t n = strlen(text);
	char *mem = malloc(n ? n : 1);

	assert_non_null(mem);
	memcpy(mem, text, n);
	return (struct str){ mem, n };
}

static inline void tight_free(struct str s)
{
	free((char *)(uintptr_t)s.p);
}

/* Each of bad[] must give this error. */
#define assert_all_are(error, error_of, bad)                                                       \
	do {                                                                                       \
		for (size_t i_ = 0; i_ < sizeof(bad) / sizeof((bad)[0]); i_++)                     \
			if (error_of((bad)[i_]) != (error))                                        \
				fail_msg("\"%s\" gives %d", (bad)[i_], error_of((bad)[i_]));       \
	} while (0)

#endif
