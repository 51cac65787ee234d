/* SPDX-License-Identifier: Apache-2.0 */
/* What must not pass as SRTP: nothing of it is relayed, and nothing of it is remembered. */
#include "secure.h"

static const u8 two_suites[] = { FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, FLOW_SUITE_AEAD_AES_256_GCM };
static const u8 all_suites[] = { 1, 2, 3, 4, 5, 6 };

/* ---- replay ---- */

#define RECORDED 1000

static void replay(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, *(const u8 *)row, FLOW_SUITE_NONE);
	struct packet *kept = calloc(RECORDED, sizeof(*kept));
	struct batch b = { 0 };

	CHECK(t, kept);
	call_set(s->c);
	for (unsigned i = 0; i < RECORDED; i++) {
		secure_record(s, 0, &kept[i], batch_add(&b));
		if (i % 20 == 19)
			nap(MS);
	}
	secure_expect(s, 1, &b);
	for (unsigned i = 0; i < RECORDED; i++) {
		secure_put(s, 0, kept[i].data, kept[i].len);
		if (i % 20 == 19)
			nap(MS);
	}
	call_dropped(s->c, 0, 0, RECORDED, RECORDED, "srtp_replay");
	CHECK_EQ(t, call_get(s->c).report.rtp[0].replayed, RECORDED);
	secure_talk(s, 5);
	for (unsigned i = RECORDED; i-- > RECORDED - 100;) /* the other way round, too */
		secure_put(s, 0, kept[i].data, kept[i].len);
	call_settle(s->c, 0, 0, RECORDED + 5, RECORDED + 100);
}

/* At once, so that both come in one burst. */
static void twice(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, *(const u8 *)row, FLOW_SUITE_AEAD_AES_128_GCM);
	struct batch b = { 0 };
	u8 p[PACKET_MAX];

	call_set(s->c);
	for (unsigned i = 0; i < 50; i++) {
		u32 n = secure_write(s, 0, p, batch_add(&b));
		secure_put(s, 0, p, n);
		secure_put(s, 0, p, n);
	}
	secure_expect(s, 1, &b);
	call_dropped(s->c, 0, 0, 50, 50, "srtp_replay");
}

/* 128 packets back it can be told; what is older is dropped unheard. */
static void late(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, *(const u8 *)row, FLOW_SUITE_NONE);
	struct packet early[2], plain[2];
	struct batch b = { 0 };

	call_set(s->c);
	secure_relay(s, 0, 3);
	early[0].len = secure_write(s, 0, early[0].data, &plain[0]);
	secure_relay(s, 0, 100);
	early[1].len = secure_write(s, 0, early[1].data, &plain[1]);
	secure_relay(s, 0, 60);
	secure_put(s, 0, early[0].data, early[0].len); /* 161 back */
	call_dropped(s->c, 0, 0, 163, 1, "srtp_replay");
	secure_put(s, 0, early[1].data, early[1].len); /* 60 back */
	*batch_add(&b) = plain[1];
	secure_expect(s, 1, &b);
	secure_put(s, 0, early[1].data, early[1].len);
	call_settle(s->c, 0, 0, 164, 2);
}

/* ---- forgeries ---- */

/* Five packets of `size` octets came, and *next is the one after them. */
static struct secure *talks(struct test *t, u8 suite, u16 size, struct packet *next)
{
	struct secure *s = secure_new(t, suite, FLOW_SUITE_NONE);

	s->c->peer[0].out.size = size;
	call_set(s->c);
	secure_relay(s, 0, 5);
	next->len = secure_write(s, 0, next->data, NULL);
	return s;
}

/* Every octet in turn, after the first two, which say what the packet is. */
static void bit_flips(struct test *t, const void *row)
{
	struct packet p;
	struct secure *s = talks(t, *(const u8 *)row, 40, &p);
	unsigned flips = 0;

	for (u32 i = 2; i < p.len; i++, flips++) {
		p.data[i] ^= (u8)(1 << i % 8);
		secure_put(s, 0, p.data, p.len);
		p.data[i] ^= (u8)(1 << i % 8);
	}
	struct answer a = call_settle(s->c, 0, 0, 5, flips);
	CHECK_RANGE(t, a.report.rtp[0].auth_failed, flips - 10,
		    flips); /* not all get as far as that */
	CHECK_EQ(t, a.report.rtp[0].state, FLOW_STATE_LOCKED);
	CHECK_EQ(t, a.report.rtp[0].ssrc, s->c->peer[0].out.ssrc);
	/* The packet itself is as good as before. */
	secure_put(s, 0, p.data, p.len);
	CHECK_EQ(t, sock_expect(t, s->c->peer[1].rtp)->len, 52);
	secure_talk(s, 5);
}

static void cut(struct test *t, const void *row)
{
	struct packet p;
	struct secure *s = talks(t, *(const u8 *)row, 20, &p);
	unsigned cuts = 0;

	for (u32 i = 0; i < p.len; i++, cuts++)
		secure_put(s, 0, p.data, i);
	secure_put(s, 0, p.data, p.len + 1);
	call_settle(s->c, 0, 0, 5, cuts + 1);
	secure_talk(s, 5);
}

static void wrong_key(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, *(const u8 *)row, FLOW_SUITE_AES_CM_128_HMAC_SHA1_80);
	struct flow_crypto right = s->c->f.side[0].in;

	call_set(s->c);
	srtp_keys(&s->c->f.side[0].in, right.suite, 1, 999);
	secure_send(s, 0, 100, 0, NULL);
	struct answer a = call_settle(s->c, 0, 0, 0, 100);
	CHECK_EQ(t, a.report.rtp[0].auth_failed, 100);
	CHECK(t, !strcmp(a.report.rtp[0].last_drop, "srtp_auth"));
	CHECK_EQ(t, a.report.rtp[0].state, FLOW_STATE_PROBE);
	s->c->f.side[0].in = right;
	secure_talk(s, 5);
}

/* Forged numbers far ahead: the roll-over counter does not follow them. */
static void far_ahead(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, *(const u8 *)row, FLOW_SUITE_NONE);
	u8 p[PACKET_MAX];

	call_set(s->c);
	secure_relay(s, 0, 5);
	u32 n = rtp_write(p, &s->c->peer[0].out) + 10;
	for (unsigned i = 0; i < 64; i++) {
		put16(p + 2, (u16)(s->c->peer[0].out.seq + 1000 * i));
		secure_put(s, 0, p, n);
	}
	call_settle(s->c, 0, 0, 5, 64);
	secure_talk(s, 5);
}

static void plain_rtp(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, *(const u8 *)row, FLOW_SUITE_NONE);
	u8 rr[200];

	call_set(s->c);
	call_send(s->c, 0, 20, MS, NULL);
	struct answer a = call_settle(s->c, 0, 0, 0, 20);
	CHECK(t, !strcmp(a.report.rtp[0].last_drop, "srtp_auth"));
	CHECK_EQ(t, a.report.rtp[0].state, FLOW_STATE_PROBE);
	secure_talk(s, 5);
	call_send(s->c, 0, 5, MS, NULL);
	call_settle(s->c, 0, 0, 5, 25);
	u32 n = rtcp_sr(rr, s->c->peer[0].out.ssrc, 1, NULL, 0);
	call_report(s->c, 0, rr, n);
	call_settle(s->c, 0, 1, 0, 1);
	s->c->peer[0].index += 5;
	secure_talk(s, 5);
	secure_reports(s);
}

/* Only what a key proves is a source, however often it comes and however right its numbers are. */
static void no_lock(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, *(const u8 *)row, FLOW_SUITE_NONE);
	struct sock *evil = sock_open(t, 0, 4, SIGNAL, 0);
	struct flow_side *f = &s->c->f.side[0];
	struct stream fake = s->c->peer[0].out;

	call_nat(s->c, 0);
	f->sig = host(0, 4, SIGNAL, 0);
	f->n_acl = 1;
	f->acl[0] = host(0, 4, PEER, 0);
	f->acl[0].len = 32;
	call_set(s->c);
	call_send_from(s->c, 0, evil, &fake, 25, 15 * MS, NULL);
	call_settle(s->c, 0, 0, 0, 25);
	CHECK_EQ(t, call_state(s->c, 0), FLOW_STATE_PROBE);
	/* The one with the key is proven by its first packet, although its rank is the worse one. */
	secure_talk(s, 5);
	call_latched(s->c, 0, s->c->peer[0].rtp);
}

/* ---- another network ---- */

static void silent_ms(struct secure *s, u32 ms)
{
	nap(ms * MS);
	s->c->peer[0].out.seq += (u16)(ms / 20);
	s->c->peer[0].out.ts += ms * 8;
}

/* Side 0 is at home, may move, and goes to *away. */
static struct secure *traveller(struct test *t, u8 suite, struct sock **away)
{
	struct secure *s = secure_new(t, suite, FLOW_SUITE_NONE);

	*away = sock_open(t, 0, 4, MOVED, 0);
	s->c->f.side[0].mode = FLOW_MODE_NAT;
	call_set(s->c);
	secure_talk(s, 5);
	call_latched(s->c, 0, s->c->peer[0].rtp);
	return s;
}

/* An authentic packet, the newest of its stream, after silence: that is the peer, wherever it is now. The same from
 * a recording is not. */
static void network_change(struct test *t, const void *row)
{
	struct sock *away;
	struct secure *s = traveller(t, *(const u8 *)row, &away);
	struct sock *home = s->c->peer[0].rtp;
	struct packet old;
	struct batch b = { 0 };

	secure_record(s, 0, &old, NULL);
	CHECK_EQ(t, sock_expect(t, s->c->peer[1].rtp)->len, 172);
	silent_ms(s, 250);
	s->c->peer[0].rtp = away;
	secure_put(s, 0, old.data, old.len);
	call_settle(s->c, 0, 0, 6, 1);
	call_send(s->c, 1, 1, 0, NULL);
	CHECK_RANGE(t, sock_expect(t, home)->len, 176, 192); /* sealed */
	secure_send(s, 0, 5, 20 * MS, &b);
	secure_expect(s, 1, &b);
	call_latched(s->c, 0, away);
	secure_relay(s, 1, 3);
}

/* While the peer sends, nobody else has its place, not even with its key. */
static void not_while_it_sends(struct test *t, const void *row)
{
	struct sock *away;
	struct secure *s = traveller(t, *(const u8 *)row, &away);
	struct sock *home = s->c->peer[0].rtp;
	struct batch b = { 0 };

	for (unsigned i = 0; i < 20; i++) {
		secure_send(s, 0, 1, 10 * MS, &b);
		s->c->peer[0].rtp = away;
		secure_send(s, 0, 1, 0, NULL);
		s->c->peer[0].rtp = home;
	}
	secure_expect(s, 1, &b);
	call_settle(s->c, 0, 0, 25, 20);
}

/* ---- SSRCs ---- */

/* Both parties use one SSRC: their keys differ, and so it is no matter. */
static void same_ssrc(struct test *t, const void *row)
{
	u8 suite = *(const u8 *)row;
	struct secure *s = secure_new(t, suite, suite);

	s->c->peer[1].out = s->c->peer[0].out;
	s->c->peer[1].index = s->c->peer[0].index;
	call_set(s->c);
	for (unsigned i = 0; i < 5; i++)
		secure_talk(s, 3);
	secure_reports(s);
}

/* One sender, SSRC after SSRC: what was said under the first one is never taken again. */
static void many_ssrcs(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, *(const u8 *)row, FLOW_SUITE_NONE);
	struct packet kept[4];
	u64 relayed = 0;

	call_set(s->c);
	for (unsigned i = 0; i < 4; i++) {
		secure_record(s, 0, &kept[i], NULL);
	}
	CHECK_EQ(t, sock_drain(s->c->peer[1].rtp, 50 * MS), 4);
	for (unsigned i = 0; i < 5; i++) {
		s->c->peer[0].out.ssrc += 17;
		secure_begin(s, 0, 100);
		secure_send(s, 0, 6, MS, NULL);
		sock_drain(s->c->peer[1].rtp, 30 * MS);
	}
	relayed = call_get(s->c).report.rtp[0].packets;
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < 4; i++)
			secure_put(s, 0, kept[i].data, kept[i].len);
	sock_quiet(t, s->c->peer[1].rtp, 50 * MS);
	CHECK_EQ(t, call_get(s->c).report.rtp[0].packets, relayed);
}

/* ---- SRTCP ---- */

static void put_rtcp(struct secure *s, const u8 *p, u32 n)
{
	call_report(s->c, 0, p, n);
}

static void rtcp_attacks(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, *(const u8 *)row, FLOW_SUITE_NONE);
	const struct flow_crypto *k = &s->c->f.side[0].in;
	u32 head = rtcp_bye((u8[8]){ 0 }, 1), n;
	u8 plain[64], p[200];

	CHECK_EQ(t, head, 8);
	call_set(s->c);
	secure_talk(s, 3);
	secure_reports(s);
	n = rtcp_rr(plain, s->c->peer[0].out.ssrc, NULL, 0);
	n += rtcp_bye(plain + n, s->c->peer[0].out.ssrc);
	memcpy(p, plain, n);
	u32 sealed = srtcp_seal(k, p, n, 40);
	unsigned bad = 0;
	for (u32 i = 4; i < sealed; i += 3, bad++) { /* octets before are the packet's kind */
		p[i] ^= 0x40;
		put_rtcp(s, p, sealed);
		p[i] ^= 0x40;
	}
	call_settle(s->c, 0, 1, 1, bad);
	put_rtcp(s, p, sealed);
	secure_expect_report(s, 1, plain, n);
	put_rtcp(s, p, sealed); /* a replay */
	call_dropped(s->c, 0, 1, 2, bad + 1, "srtp_replay");
	/* Late within the window is well. */
	memcpy(p, plain, n);
	sealed = srtcp_seal(k, p, n, 30);
	put_rtcp(s, p, sealed);
	secure_expect_report(s, 1, plain, n);
	CHECK_RANGE(t, call_get(s->c).report.rtcp[0].auth_failed, 1, bad);
	secure_talk(s, 3);
}

void srtp_attack_cases(struct list *l)
{
	static const struct {
		const char *name;
		case_fn *fn;
		bool all; /* suites; otherwise one of each kind */
	} kinds[] = {
		{ "replay-1000", replay, false },
		{ "twice", twice, false },
		{ "late", late, false },
		{ "bit-flips", bit_flips, true },
		{ "cut", cut, true },
		{ "wrong-key", wrong_key, true },
		{ "far-ahead", far_ahead, false },
		{ "plain-rtp", plain_rtp, true },
		{ "no-lock", no_lock, false },
		{ "network-change", network_change, false },
		{ "while-it-sends", not_while_it_sends, false },
		{ "same-ssrc", same_ssrc, false },
		{ "many-ssrcs", many_ssrcs, false },
		{ "rtcp", rtcp_attacks, true },
	};
	for (unsigned i = 0; i < COUNT(kinds); i++) {
		const u8 *suite = kinds[i].all ? all_suites : two_suites;
		for (unsigned k = 0; k < (kinds[i].all ? COUNT(all_suites) : COUNT(two_suites));
		     k++)
			list_add(l, FLOW_CAP_SRTP, 0, kinds[i].fn, &suite[k], "srtp-attack/%s/%s",
				 kinds[i].name, suite_name(suite[k]));
	}
}
