/* SPDX-License-Identifier: Apache-2.0 */
/* New generations while packets go: nothing is lost, and nothing is learned anew that need not be. */
#include "suite.h"

/* ---- in mid-stream ---- */

static void no_loss(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct batch b = { 0 };

	call_set(c);
	for (unsigned i = 0; i < 60; i++) {
		call_send(c, 0, 5, MS, &b);
		call_set(c);
	}
	call_expect(c, 1, &b);
	struct answer a = call_settle(c, 0, 0, 300, 0);
	CHECK_EQ(t, a.report.flow.gen, 61);
	CHECK_EQ(t, a.report.rtp[0].lost, 0);
}

static void new_dscp(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	for (u8 i = 0; i < 20; i++) {
		c->f.side[0].dscp = i;
		c->f.side[1].dscp = 63 - i;
		call_set(c);
		call_talk(c, 2);
	}
}

static void new_types(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct batch b = { 0 };

	call_set(c);
	call_talk(c, 5);
	c->f.side[0].ptmap[1][1] = 97; /* 8 is 97 from now on */
	call_set(c);
	call_send(c, 0, 5, 0, &b);
	for (unsigned i = 0; i < b.n; i++)
		b.p[i].data[1] = 97;
	call_expect(c, 1, &b);
	c->f.side[0].n_ptmap = 1; /* and then nothing */
	memset(c->f.side[0].ptmap[1], 0, 2);
	call_set(c);
	call_send(c, 0, 5, 0, NULL);
	call_dropped(c, 0, 0, 10, 5, "rtp_payload_type");
}

/* ---- the other side moves ---- */

/* The peer of side 1 says another port: from now on packets go there. */
static void move(struct call *c, unsigned side, enum host h)
{
	struct flow_side *s = &c->f.side[side];
	u16 port = test_peer_port(c->t, side, 2);
	u8 family = s->local.family;

	s->remote = host(side, family, h, port);
	s->remote_rtcp = port + 1;
	s->sig = host(side, family, h, 0);
	c->peer[side].rtp = sock_open(c->t, side, family, h, port);
	c->peer[side].rtcp = sock_open(c->t, side, family, h, port + 1);
}

struct place {
	const char *name;
	enum host h;
	unsigned side;
	bool silent; /* the new one says nothing: what is sent to it shows where it is */
};

static const struct place places[] = {
	{ "new-port", PEER, 1, false },
	{ "new-address", MOVED, 1, false },
	{ "new-port-of-side-0", PEER, 0, false },
	{ "new-address-of-side-0", MOVED, 0, false },
	{ "new-port-that-is-silent", PEER, 1, true },
};

static void retarget(struct test *t, const void *row)
{
	const struct place *p = row;
	struct call *c = call_new(t);
	struct batch b = { 0 };

	call_set(c);
	call_talk(c, 10);
	struct sock *old = c->peer[p->side].rtp;
	move(c, p->side, p->h);
	call_set(c);
	/* Mode STATIC: at once to the new one, before it has sent anything. */
	call_send(c, !p->side, 3, 0, &b);
	call_expect(c, p->side, &b);
	if (p->silent) {
		call_send_from(c, p->side, old, &c->peer[p->side].out, 3, MS, &(struct batch){ 0 });
		sock_drain(c->peer[!p->side].rtp,
			   50 * MS); /* the old one goes on for two seconds at most */
		nap(2100 * MS);
		call_send_from(c, p->side, old, &c->peer[p->side].out, 3, MS, NULL);
		return;
	}
	call_talk(c, 10);
	call_wait_state(c, p->side, FLOW_STATE_LOCKED);
	/* Now the new one is learned, and the old one is nobody. */
	call_send_from(c, p->side, old, &c->peer[p->side].out, 5, MS, NULL);
	sock_quiet(t, c->peer[!p->side].rtp, 30 * MS);
	call_talk(c, 5);
}

/* While the new one was not heard yet, the old one still is: no gap in what it says. */
static void old_goes_on(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct batch b = { 0 };

	call_set(c);
	call_talk(c, 5);
	struct sock *old = c->peer[0].rtp;
	move(c, 0, MOVED);
	call_set(c);
	CHECK_EQ(t, call_state(c, 0), FLOW_STATE_RELEARN);
	call_send_from(c, 0, old, &c->peer[0].out, 10, 5 * MS, &b);
	call_send(c, 0, 10, 5 * MS, &b);
	call_expect(c, 1, &b);
	call_send_from(c, 0, old, &c->peer[0].out, 3, MS, NULL);
	call_settle(c, 0, 0, 25, 3);
}

/* Silence of the new one: after two seconds the old one is refused. */
static void old_ends(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	call_set(c);
	call_talk(c, 5);
	struct sock *old = c->peer[0].rtp;
	move(c, 0, PEER);
	call_set(c);
	nap(2100 * MS);
	call_send_from(c, 0, old, &c->peer[0].out, 5, 20 * MS, NULL);
	call_settle(c, 0, 0, 5, 5);
	call_relay(c, 0, 5);
}

/* Repeated SDP that names new places does not give the old source more time. */
static void no_prolonging(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	call_set(c);
	call_talk(c, 5);
	struct sock *old = c->peer[0].rtp;
	for (unsigned i = 0; i < 5; i++) {
		move(c, 0, PEER);
		call_set(c);
		nap(440 * MS);
	}
	call_send_from(c, 0, old, &c->peer[0].out, 5, MS, NULL);
	call_settle(c, 0, 0, 5, 5);
}

/* An SDP that names the source which is learned already changes nothing. */
static void names_the_lock(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	call_nat(c, 0);
	call_set(c);
	struct batch b = { 0 };
	call_send(c, 0, 20, 25 * MS, &b);
	call_expect(c, 1, &b);
	call_latched(c, 0, c->peer[0].rtp);
	c->f.side[0].remote = c->peer[0].rtp->at;
	call_set(c);
	CHECK_EQ(t, call_state(c, 0), FLOW_STATE_LOCKED);
	call_talk(c, 10);
	call_not_latched(c, 0);
}

/* ---- hold ---- */

static void hold(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	call_set(c);
	call_talk(c, 5);
	c->f.side[0].flags |= FLOW_SIDE_HOLD;
	call_set(c);
	call_relay(c, 1, 5); /* music */
	nap(300 * MS);
	CHECK_EQ(t, call_state(c, 0), FLOW_STATE_LOCKED);
	c->f.side[0].flags = 0;
	call_set(c);
	CHECK_EQ(t, call_state(c, 0), FLOW_STATE_LOCKED); /* the lock is kept */
	c->peer[0].out.seq += 15;
	call_talk(c, 5);
}

/* ---- fax in a call ---- */

static void to_fax(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	call_set(c);
	call_talk(c, 5);
	c->f.kind = FLOW_KIND_RAW;
	call_set(c);
	for (u8 i = 0; i < 5; i++) {
		u8 ifp[8] = { 0, i, 1, 2, 3, 0, 0, i };
		struct flow_addr to = call_port(c, 0);
		sock_send(t, c->peer[0].rtp, &to, ifp, sizeof(ifp));
		struct packet *p = sock_expect(t, c->peer[1].rtp);
		CHECK(t, p->len == 8 && !memcmp(p->data, ifp, 8));
		CHECK(t, addr_is(&p->from, &c->f.side[1].local));
	}
	c->f.kind = FLOW_KIND_RTP;
	call_set(c);
	call_talk(c, 5);
	CHECK_EQ(t, call_state(c, 0), FLOW_STATE_LOCKED);
}

/* ---- ports that are used again ---- */

static void port_reuse(struct test *t, const void *row)
{
	struct call *old = call_new(t), *c = call_new(t);

	call_set(old);
	call_talk(old, 5);
	call_del(old);
	call_send(old, 0, 5, MS, NULL); /* it does not know */
	call_take_port(c, 0, old);
	call_set(c);
	call_send(old, 0, 20, MS, NULL);
	u8 bye[8];
	call_report(old, 0, bye, rtcp_bye(bye, old->peer[0].out.ssrc));
	call_settle(c, 0, 0, 0, 20);
	call_talk(c, 5);
	call_send(old, 0, 20, MS, NULL);
	call_relay(c, 1, 5);
	call_settle(c, 0, 0, 5, 40);
}

/* What was kept for a source that was not proven dies with its flow. */
static void held_dies(struct test *t, const void *row)
{
	struct call *old = call_new(t), *c = call_new(t);
	struct batch b = { 0 };

	call_nat(old, 0);
	call_set(old);
	call_send(old, 0, 10, 5 * MS, NULL);
	call_settle(old, 0, 0, 0, 0);
	call_del(old);
	call_take_port(c, 0, old);
	call_nat(c, 0);
	call_set(c);
	call_send(c, 0, 10, 5 * MS, &b);
	call_expect(c, 1, &b);
	call_settle(c, 0, 0, 10, 0);
}

/* The same when a new generation takes another port: another party has the place. */
static void held_and_moved(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	call_nat(c, 0);
	call_set(c);
	call_send(c, 0, 10, 5 * MS, NULL);
	call_other_port(c, 0);
	call_set(c);
	nap(350 * MS);
	CHECK_EQ(t, call_get(c).report.rtp[0].packets, 0);
	struct batch b = { 0 };
	call_send(c, 0, 10, 5 * MS, &b);
	call_expect(c, 1, &b);
}

void update_cases(struct list *l)
{
	list_add(l, 0, 0, no_loss, NULL, "update/no-loss");
	list_add(l, 0, 0, new_dscp, NULL, "update/dscp");
	list_add(l, 0, 0, new_types, NULL, "update/payload-types");
	for (unsigned i = 0; i < COUNT(places); i++)
		list_add(l, 0, places[i].silent ? CASE_SLOW : 0, retarget, &places[i],
			 "update/retarget/%s", places[i].name);
	list_add(l, 0, 0, old_goes_on, NULL, "update/old-source-until-the-new-one");
	list_add(l, 0, CASE_SLOW, old_ends, NULL, "update/old-source-for-two-seconds");
	list_add(l, 0, CASE_SLOW, no_prolonging, NULL, "update/old-source-no-longer");
	list_add(l, 0, 0, names_the_lock, NULL, "update/sdp-names-the-lock");
	list_add(l, 0, 0, hold, NULL, "update/hold-and-resume");
	list_add(l, 0, 0, to_fax, NULL, "update/fax-and-back");
	list_add(l, 0, 0, port_reuse, NULL, "update/port-reuse");
	list_add(l, 0, 0, held_dies, NULL, "update/held-dies-with-its-flow");
	list_add(l, 0, 0, held_and_moved, NULL, "update/held-and-moved");
}
