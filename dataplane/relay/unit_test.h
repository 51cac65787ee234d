/* SPDX-License-Identifier: Apache-2.0 */
/* The engine of relay_test.h in a unit test: what it checks ends the test. Included first. */
#ifndef SLUICE_RELAY_UNIT_TEST_H
#define SLUICE_RELAY_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#define CHECK(x) assert_true(x)
#include "relay/relay_test.h"

#endif
