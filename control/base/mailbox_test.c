/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/test.h"
#include "base/mailbox.h"

#define SENDERS 4
#define LETTERS 20000

struct owner {
	struct loop *loop;
	struct mailbox *box;
	unsigned next[SENDERS]; /* what each sender's next number must be */
	unsigned total, wrong;
};

struct letter {
	unsigned sender, number;
};

struct sender {
	struct owner *owner;
	unsigned id;
	unsigned full;
};

static void receive(void *owner, void *data)
{
	struct owner *o = owner;
	struct letter *l = data;

	o->wrong += (o->next[l->sender]++ != l->number);
	free(l);
	if (++o->total == SENDERS * LETTERS)
		loop_stop(o->loop);
}

static void *send_all(void *arg)
{
	struct sender *s = arg;

	for (unsigned i = 0; i < LETTERS; i++) {
		struct letter *l = malloc(sizeof(*l));

		*l = (struct letter){ s->id, i };
		while (mailbox_post(s->owner->box, receive, l) == -ENOBUFS) {
			s->full++;
			sched_yield();
		}
	}
	return NULL;
}

/* Everything arrives once, in the order of each sender, through a box that is often full. A lost
 * wakeup would leave loop_run() asleep. */
static void many_threads(void **state)
{
	struct owner o = { .loop = loop_new() };
	struct sender s[SENDERS];
	pthread_t thread[SENDERS];

	o.box = mailbox_new(o.loop, 64, &o);
	assert_non_null(o.box);
	for (unsigned i = 0; i < SENDERS; i++) {
		s[i] = (struct sender){ .owner = &o, .id = i };
		assert_int_equal(pthread_create(&thread[i], NULL, send_all, &s[i]), 0);
	}
	assert_int_equal(loop_run(o.loop), 0);
	for (unsigned i = 0; i < SENDERS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(o.total, SENDERS * LETTERS);
	assert_int_equal(o.wrong, 0);
	mailbox_free(o.box);
	loop_free(o.loop);
}

static void count(void *owner, void *data)
{
	++*(unsigned *)owner;
}

static void is_bounded(void **state)
{
	struct loop *l = loop_new();
	unsigned ran = 0;
	struct mailbox *m = mailbox_new(l, 5, &ran); /* becomes 8 */

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 8; i++)
			assert_int_equal(mailbox_post(m, count, NULL), 0);
		assert_int_equal(mailbox_post(m, count, NULL), -ENOBUFS);
		assert_int_equal(ran, round * 8);
		assert_int_equal(loop_once(l, 1000), 0);
		assert_int_equal(loop_once(l, 0), 0);
		assert_int_equal(ran, (round + 1) * 8);
	}
	assert_int_equal(mailbox_post(m, count, NULL), 0);
	mailbox_free(m); /* with mail in it */
	assert_int_equal(loop_once(l, 0), 0);
	assert_int_equal(ran, 24);
	mailbox_free(NULL);
	loop_free(l);
}

struct self {
	struct loop *loop;
	struct mailbox *box;
	unsigned ran;
};

static void post_again(void *owner, void *data)
{
	struct self *s = owner;

	s->ran++;
	assert_int_equal(mailbox_post(s->box, post_again, NULL), 0);
}

/* Mail that always breeds mail gets one ring full for each round, not the thread. */
static void leaves_room_for_others(void **state)
{
	struct self s = { .loop = loop_new() };

	s.box = mailbox_new(s.loop, 4, &s);
	assert_int_equal(mailbox_post(s.box, post_again, NULL), 0);
	assert_int_equal(loop_once(s.loop, 1000), 0);
	assert_int_equal(s.ran, 4);
	assert_int_equal(loop_once(s.loop, 1000), 0);
	assert_int_equal(s.ran, 8);
	mailbox_free(s.box);
	loop_free(s.loop);
}

static void free_box(void *owner, void *data)
{
	struct self *s = owner;

	s->ran++;
	mailbox_free(s->box);
}

static void mail_may_free_the_box(void **state)
{
	struct self s = { .loop = loop_new() };

	s.box = mailbox_new(s.loop, 4, &s);
	assert_int_equal(mailbox_post(s.box, free_box, NULL), 0);
	assert_int_equal(mailbox_post(s.box, free_box, NULL), 0);
	assert_int_equal(loop_once(s.loop, 1000), 0);
	assert_int_equal(s.ran, 1);
	loop_free(s.loop);
}

static void on_a_virtual_loop(void **state)
{
	struct loop *l = loop_new_virtual(1);
	unsigned ran = 0;
	struct mailbox *m = mailbox_new(l, 4, &ran);

	assert_int_equal(mailbox_post(m, count, NULL), 0);
	assert_int_equal(mailbox_post(m, count, NULL), 0);
	assert_int_equal(ran, 0);
	loop_advance(l, 0);
	assert_int_equal(ran, 2);
	assert_int_equal(mailbox_post(m, count, NULL), 0);
	mailbox_free(m);
	loop_advance(l, 0);
	assert_int_equal(ran, 2);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_threads),           cmocka_unit_test(is_bounded),
		cmocka_unit_test(leaves_room_for_others), cmocka_unit_test(mail_may_free_the_box),
		cmocka_unit_test(on_a_virtual_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
