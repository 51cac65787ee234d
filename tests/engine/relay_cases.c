/* SPDX-License-Identifier: Apache-2.0 */
/* What comes in on one side goes out on the other: payload types, lengths, headers, DSCP, families. */
#include "suite.h"

static void both_ways(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	call_set(c);
	call_talk(c, 100);
	struct answer a = call_settle(c, 0, 0, 100, 0);
	CHECK_EQ(t, a.report.rtp[0].octets, 100 * 172);
	CHECK_EQ(t, a.report.rtp[1].packets, 100);
	CHECK_EQ(t, a.report.rtp[0].state, FLOW_STATE_LOCKED);
	CHECK(t, addr_is(&a.report.rtp[0].source, &c->peer[0].rtp->at));
	CHECK(t, addr_is(&a.report.rtp[1].source, &c->peer[1].rtp->at));
}

/* Both peers on one network. */
static void same_network(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct flow_side *s = &c->f.side[1];
	u16 port = test_peer_port(t, 0, 1);

	s->local = host(0, 4, RELAY, test_port(t, 0));
	s->local_rtcp = 0;
	s->remote = host(0, 4, MOVED, port);
	s->remote_rtcp = 0;
	s->sig = host(0, 4, MOVED, 0);
	c->peer[1].rtp = sock_open(t, 0, 4, MOVED, port);
	call_set(c);
	call_talk(c, 20);
}

/* ---- lengths ---- */

static const u16 sizes[] = { 0, 1, 2, 3, 4, 20, 33, 80, 160, 161, 320, 959, 1200, 1447, 1460 };

static void size(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	c->peer[0].out.size = c->peer[1].out.size = *(const u16 *)row;
	call_set(c);
	call_talk(c, 4);
}

struct junk {
	const char *name, *drop;
	u32 n;
	u8 p[32];
};

static const struct junk junks[] = {
	{ "empty", "rtp_short", 0, { 0 } },
	{ "one-octet", "rtp_short", 1, { 0x80 } },
	{ "eleven-octets", "rtp_short", 11, { 0x80, 8 } },
	{ "version-3", "rtp_version", 20, { 0xc0, 8, 0, 1 } },
	{ "version-1", "not_media", 20, { 0x40, 8, 0, 1 } },
	{ "csrc-missing", "rtp_short", 24, { 0x84, 8, 0, 1 } },
	{ "extension-missing", "rtp_short", 12, { 0x90, 8, 0, 1 } },
	{ "extension-too-long",
	  "rtp_short",
	  20,
	  { 0x90, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 2 } },
	{ "extension-65535",
	  "rtp_short",
	  32,
	  { 0x90, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0xff, 0xff } },
	{ "padding-0", "rtp_short", 20, { 0xa0, 8, 0, 1 } },
	{ "padding-too-long",
	  "rtp_short",
	  16,
	  { 0xa0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5 } },
	{ "padding-without-payload", "rtp_short", 12, { 0xa0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1 } },
	{ "zrtp", "not_media", 20, { 0x10, 0, 0, 1, 'Z', 'R', 'T', 'P' } },
	{ "sip", "not_media", 6, { 'I', 'N', 'V', 'I', 'T', 'E' } },
	{ "payload-type-3", "rtp_payload_type", 20, { 0x80, 3, 0, 1 } },
	{ "payload-type-127", "rtp_payload_type", 20, { 0x80, 0xff, 0, 1 } },
};

/* Before the source is learned, and after: it is dropped by its name and changes nothing. */
static void junk(struct test *t, const void *row)
{
	const struct junk *j = row;
	struct call *c = call_new(t);
	struct flow_addr to = call_port(c, 0);

	call_set(c);
	sock_send(t, c->peer[0].rtp, &to, j->p, j->n);
	call_dropped(c, 0, 0, 0, 1, j->drop);
	CHECK_EQ(t, call_state(c, 0), FLOW_STATE_PROBE);
	call_talk(c, 5);
	sock_send(t, c->peer[0].rtp, &to, j->p, j->n);
	call_dropped(c, 0, 0, 5, 2, j->drop);
	call_talk(c, 5);
	CHECK_EQ(t, call_settle(c, 0, 0, 10, 2).report.rtp[0].lost, 0);
}

/* ---- payload types ---- */

struct map {
	const char *name;
	u8 in, out; /* in: what side 0 sends, out: what side 1 gets */
	u8 marker;
};

static const struct map maps[] = {
	{ "0-as-it-is", 0, 0, 0 },
	{ "8-to-0", 8, 0, 0 },
	{ "111-to-96", 111, 96, 0 },
	{ "96-to-127", 96, 127, 0 },
	{ "127-to-0", 127, 0, 0 },
	{ "8-with-marker", 8, 8, 1 },
	{ "111-to-96-with-marker", 111, 96, 1 },
};

static void send_typed(struct call *c, unsigned side, u8 pt, u8 octet, unsigned n)
{
	struct batch b = { 0 };

	for (unsigned i = 0; i < n; i++) {
		struct flow_addr to = call_port(c, side);
		struct packet *p = batch_add(&b);
		c->peer[side].out.pt = pt;
		p->len = rtp_write(p->data, &c->peer[side].out);
		p->data[1] |= octet & 0x80;
		sock_send(c->t, c->peer[side].rtp, &to, p->data, p->len);
		p->data[1] = octet;
		rtp_next(&c->peer[side].out);
	}
	call_expect(c, !side, &b);
}

static void map(struct test *t, const void *row)
{
	const struct map *m = row;
	struct call *c = call_new(t);
	u8 mark = m->marker ? 0x80 : 0;

	c->f.side[0].n_ptmap = c->f.side[1].n_ptmap = 1;
	c->f.side[0].ptmap[0][0] = c->f.side[1].ptmap[0][1] = m->in;
	c->f.side[0].ptmap[0][1] = c->f.side[1].ptmap[0][0] = m->out;
	memset(c->f.side[0].ptmap[1], 0, 2);
	memset(c->f.side[1].ptmap[1], 0, 2);
	call_set(c);
	send_typed(c, 0, m->in, mark | m->out, 5);
	send_typed(c, 1, m->out, mark | m->in, 5);
	if (m->in == m->out)
		return;
	call_send(c, 1, 0, 0, NULL);
	c->peer[1].out.pt = m->in; /* which side 1 did not agree to */
	call_send(c, 1, 3, 0, NULL);
	call_dropped(c, 1, 0, 5, 3, "rtp_payload_type");
}

/* As many as there is room for, in turn, and with and without a marker. */
static void map_full(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	for (u8 i = 0; i < FLOW_PTMAP_MAX; i++) {
		c->f.side[0].ptmap[i][0] = 100 + i;
		c->f.side[0].ptmap[i][1] = 127 - i;
	}
	c->f.side[0].n_ptmap = FLOW_PTMAP_MAX;
	call_set(c);
	for (unsigned round = 0; round < 3; round++)
		for (u8 i = 0; i < FLOW_PTMAP_MAX; i++)
			send_typed(c, 0, 100 + i, (u8)((round & 1 ? 0x80 : 0) | (127 - i)), 1);
}

/* ---- headers ---- */

struct shape {
	const char *name;
	u8 csrcs;
	bool extension, padding;
	u16 words;
};

static const struct shape shapes[] = {
	{ "one-csrc", 1, false, false, 0 },        { "fifteen-csrcs", 15, false, false, 0 },
	{ "extension", 0, true, false, 3 },        { "empty-extension", 0, true, false, 0 },
	{ "long-extension", 0, true, false, 200 }, { "padding", 0, false, true, 0 },
	{ "all-of-them", 3, true, true, 2 },
};

static u32 write_shape(u8 *p, const struct shape *sh, const struct stream *s)
{
	u8 plain[200];
	u32 n = 12, len = rtp_write(plain, s);

	memcpy(p, plain, 12);
	p[0] |= sh->csrcs | (sh->extension ? 0x10 : 0) | (sh->padding ? 0x20 : 0);
	for (unsigned i = 0; i < sh->csrcs; i++, n += 4)
		put32(p + n, 0xc0000000u + i);
	if (sh->extension) {
		put32(p + n, 0xbede0000u | sh->words);
		memset(p + n + 4, 0x5a, sh->words * 4u);
		n += 4 + sh->words * 4u;
	}
	memcpy(p + n, plain + 12, len - 12);
	n += len - 12;
	if (sh->padding) {
		memset(p + n, 0, 8);
		p[n + 7] = 8;
		n += 8;
	}
	return n;
}

static void shape(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	call_set(c);
	for (unsigned side = 0; side < 2; side++) {
		struct flow_addr to = call_port(c, side);
		struct batch b = { 0 };
		for (unsigned i = 0; i < 5; i++) {
			struct packet *p = batch_add(&b);
			p->len = write_shape(p->data, row, &c->peer[side].out);
			sock_send(t, c->peer[side].rtp, &to, p->data, p->len);
			rtp_next(&c->peer[side].out);
		}
		call_expect(c, !side, &b);
	}
}

/* ---- DSCP ---- */

static const u8 dscps[] = { 0, 1, 46, 63 };

static void dscp(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	c->f.side[0].dscp = *(const u8 *)row;
	c->f.side[1].dscp = (u8)(63 - *(const u8 *)row);
	call_set(c);
	call_talk(c, 3);
	u8 rr[8];
	u32 n = rtcp_rr(rr, 1, NULL, 0);
	call_report(c, 0, rr, n);
	call_expect_report(c, 1, rr, n);
	call_report(c, 1, rr, n);
	call_expect_report(c, 0, rr, n);
}

/* ---- families ---- */

struct families {
	const char *name;
	u8 family[2];
};

static const struct families families[] = {
	{ "4-to-6", { 4, 6 } },
	{ "6-to-4", { 6, 4 } },
	{ "6-to-6", { 6, 6 } },
};

static void bridge(struct test *t, const void *row)
{
	const struct families *f = row;
	struct call *c = call_of(t, f->family[0], f->family[1]);
	struct sock *stranger = sock_open(t, 0, f->family[0], STRANGER, 0);
	struct stream s = { .ssrc = 5, .step = 160, .size = 160, .pt = 8 };
	u8 sr[64];

	call_set(c);
	call_send_from(c, 0, stranger, &s, 5, 0, NULL);
	call_talk(c, 20);
	u32 n = rtcp_sr(sr, c->peer[0].out.ssrc, 1, NULL, 0);
	call_report(c, 0, sr, n);
	call_expect_report(c, 1, sr, n);
	n = rtcp_sr(sr, c->peer[1].out.ssrc, 1, NULL, 0);
	call_report(c, 1, sr, n);
	call_expect_report(c, 0, sr, n);
	struct answer a = call_settle(c, 0, 0, 20, 5);
	CHECK(t, addr_is(&a.report.rtp[0].source, &c->peer[0].rtp->at));
	call_latched(c, 0, c->peer[0].rtp);
	a = client_del(c->client, c->f.id);
	CHECK_EQ(t, a.report.rtp[0].octets, 20 * 172);
	call_send(c, 0, 2, 0, NULL);
	nap(30 * MS);
	c->f.gen = 0;
	call_set(c);
	c->peer[0].out.size = c->peer[1].out.size = 1400;
	call_talk(c, 3);
	c->peer[0].out.size = c->peer[1].out.size = 1;
	call_talk(c, 3);
}

/* What fits on one side and not on the other, whose headers are longer. */
static void bridge_mtu(struct test *t, const void *row)
{
	struct call *c = call_of(t, 4, 6);
	struct batch b = { 0 };

	call_set(c);
	call_talk(c, 3);
	u64 before = client_drops(c->client, "tx_mtu");
	c->peer[0].out.size = 1460;
	call_send(c, 0, 1, 0, &b);
	struct packet p;
	if (!sock_recv(c->peer[1].rtp, &p, 300 * MS)) {
		CHECK(t, client_drops(c->client, "tx_mtu") > before);
	} else {
		CHECK_EQ(t, p.len, b.p[0].len);
		CHECK(t, !memcmp(p.data, b.p[0].data, p.len));
	}
	c->peer[0].out.size = 1440;
	call_relay(c, 0, 1);
}

/* The first packets to a neighbour whose hardware address is still asked for are kept, not lost. */
static void neighbour(struct test *t, const void *row)
{
	const struct families *f = row;
	struct call *c = call_of(t, 4, f->family[1]);
	struct flow_side *s = &c->f.side[1];

	s->remote = host(1, f->family[1], FRESH, s->remote.port);
	c->peer[1].rtp = sock_open(t, 1, f->family[1], FRESH, s->remote.port);
	call_set_at_once(c);
	struct batch b = { 0 };
	call_send(c, 0, 10, 20 * MS, &b);
	call_expect(c, 1, &b);
}

void relay_cases(struct list *l)
{
	list_add(l, 0, 0, both_ways, NULL, "relay/both-ways");
	list_add(l, 0, 0, same_network, NULL, "relay/same-network");
	for (unsigned i = 0; i < COUNT(sizes); i++)
		list_add(l, 0, 0, size, &sizes[i], "relay/size/%u", sizes[i]);
	for (unsigned i = 0; i < COUNT(junks); i++)
		list_add(l, 0, 0, junk, &junks[i], "relay/junk/%s", junks[i].name);
	for (unsigned i = 0; i < COUNT(maps); i++)
		list_add(l, 0, 0, map, &maps[i], "relay/payload-type/%s", maps[i].name);
	list_add(l, 0, 0, map_full, NULL, "relay/payload-type/sixteen");
	for (unsigned i = 0; i < COUNT(shapes); i++)
		list_add(l, 0, 0, shape, &shapes[i], "relay/header/%s", shapes[i].name);
	for (unsigned i = 0; i < COUNT(dscps); i++)
		list_add(l, 0, 0, dscp, &dscps[i], "relay/dscp/%u", dscps[i]);
	for (unsigned i = 0; i < COUNT(families); i++)
		list_add(l, FLOW_CAP_IPV6, 0, bridge, &families[i], "relay/family/%s",
			 families[i].name);
	list_add(l, 0, 0, neighbour, &families[1], "relay/neighbour/4");
	list_add(l, FLOW_CAP_IPV6, 0, neighbour, &families[0], "relay/neighbour/6");
	list_add(l, FLOW_CAP_IPV6, 0, bridge_mtu, NULL, "relay/family/longer-header");
}
