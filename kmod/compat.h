/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernel versions, and nowhere else. */
#ifndef SLUICE_KMOD_COMPAT_H
#define SLUICE_KMOD_COMPAT_H

#include <linux/skbuff.h>
#include <linux/version.h>

/* 5.18 gave packets a flag that goes with their time stamp. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
static inline void skb_clear_tstamp(struct sk_buff *skb)
{
	skb->tstamp = 0;
}
#endif

#endif
