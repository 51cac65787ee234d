/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of the codec: one message on its way, and values of which none is a default. */
#ifndef SLUICE_TLV_TEST_H
#define SLUICE_TLV_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/netlink.h>
#include "engine/tlv_priv.h"

struct wire {
	u32 mem[4096];
	struct tlv_out o;
};

static inline void begin(struct wire *w)
{
	tlv_out_init(&w->o, w->mem, sizeof(w->mem));
	tlv_begin(&w->o, FLOW_CMD_SET, NLM_F_ACK, 42);
}

/* Ends the message and reads it; there is no other. */
static inline struct tlv_msg reread(struct wire *w)
{
	struct tlv_msg m;
	assert_int_equal(tlv_end(&w->o), 0);
	const void *p = w->mem;
	size_t n = w->o.n;
	assert_int_equal(tlv_next(&p, &n, &m), 1);
	assert_int_equal(n, 0);
	struct tlv_msg none;
	assert_int_equal(tlv_next(&p, &n, &none), 0);
	return m;
}

static inline struct flow_addr v4(u8 last, u16 port)
{
	return (struct flow_addr){ .ip = { 192, 0, 2, last }, .port = port, .family = 4 };
}

static inline struct flow_addr v6(u8 last, u16 port)
{
	struct flow_addr a = { .ip = { 0x20, 1, 0xd, 0xb8 }, .port = port, .family = 6 };
	a.ip[15] = last;
	return a;
}

/* Every field differs from its default and from every other. */
static inline struct flow full_flow(void)
{
	struct flow f;
	struct flow_side *s = &f.side[0], *t = &f.side[1];

	memset(&f, 0, sizeof(f)); /* the padding too: compared as memory */
	f.id = 0x0102030405060708ull;
	f.gen = 7;
	f.idle_ms = 60000;
	f.kind = FLOW_KIND_RAW;
	s->local = v4(1, 20000);
	s->remote = v4(2, 30000);
	s->local_rtcp = 20001;
	s->remote_rtcp = 30001;
	s->sig = v4(3, 0);
	s->clock = 16000;
	s->flags = FLOW_SIDE_HOLD | FLOW_SIDE_RTCP_MUX | FLOW_SIDE_DTMF_TELL | FLOW_SIDE_DTMF_TAKE |
		   FLOW_SIDE_STUN | FLOW_SIDE_DTLS;
	s->rate = 24001;
	s->burst = 9002;
	s->ssrc_mask = 0x80402010;
	s->n_acl = FLOW_ACL_MAX;
	s->mode = FLOW_MODE_NAT;
	s->learn_len = 24;
	s->ptime = 240;
	s->dscp = 46;
	s->dtmf_in = 101;
	s->dtmf_out = 96;
	s->dtmf_clock = 48000;
	s->n_ptmap = FLOW_PTMAP_MAX;
	for (u8 i = 0; i < FLOW_ACL_MAX; i++) {
		s->acl[i] = i & 1 ? v6(i, 0) : v4(i, 0);
		s->acl[i].len = i & 1 ? 128 - i : 32 - i;
	}
	for (u8 i = 0; i < FLOW_PTMAP_MAX; i++) {
		s->ptmap[i][0] = 127 - i;
		s->ptmap[i][1] = i;
	}
	t->local = v6(4, 1);
	t->remote = v6(5, 65535);
	t->sig = v4(9, 0);
	t->clock = 8000;
	t->ptime = 20;
	t->dtmf_in = t->dtmf_out = FLOW_PT_NONE;
	t->dtmf_clock = 8000;
	return f;
}

static inline struct flow_stats full_stats(u8 x)
{
	struct flow_stats s;

	memset(&s, 0, sizeof(s)); /* the padding too: compared as memory */
	s.packets = 1ull << 40 | x;
	s.octets = 2ull << 40 | x;
	s.dropped = 3ull << 40 | x;
	s.lost = -5 - x;
	s.first_us = 4ull << 40 | x;
	s.last_us = 5ull << 40 | x;
	s.jitter_us = 600u + x;
	s.ssrc = 0xfffffff0u + x;
	s.state = FLOW_STATE_FROZEN;
	s.source = x & 1 ? v6(x, 700 + x) : v4(x, 700 + x);
	s.refused = x & 1 ? v4(x, 0) : v6(x, 0);
	s.auth_failed = 6ull << 40 | x;
	s.replayed = 7ull << 40 | x;
	s.policed = 8ull << 40 | x;
	s.ssrcs = 900u + x;
	s.rtt_us = 1000u + x;
	s.peer_jitter_us = 1100u + x;
	s.peer_lost = -7 - x;
	s.peer_fraction = 200 + x;
	memcpy(s.last_drop, "rtp_no_destination", 19);
	return s;
}

/* Drops and ports of a message, one after the other. */
struct seen {
	unsigned n;
	u64 sum;
	char text[256];
};

static inline void on_drop(void *arg, const char *name, u64 count, const char *text)
{
	struct seen *s = arg;
	s->n++;
	s->sum += count;
	strncat(s->text, name, sizeof(s->text) - strlen(s->text) - 1);
}

static inline void on_port(void *arg, const char *network, const char *driver, const char *why)
{
	on_drop(arg, network, 1, "");
	on_drop(arg, driver, 1, "");
	on_drop(arg, why, 1, "");
}

#endif
