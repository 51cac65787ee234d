/* SPDX-License-Identifier: Apache-2.0 */
/* The flow language (dataplane/relay/flow.h), asked and answered in turn: what sluice-dp, the kernel engine and the
 * plain relay here understand. How datagrams travel is one row of a table. */
#ifndef SLUICE_BENCH_FLOWLINK_H
#define SLUICE_BENCH_FLOWLINK_H

#include "engine/tlv.h"

struct flowlink;

/* `where`: the path of a SOCK_SEQPACKET unix socket. Says HELLO. 0 or -errno, said on stderr. */
int flowlink_open(struct flowlink **out, const char *where);
void flowlink_close(struct flowlink *l);
u32 flowlink_caps(const struct flowlink *l);

/* A message may be written between begin and end; it leaves with the datagram, and is answered. */
struct tlv_out *flowlink_begin(struct flowlink *l, u8 cmd, u32 seq);
/* 0, or -EMSGSIZE: the datagram is full; flush, and write the message again. */
int flowlink_end(struct flowlink *l);
int flowlink_flush(struct flowlink *l); /* 0 or -errno */
bool flowlink_pending(const struct flowlink *l); /* is there something to flush? */
/* One datagram of answers; fn for each. Waits 2 s at most. How many, or -errno. */
int flowlink_answers(struct flowlink *l, void (*fn)(void *arg, const struct tlv_msg *m), void *arg);

#endif
