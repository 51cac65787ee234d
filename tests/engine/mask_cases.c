/* SPDX-License-Identifier: Apache-2.0 */
/* SSRC_MASK: what leaves by a side has its SSRCs changed, and what RTCP from that side says of them is changed back.
 * Each case writes the same packets as they come in and as they are to go out. */
#include "suite.h"

#define A 0x11111111u /* the sender of side 0, as it says itself */
#define B 0x22222222u /* that of side 1 */
#define M 0x5a5a0f0fu /* the masks of the sides */
#define N 0x00ff00ffu

struct masks {
	const char *name;
	u32 mask[2];
};

static const struct masks masks[] = {
	{ "side-0", { M, 0 } },
	{ "side-1", { 0, N } },
	{ "both-sides", { M, N } },
};

static struct call *masked(struct test *t, const struct masks *m)
{
	struct call *c = call_new(t);

	c->f.side[0].ssrc_mask = m->mask[0];
	c->f.side[1].ssrc_mask = m->mask[1];
	c->peer[0].out.ssrc = A;
	c->peer[1].out.ssrc = B;
	call_set(c);
	return c;
}

static void relay(struct call *c, unsigned from, unsigned n)
{
	struct batch b = { 0 };

	call_send(c, from, n, MS, &b);
	for (unsigned i = 0; i < b.n; i++)
		put32(b.p[i].data + 8, rtp_ssrc(b.p[i].data) ^ c->f.side[!from].ssrc_mask);
	call_expect(c, !from, &b);
}

static void rtp(struct test *t, const void *row)
{
	struct call *c = masked(t, row);

	for (unsigned i = 0; i < 3; i++) {
		relay(c, 0, 10);
		relay(c, 1, 10);
	}
	CHECK_EQ(t, call_get(c).report.rtp[0].lost, 0);
}

/* What each side knows itself (own) and the other (theirs) by. */
typedef u32 write_fn(u8 *p, u32 own, u32 theirs);

static u32 sr(u8 *p, u32 own, u32 theirs)
{
	struct report r = { .ssrc = theirs, .highest = 5 };

	return rtcp_sr(p, own, 0x1234, &r, 1);
}

static u32 rr(u8 *p, u32 own, u32 theirs)
{
	struct report r = { .ssrc = theirs };

	return rtcp_rr(p, own, &r, 1);
}

static u32 compound(u8 *p, u32 own, u32 theirs)
{
	u32 n = sr(p, own, theirs);

	n += rtcp_sdes(p + n, own);
	n += rtcp_app(p + n, own);
	return n + rtcp_bye(p + n, own);
}

static u32 bye_reason(u8 *p, u32 own, u32 theirs)
{
	u32 n = rtcp_rr(p, own, NULL, 0);

	rtcp_bye(p + n, own);
	put16(p + n + 2, 2);
	memcpy(p + n + 8, "\3end", 4);
	return n + 12;
}

static u32 nack(u8 *p, u32 own, u32 theirs)
{
	return rtcp_fb(p, 205, 1, own, theirs, 1);
}

static u32 pli(u8 *p, u32 own, u32 theirs)
{
	return rtcp_fb(p, 206, 1, own, theirs, 0);
}

/* RFC 5104: whom it is for stands in its entries, not in the head. */
static u32 fir(u8 *p, u32 own, u32 theirs)
{
	u32 n = rtcp_fb(p, 206, 4, own, 0, 2);

	put32(p + 12, theirs);
	return n;
}

static u32 tmmbr(u8 *p, u32 own, u32 theirs)
{
	u32 n = rtcp_fb(p, 205, 3, own, 0, 2);

	put32(p + 12, theirs);
	return n;
}

/* RFC 3611: a delay block names the one it answers. */
static u32 xr_dlrr(u8 *p, u32 own, u32 theirs)
{
	u32 n = rtcp_xr(p, own);

	put16(p + 2, 5);
	p[8] = 5;
	put16(p + 10, 3);
	put32(p + 12, theirs);
	put32(p + 20, 0x99);
	return n + 4;
}

static const struct kind {
	const char *name;
	write_fn *write;
} kinds[] = {
	{ "sr", sr },
	{ "rr", rr },
	{ "compound", compound },
	{ "bye-with-reason", bye_reason },
	{ "nack", nack },
	{ "pli", pli },
	{ "fir", fir },
	{ "tmmbr", tmmbr },
	{ "xr-dlrr", xr_dlrr },
};

static void rtcp(struct test *t, const void *row)
{
	const struct kind *k = row;
	struct call *c = masked(t, &masks[2]);
	u8 in[300], out[300];

	relay(c, 0, 3);
	relay(c, 1, 3);
	/* Side 0 knows the other as B ^ M, side 1 knows it as A ^ N. */
	u32 n = k->write(in, A, B ^ M);
	call_report(c, 0, in, n);
	k->write(out, A ^ N, B);
	call_expect_report(c, 1, out, n);
	k->write(in, B, A ^ N);
	call_report(c, 1, in, n);
	k->write(out, B ^ M, A);
	call_expect_report(c, 0, out, n);
}

static void muxed(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	u8 in[100], out[100];

	for (unsigned side = 0; side < 2; side++) {
		c->f.side[side].flags |= FLOW_SIDE_RTCP_MUX;
		c->f.side[side].local_rtcp = c->f.side[side].remote_rtcp = 0;
	}
	c->f.side[0].ssrc_mask = M;
	c->f.side[1].ssrc_mask = N;
	call_set(c);
	relay(c, 0, 3);
	relay(c, 1, 3);
	u32 a = c->peer[0].out.ssrc, b = c->peer[1].out.ssrc;
	u32 n = sr(in, a, b ^ M);
	call_report(c, 0, in, n);
	sr(out, a ^ N, b);
	call_expect_report(c, 1, out, n);
}

/* A new generation without a mask: the SSRC is the peer's own again. */
static void taken_back(struct test *t, const void *row)
{
	struct call *c = masked(t, &masks[2]);

	relay(c, 0, 5);
	c->f.side[0].ssrc_mask = c->f.side[1].ssrc_mask = 0;
	call_set(c);
	relay(c, 0, 5);
	relay(c, 1, 5);
}

void mask_cases(struct list *l)
{
	for (unsigned i = 0; i < COUNT(masks); i++)
		list_add(l, 0, 0, rtp, &masks[i], "mask/rtp/%s", masks[i].name);
	for (unsigned i = 0; i < COUNT(kinds); i++)
		list_add(l, 0, 0, rtcp, &kinds[i], "mask/rtcp/%s", kinds[i].name);
	list_add(l, 0, 0, muxed, NULL, "mask/muxed");
	list_add(l, 0, 0, taken_back, NULL, "mask/taken-back");
}
