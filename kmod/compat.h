/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernel versions, and nowhere else. */
#ifndef SLUICE_KMOD_COMPAT_H
#define SLUICE_KMOD_COMPAT_H

#include <linux/crypto.h>
#include <linux/skbuff.h>
#include <linux/version.h>

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

#endif
