/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernel versions, and nowhere else. */
#ifndef SLUICE_KMOD_COMPAT_H
#define SLUICE_KMOD_COMPAT_H

#include <linux/crypto.h>
#include <linux/skbuff.h>
#include <linux/version.h>
#include <net/flow_offload.h>
#include <net/genetlink.h>

/* The kernel's is none of ours; which of its headers lead to it differs. */
#define flow_stats sluice_flow_stats

/* 6.12 moved it. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#include <asm/unaligned.h>
#else
#include <linux/unaligned.h>
#endif

/* 5.18 gave packets a flag that goes with their time stamp. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
static inline void skb_clear_tstamp(struct sk_buff *skb)
{
	skb->tstamp = 0;
}
#endif

/* 6.3: who asked a transform is told by its own pointer, no longer by the request. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define compat_crypto_answer struct crypto_async_request
static inline void *compat_crypto_asker(compat_crypto_answer *answer)
{
	return answer->data;
}
#else
#define compat_crypto_answer void
static inline void *compat_crypto_asker(compat_crypto_answer *answer)
{
	return answer;
}
#endif

/* 6.5 moved what takes packets apart. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#include <net/gso.h>
#endif

/* For tests: so long a packet has its path before it looks at it, which a missing grace period does not survive. */
#ifdef SLUICE_TEST_DELAY
#include <linux/delay.h>
#define sluice_test_delay() mdelay(2)
#else
#define sluice_test_delay() ((void)0)
#endif

/* 6.1 wants to know up to which command a family passes over attributes that it does not know. */
static inline void compat_liberal_up_to(struct genl_family *family, u8 cmd)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
	family->resv_start_op = cmd + 1;
#endif
}

#endif
