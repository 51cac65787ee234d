/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 as no UDP socket sends it: fragments, checksums, options, lengths that lie. What an engine does not relay it
 * counts: nothing is lost in silence. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include "suite.h"

struct raw {
	u8 p[PACKET_MAX + 80];
	u32 n;
	u32 head; /* octets of the IPv4 header */
};

static u16 sum(const u8 *p, u32 n, u32 more)
{
	for (u32 i = 0; i < n; i++)
		more += i & 1 ? p[i] : (u32)p[i] << 8;
	while (more >> 16)
		more = (more & 0xffff) + (more >> 16);
	return (u16)~more;
}

static void finish_ip(struct raw *r)
{
	put16(r->p + 2, (u16)r->n);
	put16(r->p + 10, 0);
	put16(r->p + 10, sum(r->p, r->head, 0));
}

static void finish_udp(struct raw *r)
{
	u8 *udp = r->p + r->head;
	u32 len = r->n - r->head, pseudo = IPPROTO_UDP + len;

	for (unsigned i = 12; i < 20; i += 2)
		pseudo += (u32)r->p[i] << 8 | r->p[i + 1];
	put16(udp + 6, 0);
	u16 v = sum(udp, len, pseudo);
	put16(udp + 6, v ? v : 0xffff);
}

/* A good packet of the side's stream, with `options` octets of them. */
static void build(struct call *c, unsigned side, struct raw *r, u32 options)
{
	struct flow_addr from = c->peer[side].rtp->at, to = call_port(c, side);

	memset(r, 0, sizeof(*r));
	r->head = 20 + options;
	r->p[0] = (u8)(0x40 | r->head / 4);
	r->p[8] = 64;
	r->p[9] = IPPROTO_UDP;
	put16(r->p + 4, (u16)test_random(c->t) | 1);
	memcpy(r->p + 12, from.ip, 4);
	memcpy(r->p + 16, to.ip, 4);
	memset(r->p + 20, 1, options); /* no operation */
	u8 *udp = r->p + r->head;
	u32 n = rtp_write(udp + 8, &c->peer[side].out);
	rtp_next(&c->peer[side].out);
	put16(udp, from.port);
	put16(udp + 2, to.port);
	put16(udp + 4, (u16)(n + 8));
	r->n = r->head + 8 + n;
	finish_ip(r);
	finish_udp(r);
}

static void emit(struct test *t, int fd, const struct raw *r)
{
	struct sockaddr_in to = { .sin_family = AF_INET };

	memcpy(&to.sin_addr, r->p + 16, 4);
	if (sendto(fd, r->p, r->n, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		FAIL(t, "raw packet: %s", strerror(errno));
}

/* Either it comes out as it is, or it was counted somewhere. */
static bool came(struct call *c, const struct raw *r)
{
	struct packet p;

	if (!sock_recv(c->peer[1].rtp, &p, 200 * MS))
		return false;
	CHECK_EQ(c->t, p.len, r->n - r->head - 8);
	CHECK(c->t, !memcmp(p.data, r->p + r->head + 8, p.len));
	return true;
}

static u64 count_like(struct client *c, const char *const *names, unsigned n)
{
	struct drops d;
	u64 all = 0;

	client_dump(c, &d, NULL, NULL);
	for (unsigned i = 0; i < d.n; i++)
		for (unsigned k = 0; k < n; k++)
			all += strstr(d.name[i], names[k]) ? d.count[i] : 0;
	return all;
}

/* ---- fragments ---- */

struct split {
	const char *name;
	u16 at;   /* octets of the IPv4 payload in the first fragment, a multiple of 8 */
	u8 order; /* 0: first, second; 1: the other way round; 2: the second never comes */
};

static const struct split splits[] = {
	{ "behind-udp-header", 8, 0 }, { "behind-rtp-header", 24, 0 }, { "in-the-middle", 96, 0 },
	{ "last-first", 96, 1 },       { "one-is-missing", 96, 2 },
};

static void send_split(struct test *t, int fd, const struct raw *r, const struct split *s)
{
	struct raw part[2];

	for (unsigned i = 0; i < 2; i++) {
		u32 from = i ? s->at : 0, n = i ? r->n - r->head - s->at : s->at;
		part[i] = *r;
		memcpy(part[i].p + r->head, r->p + r->head + from, n);
		part[i].n = r->head + n;
		put16(part[i].p + 6, (u16)((i ? 0 : 0x2000) | from / 8));
		finish_ip(&part[i]);
	}
	emit(t, fd, &part[s->order == 1]);
	if (s->order < 2)
		emit(t, fd, &part[s->order == 0]);
}

static void fragments(struct test *t, const void *row)
{
	static const char *const names[] = { "frag", "reass" };
	const struct split *s = row;
	struct call *c = call_new(t);
	int fd = sock_raw(t, 0);
	struct raw r;

	call_set(c);
	call_talk(c, 5);
	u64 before = count_like(c->client, names, 2);
	build(c, 0, &r, 0);
	send_split(t, fd, &r, s);
	bool relayed = came(c, &r);
	CHECK(t, !relayed || s->order < 2);
	CHECK(t, relayed || s->order == 2 || count_like(c->client, names, 2) > before);
	call_talk(c, 5);
}

/* Longer than the network carries: the kernel of the peer makes fragments of it. */
static void too_long(struct test *t, const void *row)
{
	static const char *const names[] = { "frag", "reass", "mtu" };
	struct call *c = call_new(t);
	struct packet p;

	call_set(c);
	call_talk(c, 5);
	u64 before = count_like(c->client, names, 3);
	c->peer[0].out.size = 2500;
	call_send(c, 0, 1, 0, NULL);
	c->peer[0].out.size = 160;
	if (sock_recv(c->peer[1].rtp, &p, 200 * MS))
		CHECK_EQ(t, p.len, 2512);
	else
		CHECK(t, count_like(c->client, names, 3) > before);
	call_talk(c, 5);
}

/* ---- checksums, options, lengths ---- */

enum want {
	RELAYED,
	DROPPED,
	EITHER
};

struct oddity {
	const char *name;
	void (*make)(struct raw *r);
	enum want want;
	u32 options;
};

static void no_checksum(struct raw *r)
{
	put16(r->p + r->head + 6, 0);
}

static void bad_checksum(struct raw *r)
{
	r->p[r->head + 6] ^= 0x55;
}

static void bad_payload(struct raw *r)
{
	r->p[r->head + 30] ^= 0x10;
}

static void leave(struct raw *r)
{
}

static void udp_too_long(struct raw *r)
{
	put16(r->p + r->head + 4, (u16)(r->n - r->head + 1));
	no_checksum(r);
}

static void udp_too_short(struct raw *r)
{
	put16(r->p + r->head + 4, 7);
	no_checksum(r);
}

static void udp_empty(struct raw *r)
{
	put16(r->p + r->head + 4, 8);
	no_checksum(r);
}

/* The IPv4 packet ends after the UDP datagram: what follows is none of it. */
static void behind(struct raw *r)
{
	memset(r->p + r->n, 0xee, 10);
	r->n += 10;
	finish_ip(r);
}

static void last_hop(struct raw *r)
{
	r->p[8] = 1;
	finish_ip(r);
}

static void marked(struct raw *r)
{
	r->p[1] = 0xb8 | 3; /* EF, congestion experienced: our DSCP counts */
	finish_ip(r);
}

static void dont_fragment(struct raw *r)
{
	put16(r->p + 6, 0x4000);
	finish_ip(r);
}

static const struct oddity oddities[] = {
	{ "no-udp-checksum", no_checksum, RELAYED, 0 },
	{ "bad-udp-checksum", bad_checksum, DROPPED, 0 },
	{ "damaged-payload", bad_payload, DROPPED, 0 },
	{ "options", leave, EITHER, 8 },
	{ "udp-too-long", udp_too_long, DROPPED, 0 },
	{ "udp-too-short", udp_too_short, DROPPED, 0 },
	{ "udp-empty", udp_empty, DROPPED, 0 },
	{ "octets-behind", behind, RELAYED, 0 },
	{ "ttl-1", last_hop, RELAYED, 0 },
	{ "tos", marked, RELAYED, 0 },
	{ "dont-fragment", dont_fragment, RELAYED, 0 },
};

static void oddity(struct test *t, const void *row)
{
	const struct oddity *o = row;
	struct call *c = call_new(t);
	int fd = sock_raw(t, 0);
	struct raw r;

	call_set(c);
	call_talk(c, 5);
	build(c, 0, &r, o->options);
	struct raw good = r;
	o->make(&r);
	emit(t, fd, &r);
	if (o->want == RELAYED) {
		struct packet *p = sock_expect(t, c->peer[1].rtp);
		CHECK_EQ(t, p->len, good.n - good.head - 8);
		CHECK(t, !memcmp(p->data, good.p + good.head + 8, p->len));
		CHECK_EQ(t, p->tos >> 2, c->f.side[1].dscp);
		CHECK_RANGE(t, p->ttl, 60, 64);
	} else if (o->want == DROPPED) {
		sock_quiet(t, c->peer[1].rtp, 100 * MS);
	} else {
		came(c, &r);
	}
	call_talk(c, 5);
	close(fd);
}

void wire_cases(struct list *l)
{
	for (unsigned i = 0; i < COUNT(splits); i++)
		list_add(l, 0, 0, fragments, &splits[i], "wire/fragments/%s", splits[i].name);
	list_add(l, 0, 0, too_long, NULL, "wire/fragments/too-long");
	for (unsigned i = 0; i < COUNT(oddities); i++)
		list_add(l, 0, 0, oddity, &oddities[i], "wire/%s", oddities[i].name);
}
