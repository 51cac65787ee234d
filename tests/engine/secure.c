/* SPDX-License-Identifier: Apache-2.0 */
#include "secure.h"

static const u8 mki[255] = { 1, 2, 3, 4, 5, 6, 7, 8 };

/* ---- opening ---- */

/* RFC 3711 3.3.1, without any help from who sealed it. */
u64 secure_estimate(const struct secure *s, unsigned side, u16 seq)
{
	u64 high = s->heard[side], roc = high >> 16;
	u16 last = (u16)high;

	if (!s->any[side])
		return seq;
	if (last < 0x8000)
		return seq - last > 0x8000 && roc ? (roc - 1) << 16 | seq : roc << 16 | seq;
	return last - 0x8000 > seq ? (roc + 1) << 16 | seq : roc << 16 | seq;
}

static void open_rtp(struct secure *s, unsigned side, struct packet *p)
{
	const struct flow_crypto *k = &s->c->f.side[side].out;
	u16 seq = rtp_seq(p->data);
	u64 index = secure_estimate(s, side, seq);
	int n = srtp_open(k, p->data, p->len, index);

	if (n < 0)
		FAIL(s->c->t,
		     "SRTP that cannot be opened: sequence %u, roll-over counter %u, %u octets",
		     seq, (unsigned)(index >> 16), p->len);
	p->len = (u32)n;
	if (!s->any[side] || index > s->heard[side])
		s->heard[side] = index;
	s->any[side] = true;
}

static void open_rtcp(struct secure *s, unsigned side, struct packet *p)
{
	const struct flow_crypto *k = &s->c->f.side[side].out;
	u32 index = 0;
	int n = srtcp_open(k, p->data, p->len, &index);

	if (n < 0)
		FAIL(s->c->t, "SRTCP that cannot be opened: %u octets, index %u", p->len, index);
	p->len = (u32)n;
	if ((s64)index <= s->heard_rtcp[side])
		FAIL(s->c->t, "SRTCP index %u comes after %lld", index,
		     (long long)s->heard_rtcp[side]);
	s->heard_rtcp[side] = index;
}

static void open_one(void *arg, unsigned side, bool is_rtcp, struct packet *p)
{
	struct secure *s = arg;

	if (!s->c->f.side[side].out.suite)
		return;
	if (is_rtcp)
		open_rtcp(s, side, p);
	else
		open_rtp(s, side, p);
}

/* ---- setting up ---- */

void secure_keys(struct secure *s, unsigned side, u8 suite, u32 flags)
{
	struct flow_side *f = &s->c->f.side[side];
	u32 number = f->in.number > f->out.number ? f->in.number : f->out.number;

	if (suite == FLOW_SUITE_NONE)
		return;
	srtp_keys(&f->in, suite, number + 1, s->c->f.id * 4 + side * 2);
	srtp_keys(&f->out, suite, number + 1, s->c->f.id * 4 + side * 2 + 1);
	f->in.flags = f->out.flags = flags;
	f->in.mki_len = s->mki_len[side];
	s->heard_rtcp[side] = -1;
	s->c->peer[side].rtcp_index = 0;
}

struct secure *secure_new(struct test *t, u8 suite0, u8 suite1)
{
	struct secure *s = calloc(1, sizeof(*s));

	if (!s)
		FAIL(t, "no memory");
	s->c = call_new(t);
	s->c->open = open_one;
	s->c->open_arg = s;
	secure_keys(s, 0, suite0, 0);
	secure_keys(s, 1, suite1, 0);
	return s;
}

void secure_begin(struct secure *s, unsigned side, u16 seq)
{
	s->c->peer[side].out.seq = seq;
	s->c->peer[side].index = seq;
}

/* ---- media ---- */

u32 secure_write(struct secure *s, unsigned side, u8 *out, struct packet *plain)
{
	struct peer *p = &s->c->peer[side];
	const struct flow_crypto *k = &s->c->f.side[side].in;
	u32 n = rtp_write(out, &p->out);

	if (plain) {
		memcpy(plain->data, out, n);
		plain->len = n;
	}
	/* The index follows the sequence number, which a case may have moved on. */
	u64 index = (p->index & ~0xffffull) | p->out.seq;
	if (index + 0x8000 < p->index)
		index += 0x10000;
	p->index = index;
	if (k->suite)
		n = srtp_seal(k, out, n, index, mki, s->mki_len[side]);
	rtp_next(&p->out);
	return n;
}

void secure_put(struct secure *s, unsigned side, const void *p, u32 n)
{
	struct flow_addr to = call_port(s->c, side);

	sock_send(s->c->t, s->c->peer[side].rtp, &to, p, n);
}

void secure_record(struct secure *s, unsigned side, struct packet *kept, struct packet *plain)
{
	kept->len = secure_write(s, side, kept->data, plain);
	secure_put(s, side, kept->data, kept->len);
}

void secure_send(struct secure *s, unsigned side, unsigned n, u32 gap_us, struct batch *b)
{
	struct packet one;

	for (unsigned i = 0; i < n; i++) {
		secure_record(s, side, &one, b ? batch_add(b) : NULL);
		if (gap_us)
			nap(gap_us);
	}
}

void secure_expect(struct secure *s, unsigned side, const struct batch *b)
{
	call_expect(s->c, side, b);
}

void secure_relay(struct secure *s, unsigned from, unsigned n)
{
	struct batch b = { 0 };

	secure_send(s, from, n, MS, &b);
	secure_expect(s, !from, &b);
	free(b.p);
}

void secure_talk(struct secure *s, unsigned n)
{
	secure_relay(s, 0, n);
	secure_relay(s, 1, n);
}

/* ---- RTCP ---- */

void secure_report(struct secure *s, unsigned from, const void *data, u32 n)
{
	const struct flow_crypto *k = &s->c->f.side[from].in;
	u8 p[PACKET_MAX];

	memcpy(p, data, n);
	if (k->suite)
		n = srtcp_seal(k, p, n, s->c->peer[from].rtcp_index++);
	call_report(s->c, from, p, n);
}

void secure_expect_report(struct secure *s, unsigned side, const void *data, u32 n)
{
	call_expect_report(s->c, side, data, n);
}

void secure_reports(struct secure *s)
{
	u8 p[200];

	for (unsigned side = 0; side < 2; side++) {
		struct report r = { .ssrc = s->c->peer[!side].out.ssrc, .jitter = 3 };
		u32 n = rtcp_sr(p, s->c->peer[side].out.ssrc, 0x1234, &r, 1);
		n += rtcp_sdes(p + n, s->c->peer[side].out.ssrc);
		secure_report(s, side, p, n);
		secure_expect_report(s, !side, p, n);
	}
}
