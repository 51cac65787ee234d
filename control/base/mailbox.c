/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of cells with a sequence number each (Vyukov's bounded queue): a sender claims a cell by
 * moving `tail`, fills it, and publishes it through the cell's number. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/mailbox.h"
#include "loop_priv.h"

struct cell {
	atomic_size_t seq; /* == position: free; == position + 1: holds mail */
	mail_fn *fn;
	void *data;
};

struct mailbox {
	struct loop *loop;
	void *owner;
	size_t mask;
	struct cell *cells;
	struct loop_fd wake;   /* real loop */
	struct loop_task task; /* virtual loop: one thread only */
	size_t head;           /* the owner's thread */
	bool *freed;           /* set while mail runs: where to say that the box has gone */
	_Alignas(64) atomic_size_t tail; /* senders */
	atomic_bool woken;               /* a wakeup is on its way: no need for another */
};

static bool take(struct mailbox *m, mail_fn **fn, void **data)
{
	struct cell *c = &m->cells[m->head & m->mask];

	if (atomic_load_explicit(&c->seq, memory_order_acquire) != m->head + 1)
		return false;
	*fn = c->fn;
	*data = c->data;
	atomic_store_explicit(&c->seq, m->head + m->mask + 1, memory_order_release);
	m->head++;
	return true;
}

static void wake(struct mailbox *m)
{
	uint64_t one = 1;

	if (atomic_exchange(&m->woken, true))
		return;
	if (loop_is_virtual(m->loop))
		loop_defer(m->loop, &m->task);
	else if (write(m->wake.fd, &one, sizeof(one)) < 0)
		atomic_store(&m->woken, false); /* cannot be: the counter never gets past 1 */
}

/* At most one ring full at a time: senders that never rest must not starve the other descriptors.
 * What is left then was posted after the exchange, so a wakeup for it is on its way. */
static void drain(struct mailbox *m)
{
	bool freed = false;
	size_t left = m->mask + 1;
	mail_fn *fn;
	void *data;

	/* Before the first look: what is posted after this wakes again. */
	atomic_exchange(&m->woken, false);
	m->freed = &freed;
	for (; left && take(m, &fn, &data); left--) {
		fn(m->owner, data);
		if (freed)
			return;
	}
	m->freed = NULL;
}

static void on_wake(void *arg, uint32_t events)
{
	struct mailbox *m = arg;
	uint64_t ignored;

	if (read(m->wake.fd, &ignored, sizeof(ignored)) < 0 && errno != EAGAIN)
		return;
	drain(m);
}

static void on_task(void *arg)
{
	drain(arg);
}

static int listen_on(struct mailbox *m)
{
	int rc;

	if (loop_is_virtual(m->loop))
		return 0;
	m->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->wake.fd < 0)
		return -errno;
	rc = loop_fd_add(m->loop, &m->wake);
	if (rc)
		close(m->wake.fd);
	return rc;
}

struct mailbox *mailbox_new(struct loop *l, size_t capacity, void *owner)
{
	struct mailbox *m;
	size_t size = 2;
	int rc = -ENOMEM;

	while (size < capacity && size < SIZE_MAX / 2 / sizeof(struct cell))
		size *= 2;
	m = aligned_alloc(64, (sizeof(*m) + 63) & ~(size_t)63);
	if (!m) {
		errno = ENOMEM;
		return NULL;
	}
	*m = (struct mailbox){ .loop = l, .owner = owner, .mask = size - 1 };
	m->wake = (struct loop_fd){ .events = EPOLLIN, .ready = on_wake, .arg = m };
	m->task = (struct loop_task){ .run = on_task, .arg = m };
	m->cells = calloc(size, sizeof(*m->cells));
	for (size_t i = 0; m->cells && i < size; i++)
		atomic_init(&m->cells[i].seq, i);
	if (m->cells)
		rc = listen_on(m);
	if (rc) {
		free(m->cells);
		free(m);
		errno = -rc;
		return NULL;
	}
	return m;
}

void mailbox_free(struct mailbox *m)
{
	if (!m)
		return;
	if (m->freed)
		*m->freed = true;
	loop_undefer(m->loop, &m->task);
	if (!loop_is_virtual(m->loop)) {
		loop_fd_del(m->loop, &m->wake);
		close(m->wake.fd);
	}
	free(m->cells);
	free(m);
}

int mailbox_post(struct mailbox *m, mail_fn *fn, void *data)
{
	size_t at = atomic_load_explicit(&m->tail, memory_order_relaxed);

	for (;;) {
		struct cell *c = &m->cells[at & m->mask];
		size_t seq = atomic_load_explicit(&c->seq, memory_order_acquire);

		if (seq == at) {
			if (!atomic_compare_exchange_weak_explicit(&m->tail, &at, at + 1,
								   memory_order_relaxed,
								   memory_order_relaxed))
				continue;
			c->fn = fn;
			c->data = data;
			atomic_store_explicit(&c->seq, at + 1, memory_order_release);
			wake(m);
			return 0;
		}
		if ((ptrdiff_t)(seq - at) < 0)
			return -ENOBUFS;
		at = atomic_load_explicit(&m->tail, memory_order_relaxed);
	}
}
