/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded queue of work from any thread to the one thread whose loop owns it (MPSC). On a virtual
 * loop all is one thread, and mail runs with the tasks. */
#ifndef SLUICE_BASE_MAILBOX_H
#define SLUICE_BASE_MAILBOX_H

#include "base/loop.h"

struct mailbox;

/* Runs on the owner's thread. */
typedef void mail_fn(void *owner, void *data);

/* `capacity` is rounded up to a power of two. `owner` is handed to each function. NULL + errno. */
struct mailbox *mailbox_new(struct loop *l, size_t capacity, void *owner);
/* Unrun mail is dropped; what `data` points at is the sender's to track. Owner's thread. */
void mailbox_free(struct mailbox *m);
/* Any thread. On 0, `data` belongs to `fn`. -ENOBUFS when full: then it stays the caller's. */
int mailbox_post(struct mailbox *m, mail_fn *fn, void *data);

#endif
