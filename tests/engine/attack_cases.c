/* SPDX-License-Identifier: Apache-2.0 */
/* Attackers elsewhere and on the peer's own address: nothing of theirs is relayed, nothing goes
 * to them (test_end() and watch.c see that), and the calls do not notice. */
#include <netinet/in.h>
#include <sys/socket.h>
#include "suite.h"

/* ---- spray over the ports of calls, of RTP and RTCP ---- */

#define CALLS 6

struct spray {
	const char *name;
	unsigned side;
	u8 mode;
};

static const struct spray sprays[] = {
	{ "static", 0, FLOW_MODE_STATIC },
	{ "nat", 0, FLOW_MODE_NAT },
	{ "from-inside", 1, FLOW_MODE_NAT },
};

static void one_spray(struct test *t, struct call *c, struct sock *from, struct stream *s)
{
	struct flow_addr rtp = call_port(c, from->side), rtcp = call_rtcp_port(c, from->side);
	struct packet p;
	u8 sr[64];

	p.len = rtp_write(p.data, s);
	rtp_next(s);
	sock_send(t, from, &rtp, p.data, p.len);
	sock_send(t, from, &rtcp, sr, rtcp_sr(sr, s->ssrc, 1, NULL, 0));
}

static void spray(struct test *t, const void *row)
{
	const struct spray *r = row;
	struct call *c[CALLS];
	struct batch b[CALLS] = { 0 };
	struct sock *from = sock_open(t, r->side, 4, STRANGER, 0);
	struct stream s = { .ssrc = 66, .step = 160, .size = 160, .pt = 8 };
	unsigned n = 0;

	for (unsigned i = 0; i < CALLS; i++) {
		c[i] = call_new(t);
		c[i]->f.side[r->side].mode = r->mode;
		call_set(c[i]);
	}
	/* Before anyone has sent, and then while the peers talk. */
	for (unsigned round = 0; round < 60; round++) {
		for (unsigned i = 0; i < CALLS; i++) {
			for (unsigned k = 0; k < 5; k++, n++)
				one_spray(t, c[i], from, &s);
			if (round >= 20)
				call_send(c[i], r->side, 1, 0, &b[i]);
			if (round >= 22)
				call_send(c[i], !r->side, 1, 0, NULL);
		}
		nap(5 * MS);
	}
	for (unsigned i = 0; i < CALLS; i++) {
		call_expect(c[i], !r->side, &b[i]);
		CHECK_EQ(t, sock_drain(c[i]->peer[r->side].rtp, 20 * MS), 38);
		struct answer a = call_settle(c[i], r->side, 0, 40, n / CALLS);
		CHECK_EQ(t, a.report.rtcp[r->side].packets, 0);
		CHECK_EQ(t, a.report.rtp[r->side].lost, 0);
	}
}

/* ---- ports that belong to no flow ---- */

/* No answer of any kind: neither UDP nor ICMP says which ports are open. */
static void no_answer(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct sock *from = sock_open(t, 0, 4, STRANGER, 0);
	struct flow_addr to = call_port(c, 0);
	char control[512];
	u8 data[172] = { 0x80, 8 };
	int on = 1;

	setsockopt(from->fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	call_set(c);
	u64 before = client_drops(c->client, "no_flow");
	for (unsigned i = 0; i < 500; i++) {
		to.port = (u16)(PORT_BULK + test_random(t) % (PORT_HIGH - PORT_BULK));
		sock_send(t, from, &to, data, sizeof(data));
	}
	call_relay(c, 0, 3);
	nap(50 * MS);
	struct msghdr m = { .msg_control = control, .msg_controllen = sizeof(control) };
	if (recvmsg(from->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
		FAIL(t, "an ICMP error came");
	CHECK_RANGE(t, client_drops(c->client, "no_flow") - before, 1, 1000000);
}

/* ---- a neighbour behind the same address, who knows neither SSRC nor port ---- */

struct near {
	const char *name;
	bool sdp_is_right; /* the peer sends from where its SDP says */
	bool same_port;    /* or at least from that port, another address */
	bool conflict;
	unsigned lead; /* packets that the neighbour is ahead */
	u32 late_ms;   /* and then so long; the probe takes 300 ms */
	u32 pause_ms;  /* after five packets, which prove him, the peer says nothing for so long */
};

static const struct near nears[] = {
	{ "sdp", true, true, false, 0, 0, 0 },
	{ "sdp-and-neighbour-first", true, true, false, 10, 0, 0 },
	{ "sdp-after-the-probe", true, true, true, 10, 350, 0 },
	{ "sdp-port", false, true, false, 0, 0, 0 },
	{ "sdp-port-and-neighbour-first", false, true, false, 5, 0, 0 },
	{ "sdp-port-and-a-pause", false, true, false, 0, 0, 230 },
	{ "neither", false, false, true, 0, 0, 0 },
};

/* The neighbour sends with him, and goes on while he pauses. */
static void near_begins(struct call *c, struct sock *peer, struct sock *evil, struct stream *es,
			const struct near *r)
{
	call_send_from(c, 0, evil, es, r->lead, 5 * MS, NULL);
	nap(r->late_ms * MS);
	for (unsigned i = 0; r->pause_ms && i < 5; i++) {
		call_send_from(c, 0, peer, &c->peer[0].out, 1, 0, NULL);
		call_send_from(c, 0, evil, es, 1, 0, NULL);
	}
	call_send_from(c, 0, evil, es, r->pause_ms / 46, 46 * MS, NULL);
}

static void near(struct test *t, const void *row)
{
	const struct near *r = row;
	struct call *c = call_new(t);
	struct flow_side *s = &c->f.side[0];
	enum host h = r->sdp_is_right ? PEER : SIGNAL;
	struct sock *peer = r->sdp_is_right
				    ? c->peer[0].rtp
				    : sock_open(t, 0, 4, h, r->same_port ? s->remote.port : 0);
	struct sock *evil = sock_open(t, 0, 4, h, 0);
	struct stream es = { .ssrc = 1, .seq = 9, .step = 160, .size = 160, .pt = 8 };
	unsigned injected = 0, own = 0;
	struct packet p;

	s->mode = FLOW_MODE_NAT;
	s->sig = host(0, 4, SIGNAL, 0);
	call_set(c);
	near_begins(c, peer, evil, &es, r);
	for (unsigned i = r->pause_ms ? 5 : 0; i < 40; i++) {
		call_send_from(c, 0, peer, &c->peer[0].out, 1, 10 * MS, NULL);
		call_send_from(c, 0, evil, &es, 1, 10 * MS, NULL);
	}
	while (sock_recv(c->peer[1].rtp, &p, 30 * MS))
		*(rtp_ssrc(p.data) == es.ssrc ? &injected : &own) += 1;
	if (r->conflict) {
		CHECK_RANGE(t, injected, 0, 30);
		client_expect(c->client, FLOW_EVENT_CONFLICT, c->f.id);
		return;
	}
	CHECK_EQ(t, injected, 0);
	CHECK_RANGE(t, own, r->sdp_is_right ? 40 : 30,
		    40); /* sixteen are kept for whom has to prove himself */
	call_send(c, 1, 10, MS, NULL);
	CHECK_EQ(t, sock_drain(peer, 50 * MS), 10);
}

void attack_cases(struct list *l)
{
	for (unsigned i = 0; i < COUNT(sprays); i++)
		list_add(l, 0, 0, spray, &sprays[i], "attack/spray/%s", sprays[i].name);
	list_add(l, 0, 0, no_answer, NULL, "attack/no-answer");
	for (unsigned i = 0; i < COUNT(nears); i++)
		list_add(l, 0, 0, near, &nears[i], "attack/neighbour/%s", nears[i].name);
}
