/* SPDX-License-Identifier: Apache-2.0 */
/* The ends of a call with SRTP: one that seals what it says, and one that opens what it hears by the rules
 * of RFC 3711 in the plainest words. */
#ifndef SLUICE_RELAY_SECURE_TEST_H
#define SLUICE_RELAY_SECURE_TEST_H

#include "relay/relay_test.h"

struct end {
	struct stream s; /* seq does not count: it is that of index */
	u64 index;
	u32 rtcp;
	struct toy_key key;
};

static inline void set_key(struct flow_crypto *c, u32 number, u8 suite)
{
	*c = (struct flow_crypto){ .number = number, .suite = suite };
}

static inline struct end phone_end(u64 index)
{
	return (struct end){ { ip4(203, 0, 113, 7, 40000), 0xaaaa0001, 0, 65000, 0 },
			     index,
			     0,
			     { 1, FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, 0 } };
}

/* The peer of side 0 has SRTP, key 1 in and key 1 out; that of side 1 has RTP. */
static inline void secure_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	world_rule(&w->rule[0]);
	set_key(&w->rule[0].side[0].in, 1, FLOW_SUITE_AES_CM_128_HMAC_SHA1_80);
	set_key(&w->rule[0].side[0].out, 1, FLOW_SUITE_AES_CM_128_HMAC_SHA1_80);
	world_start(w);
}

static inline u32 end_packet(const struct end *e, u64 index, u8 *p)
{
	struct stream s = e->s;
	struct relay_crypt c = { .index = index, .ssrc = s.ssrc, .len = 32, .clear = 12 };

	s.seq = (u16)index;
	write_rtp(p, &s);
	return toy_seal(e->key, &c, p);
}

static inline enum relay_action say_at(struct world *w, const struct end *e, u64 index)
{
	u8 p[PACKET_MAX];
	u32 n = end_packet(e, index, p);

	return deliver(w, 0, RELAY_RTP, e->s.from, p, n);
}

static inline enum relay_action say(struct world *w, struct end *e)
{
	e->s.ts += 160;
	return say_at(w, e, e->index++);
}

static inline void say_on(struct world *w, struct end *e, unsigned n)
{
	while (n--) {
		pass(w, 20);
		CHECK(say(w, e) == RELAY_FORWARD);
	}
}

static inline void refused(struct world *w, const struct end *e, u64 index, enum relay_drop why)
{
	CHECK(say_at(w, e, index) == RELAY_DROP && w->drop == why);
}

/* A call in which the phone speaks and was learned; its next packet has e->index. */
static inline struct end start(struct world *w, u64 index)
{
	struct end e = phone_end(index);
	struct stream b = carrier();

	secure_init(w);
	talk(w, 1, &b);
	say_on(w, &e, 1);
	return e;
}

static inline void rekey_in(struct world *w, u32 number, u32 flags)
{
	struct flow_crypto *c = &edit(w, 0)->in;

	set_key(c, number, FLOW_SUITE_AES_CM_128_HMAC_SHA1_80);
	c->flags = flags;
	update(w);
}

/* SRTCP: a report that says nothing. */
static inline enum relay_action report_at(struct world *w, const struct end *e, unsigned component,
					  u32 index, bool plain)
{
	u8 p[PACKET_MAX] = { 0x80, 201, 0, 1 };
	struct relay_crypt c = { .index = index,
				 .ssrc = e->s.ssrc,
				 .len = 8,
				 .clear = 8,
				 .is_rtcp = 1,
				 .plain = plain };
	struct flow_addr from = e->s.from;

	for (unsigned i = 0; i < 4; i++)
		p[4 + i] = (u8)(e->s.ssrc >> (24 - 8 * i));
	from.port += component;
	u32 n = toy_seal(e->key, &c, p);
	return deliver(w, 0, component, from, p, n);
}

/* Who gets what leaves by side 0. */
struct ear {
	u64 highest;
	u32 ssrc;
	bool any;
};

/* The last packet that left: is it what this one can open? Its index then. */
static inline u64 hear(struct world *w, struct ear *ear)
{
	const struct flow_crypto *key = &rule(w)->side[0].out;
	u8 p[PACKET_MAX + TOY_ROOM];
	struct relay_crypt c = { .clear = 12, .ssrc = ssrc_of(w->wire) };
	u16 seq = seq_of(w->wire), last = (u16)ear->highest;
	u64 roc = ear->highest >> 16;

	if (!ear->any || ear->ssrc != c.ssrc)
		*ear = (struct ear){ seq, c.ssrc, true };
	else if (last < 32768 ? seq > last + 32768 : false)
		roc--;
	else if (last >= 32768 && last - 32768 > seq)
		roc++;
	c.index = (ear->highest == seq ? 0 : roc << 16) | seq;
	if (c.index > ear->highest)
		ear->highest = c.index;
	c.len = w->wire_len - toy_tag_len(key->suite, false);
	memcpy(p, w->wire, w->wire_len);
	CHECK(toy_open(toy_key(key), &c, p, w->wire_len));
	CHECK(!memcmp(p, w->out, w->out_len));
	return c.index;
}

#endif
