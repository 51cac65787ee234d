/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka wants these before its own header. */
#ifndef SLUICE_BASE_TEST_H
#define SLUICE_BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define assert_str(s, lit)                                                                         \
	do {                                                                                       \
		struct str s_ = (s);                                                               \
		assert_int_equal(s_.n, strlen(lit));                                               \
		assert_memory_equal(s_.p ? s_.p : "", (lit), s_.n);                                \
	} while (0)

#endif
