/* SPDX-License-Identifier: Apache-2.0 */
/* RTCP goes beside RTP and teaches it nothing. */
#include "suite.h"

/* ---- what is relayed ---- */

typedef u32 write_fn(u8 *p, u32 ssrc);

static u32 sr(u8 *p, u32 ssrc)
{
	return rtcp_sr(p, ssrc, 0x12345678, NULL, 0);
}

static u32 sr_31(u8 *p, u32 ssrc)
{
	struct report r[31];

	for (unsigned i = 0; i < 31; i++)
		r[i] = (struct report){ .ssrc = i + 1, .lost = (s32)i, .jitter = 5 };
	return rtcp_sr(p, ssrc, 1, r, 31);
}

static u32 rr(u8 *p, u32 ssrc)
{
	struct report r = { .ssrc = 7, .fraction = 3, .lost = -2, .jitter = 9 };

	return rtcp_rr(p, ssrc, &r, 1);
}

static u32 empty_rr(u8 *p, u32 ssrc)
{
	return rtcp_rr(p, ssrc, NULL, 0);
}

static u32 compound(u8 *p, u32 ssrc)
{
	u32 n = rr(p, ssrc);

	n += rtcp_sdes(p + n, ssrc);
	n += rtcp_app(p + n, ssrc);
	n += rtcp_xr(p + n, ssrc);
	return n + rtcp_bye(p + n, ssrc);
}

static u32 nack(u8 *p, u32 ssrc)
{
	return rtcp_fb(p, 205, 1, ssrc, 9, 1);
}

static u32 pli(u8 *p, u32 ssrc)
{
	return rtcp_fb(p, 206, 1, ssrc, 9, 0);
}

static u32 fir(u8 *p, u32 ssrc)
{
	return rtcp_fb(p, 206, 4, ssrc, 0, 2);
}

static u32 tmmbr(u8 *p, u32 ssrc)
{
	return rtcp_fb(p, 205, 3, ssrc, 0, 2);
}

static u32 remb(u8 *p, u32 ssrc)
{
	return rtcp_fb(p, 206, 15, ssrc, 0, 3);
}

static u32 padded(u8 *p, u32 ssrc)
{
	u32 n = rtcp_rr(p, ssrc, NULL, 0);

	p[0] |= 0x20;
	put16(p + 2, 2);
	put32(p + n, 4);
	return n + 4;
}

static const struct kind {
	const char *name;
	write_fn *write;
} kinds[] = {
	{ "sr", sr },          { "sr-with-31-reports", sr_31 },
	{ "rr", rr },          { "empty-rr", empty_rr },
	{ "sdes", rtcp_sdes }, { "bye", rtcp_bye },
	{ "app", rtcp_app },   { "xr", rtcp_xr },
	{ "nack", nack },      { "pli", pli },
	{ "fir", fir },        { "tmmbr", tmmbr },
	{ "remb", remb },      { "compound", compound },
	{ "padded", padded },
};

static void both_ways(struct call *c, write_fn *write)
{
	u8 p[1400];

	for (unsigned side = 0; side < 2; side++) {
		u32 n = write(p, c->peer[side].out.ssrc);
		call_report(c, side, p, n);
		call_expect_report(c, !side, p, n);
	}
}

static void kind(struct test *t, const void *row)
{
	const struct kind *k = row;
	struct call *c = call_new(t);

	call_set(c);
	call_talk(c, 3);
	both_ways(c, k->write);
	u8 p[1400];
	struct answer a = call_settle(c, 0, 1, 1, 0);
	CHECK_EQ(t, a.report.rtcp[0].octets, k->write(p, 1));
	CHECK_EQ(t, a.report.rtp[0].packets, 3);
}

/* ---- where it goes ---- */

struct mux {
	const char *name;
	bool mux[2];
};

static const struct mux muxes[] = {
	{ "on-both-sides", { true, true } },
	{ "on-side-0", { true, false } },
	{ "on-side-1", { false, true } },
};

static void set_mux(struct call *c, const struct mux *m)
{
	for (unsigned side = 0; side < 2; side++) {
		if (!m->mux[side])
			continue;
		c->f.side[side].flags |= FLOW_SIDE_RTCP_MUX;
		c->f.side[side].local_rtcp = 0;
		c->f.side[side].remote_rtcp = 0;
	}
}

static void mux(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	set_mux(c, row);
	call_set(c);
	call_talk(c, 3);
	both_ways(c, sr);
	both_ways(c, compound);
	call_talk(c, 3);
	struct answer a = call_settle(c, 0, 0, 6, 0);
	CHECK_EQ(t, a.report.rtcp[0].packets, 2);
	CHECK_EQ(t, a.report.rtp[0].lost, 0);
}

/* RTP payload types 64..95 with the marker are RTCP on a muxed port: everything else there is RTP. */
static void mux_types(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	set_mux(c, &muxes[0]);
	c->f.side[0].ptmap[0][0] = c->f.side[0].ptmap[0][1] = 100;
	call_set(c);
	c->peer[0].out.pt = 100;
	call_talk(c, 3);
	c->peer[0].out.pt = 0x80 | 100;
	call_relay(c, 0, 3);
	both_ways(c, rr);
}

/* The other side's RTCP goes to where this side's comes from, once that is known. */
static void learned_port(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct flow_addr to = call_rtcp_port(c, 0);
	u8 p[64];

	call_set(c);
	call_talk(c, 3);
	struct sock *real = sock_open(t, 0, 4, PEER, 0);
	u32 n = rr(p, c->peer[0].out.ssrc);
	sock_send(t, real, &to, p, n);
	call_expect_report(c, 1, p, n);
	n = rr(p, c->peer[1].out.ssrc);
	call_report(c, 1, p, n);
	struct packet *got = sock_expect(t, real);
	CHECK(t, got->len == n && !memcmp(got->data, p, n));
	CHECK_EQ(t, got->from.port, c->f.side[0].local_rtcp);
}

static void no_rtcp(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct flow_addr to = call_rtcp_port(c, 0);
	u8 p[64];

	c->f.side[0].local_rtcp = 0;
	call_set(c);
	call_talk(c, 3);
	u32 n = rr(p, 5);
	sock_send(t, c->peer[0].rtcp, &to, p, n); /* no port of ours */
	call_report(c, 1, p, n);                  /* goes nowhere */
	call_settle(c, 1, 1, 0, 1);
	call_talk(c, 3);
}

static void nowhere_to_go(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	u8 p[64];

	c->f.side[1].remote_rtcp = 0;
	call_set(c);
	call_talk(c, 3);
	call_report(c, 0, p, rr(p, 5));
	call_dropped(c, 0, 1, 0, 1, "rtp_no_destination");
}

/* ---- what is not ---- */

struct lie {
	const char *name;
	u32 n;
	u8 p[40];
};

static const struct lie lies[] = {
	{ "empty", 0, { 0 } },
	{ "four-octets", 4, { 0x80, 201, 0, 0 } },
	{ "seven-octets", 7, { 0x80, 201, 0, 1 } },
	{ "nine-octets", 9, { 0x80, 201, 0, 1, 0, 0, 0, 1 } },
	{ "length-too-long", 8, { 0x80, 201, 0, 2, 0, 0, 0, 1 } },
	{ "length-too-short", 12, { 0x80, 201, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4 } },
	{ "length-65535", 8, { 0x80, 201, 0xff, 0xff, 0, 0, 0, 1 } },
	{ "reports-missing", 8, { 0x81, 201, 0, 1, 0, 0, 0, 1 } },
	{ "sr-without-its-info", 8, { 0x80, 200, 0, 1, 0, 0, 0, 1 } },
	{ "second-of-version-0", 16, { 0x80, 201, 0, 1, 0, 0, 0, 1, 0x00, 202, 0, 1, 0, 0, 0, 1 } },
	{ "second-is-no-rtcp", 16, { 0x80, 201, 0, 1, 0, 0, 0, 1, 0x80, 8, 0, 1, 0, 0, 0, 1 } },
	{ "second-too-long", 16, { 0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 202, 0, 9, 0, 0, 0, 1 } },
	{ "padding-0", 8, { 0xa0, 201, 0, 1, 0, 0, 0, 0 } },
	{ "padding-too-long", 12, { 0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 16 } },
	{ "bye-of-nobody", 8, { 0x85, 203, 0, 1, 0, 0, 0, 1 } },
	{ "rtp", 12, { 0x80, 8, 0, 1 } },
};

static void lie(struct test *t, const void *row)
{
	const struct lie *l = row;
	struct call *c = call_new(t);

	call_set(c);
	call_talk(c, 3);
	call_report(c, 0, l->p, l->n);
	struct answer a = call_settle(c, 0, 1, 0, 1);
	CHECK(t, a.report.rtcp[0].last_drop[0]);
	both_ways(c, rr); /* it has taught nothing */
	call_talk(c, 3);
}

static void before_rtp(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	u8 p[64];

	call_set(c);
	call_report(c, 0, p, rr(p, 5));
	call_settle(c, 0, 1, 0, 1);
	CHECK_EQ(t, call_state(c, 0), FLOW_STATE_PROBE);
	call_talk(c, 3);
	both_ways(c, rr);
}

/* Five at once, and then five a second. */
static void capped(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct flow_addr to = call_rtcp_port(c, 0);
	u8 p[64];

	call_set(c);
	call_talk(c, 3);
	u32 n = rr(p, 5);
	for (unsigned i = 0; i < 500; i++) {
		sock_send(t, c->peer[0].rtcp, &to, p, n);
		nap(2 * MS);
	}
	nap(20 * MS);
	struct answer a = call_get(c);
	CHECK_EQ(t, a.report.rtcp[0].packets + a.report.rtcp[0].dropped, 500);
	CHECK(t, !strcmp(a.report.rtcp[0].last_drop, "rtcp_rate"));
	CHECK_RANGE(t, a.report.rtcp[0].packets, 5, 5 + 5 * 3);
	CHECK_EQ(t, sock_drain(c->peer[1].rtcp, 20 * MS), a.report.rtcp[0].packets);
	call_talk(c, 3);
}

/* RTP earns more of it: one for fifty. */
static void capped_by_rtp(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	u8 p[64];

	call_set(c);
	call_relay(c, 0, 3);
	u32 n = rr(p, 5);
	for (unsigned i = 0; i < 8; i++)
		call_report(c, 0, p, n);
	nap(20 * MS);
	CHECK_RANGE(t, sock_drain(c->peer[1].rtcp, 20 * MS), 5, 6);
	struct batch b = { 0 };
	call_send(c, 0, 400, 100, &b);
	call_expect(c, 1, &b);
	for (unsigned i = 0; i < 8; i++)
		call_report(c, 0, p, n);
	nap(20 * MS);
	CHECK_EQ(t, sock_drain(c->peer[1].rtcp, 20 * MS), 5); /* no more than five at once */
}

/* ---- strangers ---- */

struct stranger {
	const char *name;
	enum host h;
	bool mux;
	write_fn *write;
	const char *drop;
};

static const struct stranger strangers[] = {
	{ "bye", STRANGER, false, rtcp_bye, "rtp_unlearned" },
	{ "sr", STRANGER, false, sr, "rtp_unlearned" },
	{ "rr", STRANGER, false, rr, "rtp_unlearned" },
	{ "bye-on-a-muxed-port", STRANGER, true, rtcp_bye, "rtp_unlearned" },
	{ "sr-on-a-muxed-port", STRANGER, true, sr, "rtp_unlearned" },
	{ "neighbour-on-a-muxed-port", PEER, true, rtcp_bye, "rtp_other_source" },
	{ "neighbour", PEER, false, rtcp_bye, "rtp_other_source" },
};

/* From elsewhere, or from the peer's own address with another port: after the peer's own RTCP is known nothing of it is
 * relayed, and nothing that the peer gets goes there. */
static void stranger(struct test *t, const void *row)
{
	const struct stranger *s = row;
	struct call *c = call_new(t);
	struct sock *from = sock_open(t, 0, 4, s->h, 0);
	u8 p[64];

	if (s->mux)
		set_mux(c, &muxes[0]);
	call_set(c);
	call_talk(c, 3);
	both_ways(c, empty_rr);
	struct flow_addr to = call_rtcp_port(c, 0);
	u32 n = s->write(p, c->peer[0].out.ssrc);
	for (unsigned i = 0; i < 20; i++)
		sock_send(t, from, &to, p, n);
	call_dropped(c, 0, 1, 1, 20, s->drop);
	CHECK_EQ(t, call_state(c, 0), FLOW_STATE_LOCKED);
	call_talk(c, 5);
	nap(250 * MS); /* nor in the silence after which RTP may be learned anew */
	sock_send(t, from, &to, p, n);
	both_ways(c, rr);
	c->peer[0].out.seq += 12;
	c->peer[0].out.ts += 12 * 160;
	call_talk(c, 5);
}

/* A stranger's reports do not use up the peer's. */
static void stranger_and_cap(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct sock *from = sock_open(t, 0, 4, STRANGER, 0);
	struct flow_addr to = call_rtcp_port(c, 0);
	u8 p[64];

	call_set(c);
	call_talk(c, 3);
	u32 n = sr(p, 1);
	for (unsigned i = 0; i < 1000; i++)
		sock_send(t, from, &to, p, n);
	call_settle(c, 0, 1, 0, 1000);
	for (unsigned i = 0; i < 4; i++)
		both_ways(c, rr);
}

void rtcp_cases(struct list *l)
{
	for (unsigned i = 0; i < COUNT(kinds); i++)
		list_add(l, 0, 0, kind, &kinds[i], "rtcp/relay/%s", kinds[i].name);
	for (unsigned i = 0; i < COUNT(muxes); i++)
		list_add(l, 0, 0, mux, &muxes[i], "rtcp/mux/%s", muxes[i].name);
	list_add(l, 0, 0, mux_types, NULL, "rtcp/mux/payload-types");
	list_add(l, 0, 0, learned_port, NULL, "rtcp/learned-port");
	list_add(l, 0, 0, no_rtcp, NULL, "rtcp/no-port");
	list_add(l, 0, 0, nowhere_to_go, NULL, "rtcp/no-destination");
	for (unsigned i = 0; i < COUNT(lies); i++)
		list_add(l, 0, 0, lie, &lies[i], "rtcp/lie/%s", lies[i].name);
	list_add(l, 0, 0, before_rtp, NULL, "rtcp/before-rtp");
	list_add(l, 0, CASE_SLOW, capped, NULL, "rtcp/five-a-second");
	list_add(l, 0, 0, capped_by_rtp, NULL, "rtcp/five-at-once");
	for (unsigned i = 0; i < COUNT(strangers); i++)
		list_add(l, 0, 0, stranger, &strangers[i], "rtcp/stranger/%s", strangers[i].name);
	list_add(l, 0, 0, stranger_and_cap, NULL, "rtcp/stranger/1000-reports");
}
