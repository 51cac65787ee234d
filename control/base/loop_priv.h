/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BASE_LOOP_PRIV_H
#define SLUICE_BASE_LOOP_PRIV_H

#include "base/loop.h"

bool loop_is_virtual(const struct loop *l);

#endif
