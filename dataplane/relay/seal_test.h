/* SPDX-License-Identifier: Apache-2.0 */
/* A call whose phone hears SRTP and whose carrier speaks RTP. */
#ifndef SLUICE_RELAY_SEAL_TEST_H
#define SLUICE_RELAY_SEAL_TEST_H

#include "relay/secure_test.h"

struct call {
	struct world w;
	struct stream b; /* the carrier, who speaks RTP */
	struct ear ear;  /* the phone, who hears SRTP */
};

static inline void begin(struct call *c, u16 seq)
{
	struct end phone = phone_end(1);

	*c = (struct call){ .b = carrier() };
	secure_init(&c->w);
	say(&c->w, &phone);
	c->b.seq = seq;
}

/* The packet is sealed, and heard with the next index or, when `lost` is set, a later one. */
static inline void heard(struct call *c, unsigned lost)
{
	u64 before = c->ear.highest;
	bool any = c->ear.any;

	pass(&c->w, 20);
	assert_int_equal(talk(&c->w, 1, &c->b), RELAY_FORWARD);
	u64 index = hear(&c->w, &c->ear);
	assert_int_equal(index, c->w.crypt.index);
	if (any)
		assert_int_equal(index, before + 1 + lost);
}

static inline void not_sealed(struct call *c, enum relay_drop why)
{
	struct flow_stats before, after;

	relay_stats(rtp_dir(&c->w, 1), 0, &before);
	assert_int_equal(talk(&c->w, 1, &c->b), RELAY_DROP);
	assert_string_equal(relay_drop_name(c->w.drop), relay_drop_name(why));
	relay_stats(rtp_dir(&c->w, 1), 0, &after);
	assert_int_equal(after.dropped, before.dropped + 1);
	assert_int_equal(after.packets, before.packets);
	assert_int_equal(after.octets, before.octets);
}

#endif
