/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The few names that relay/ needs from its surroundings, so that the same files compile into
 * sluice-dp, into the kernel module and into tests. In the kernel <linux/types.h> has them. */
#ifndef SLUICE_RELAY_TYPES_H
#define SLUICE_RELAY_TYPES_H

#ifdef __KERNEL__
#include <linux/types.h>
#include <linux/string.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
#endif

#endif
