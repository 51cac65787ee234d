/* SPDX-License-Identifier: Apache-2.0 */
/* HELLO, SET, DEL, DUMP, SUBSCRIBE, and several of them in one datagram. */
#include <linux/netlink.h>
#include "suite.h"

/* ---- HELLO ---- */

static void hello(struct test *t, const void *row)
{
	struct client *a = client_open(t), *b = client_open(t);

	CHECK(t, a->epoch && a->epoch == b->epoch);
	CHECK(t, a->caps & FLOW_CAP_IPV4);
	CHECK(t, a->caps == b->caps);
	CHECK_EQ(t, client_hello(a, FLOW_VERSION).status, 0); /* once more is no harm */
}

static void hello_version(struct test *t, const void *row)
{
	struct client *c = client_plain(t);
	struct answer a = client_hello(c, FLOW_VERSION + 1);

	CHECK_EQ(t, a.status, -EPROTO);
	CHECK(t, a.reason[0]);
	CHECK_EQ(t, client_get(c, t->id).status, -EPROTO); /* it is still not greeted */
	CHECK_EQ(t, client_hello(c, FLOW_VERSION).status, 0);
	CHECK_EQ(t, client_get(c, t->id).status, -ENOENT);
}

struct verb {
	const char *name;
	u8 cmd;
};

static const struct verb verbs[] = {
	{ "SET", FLOW_CMD_SET },     { "DEL", FLOW_CMD_DEL },
	{ "DUMP", FLOW_CMD_DUMP },   { "SUBSCRIBE", FLOW_CMD_SUBSCRIBE },
	{ "DTMF", FLOW_CMD_DTMF },   { "SEND", FLOW_CMD_SEND },
	{ "TRACE", FLOW_CMD_TRACE },
};

static void before_hello(struct test *t, const void *row)
{
	const struct verb *v = row;
	struct call *c = call_new(t);
	struct client *stranger = client_plain(t);

	c->f.gen = 1;
	client_begin(stranger, v->cmd);
	if (v->cmd == FLOW_CMD_SET)
		tlv_put_flow(&stranger->out, &c->f);
	else if (v->cmd != FLOW_CMD_SUBSCRIBE)
		tlv_put_u64(&stranger->out, FLOW_A_ID, c->f.id);
	tlv_end(&stranger->out);
	struct answer a = client_ask(stranger);
	CHECK_EQ(t, a.status, -EPROTO);
	CHECK(t, a.reason[0]);
	CHECK_EQ(t, client_get(c->client, c->f.id).status, -ENOENT);
}

static void unknown_verb(struct test *t, const void *row)
{
	struct client *c = client_open(t);

	client_begin(c, FLOW_CMD_MAX + 17);
	tlv_end(&c->out);
	CHECK(t, client_ask(c).status < 0);
	CHECK_EQ(t, client_get(c, t->id).status, -ENOENT);
}

/* ---- SET ---- */

static void set_again(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	call_set(c);
	call_talk(c, 5);
	struct flow changed = c->f;
	changed.side[1].dscp = 10;
	CHECK_EQ(t, client_set(c->client, &changed).status, 0);
	CHECK_EQ(t, call_get(c).report.flow.side[1].dscp, 34);
	call_talk(c, 5);
	call_settle(c, 0, 0, 10, 0);
}

static void set_stale(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	c->f.gen = 6;
	call_set(c);
	struct flow old = c->f;
	old.gen = 6;
	old.side[0].dscp = 1;
	struct answer a = client_set(c->client, &old);
	CHECK_EQ(t, a.status, -ESTALE);
	CHECK(t, a.reason[0]);
	a = call_get(c);
	CHECK_EQ(t, a.report.flow.gen, 7);
	CHECK_EQ(t, a.report.flow.side[0].dscp, 46);
	call_talk(c, 5);
}

static void set_newer(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	call_set(c);
	call_talk(c, 5);
	c->f.side[0].dscp = 1;
	c->f.side[1].dscp = 2;
	c->f.gen += 1000;
	call_set(c);
	call_talk(c, 5);
	struct answer a = call_settle(c, 0, 0, 10, 0);
	CHECK_EQ(t, a.report.flow.gen, 1002);
	CHECK_EQ(t, a.report.flow.side[1].dscp, 2);
	CHECK_EQ(t, a.report.rtp[0].lost, 0);
}

struct clash {
	const char *name;
	void (*make)(struct flow *f, const struct flow *other);
};

static void rtp_on_rtp(struct flow *f, const struct flow *other)
{
	f->side[0].local = other->side[0].local;
}

static void rtp_on_rtcp(struct flow *f, const struct flow *other)
{
	f->side[1].local.port = other->side[1].local_rtcp;
}

static void rtcp_on_rtp(struct flow *f, const struct flow *other)
{
	f->side[0].local_rtcp = other->side[0].local.port;
}

static void rtcp_on_rtcp(struct flow *f, const struct flow *other)
{
	f->side[1].local_rtcp = other->side[1].local_rtcp;
}

static void on_itself(struct flow *f, const struct flow *other)
{
	f->side[1].local = f->side[0].local;
}

static void rtcp_on_its_own(struct flow *f, const struct flow *other)
{
	f->side[0].local_rtcp = f->side[0].local.port;
}

static const struct clash clashes[] = {
	{ "rtp-on-rtp", rtp_on_rtp },   { "rtp-on-rtcp", rtp_on_rtcp },
	{ "rtcp-on-rtp", rtcp_on_rtp }, { "rtcp-on-rtcp", rtcp_on_rtcp },
	{ "both-sides", on_itself },    { "rtcp-on-its-rtp", rtcp_on_its_own },
};

static void port_clash(struct test *t, const void *row)
{
	const struct clash *clash = row;
	struct call *first = call_new(t), *c = call_new(t);

	call_set(first);
	call_talk(first, 3);
	c->f.gen = 1;
	struct flow f = c->f;
	clash->make(&f, &first->f);
	struct answer a = client_set(c->client, &f);
	CHECK(t, a.status < 0);
	CHECK(t, a.reason[0]);
	CHECK_EQ(t, client_get(c->client, f.id).status, -ENOENT);
	call_talk(first, 3);
	/* Nothing of the refused one is left: all its ports can be had. */
	c->f.gen = 0;
	call_set(c);
	call_talk(c, 3);
	/* Nor may an existing flow take what is another's, and it goes on as it was. */
	f.gen = 2;
	CHECK(t, client_set(c->client, &f).status < 0);
	CHECK_EQ(t, call_get(c).report.flow.gen, 1);
	call_talk(c, 3);
}

static void other_port(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct flow_addr was = c->f.side[0].local;

	call_set(c);
	call_talk(c, 5);
	call_other_port(c, 0);
	call_set(c);
	call_talk(c, 5);
	u8 old[12] = { 0x80, 8 };
	sock_send(t, c->peer[0].rtp, &was, old, sizeof(old)); /* nobody is there any more */
	/* Its old port can be had by another. */
	struct call *next = call_new(t);
	next->f.side[0].local = was;
	call_set(next);
	call_talk(next, 5);
}

/* ---- DEL ---- */

static void del_counts(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	call_set(c);
	call_relay(c, 0, 7);
	call_relay(c, 1, 4);
	struct answer a = client_del(c->client, c->f.id);
	CHECK_EQ(t, a.status, 0);
	CHECK(t, a.has_report);
	CHECK_EQ(t, a.report.flow.id, c->f.id);
	CHECK_EQ(t, a.report.rtp[0].packets, 7);
	CHECK_EQ(t, a.report.rtp[0].octets, 7 * 172);
	CHECK_EQ(t, a.report.rtp[1].packets, 4);
	CHECK_EQ(t, client_del(c->client, c->f.id).status, -ENOENT);
	CHECK_EQ(t, client_get(c->client, c->f.id).status, -ENOENT);
	call_send(c, 0, 3, MS, NULL); /* to nobody */
	nap(30 * MS);
	c->f.gen = 0;
	call_set(c); /* the same again is a new flow */
	call_talk(c, 3);
	call_settle(c, 0, 0, 3, 0);
}

static void nothing_there(struct test *t, const void *row)
{
	struct client *c = client_open(t);

	CHECK_EQ(t, client_del(c, t->id).status, -ENOENT);
	CHECK_EQ(t, client_get(c, t->id).status, -ENOENT);
	CHECK_EQ(t, client_key(c, t->id, 0, 1, 0).status, -ENOENT);
}

static void many_times(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	for (unsigned i = 0; i < 1000; i++) {
		c->f.gen = 0;
		call_set(c);
		call_del(c);
	}
	c->f.gen = 0;
	call_set(c);
	call_talk(c, 5);
}

/* ---- connections ---- */

static void flows_stay(struct test *t, const void *row)
{
	struct client *other = client_open(t);
	struct call *c = call_new(t);

	c->f.gen = 1;
	CHECK_EQ(t, client_set(other, &c->f).status, 0);
	client_close(other);
	call_talk(c, 5);
	CHECK_EQ(t, call_get(c).report.flow.gen, 1);
}

static void subscribed(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct client *deaf = client_open(t), *second = client_open(t);

	client_subscribe(second);
	call_set(c);
	call_relay(c, 0, 1);
	struct event *e = client_expect(c->client, FLOW_EVENT_LATCHED, c->f.id);
	CHECK_EQ(t, e->e.side, 0);
	CHECK_EQ(t, e->e.gen, 1);
	CHECK(t, addr_is(&e->e.source, &c->peer[0].rtp->at));
	client_expect(second, FLOW_EVENT_LATCHED, c->f.id);
	CHECK(t, !client_event(deaf, FLOW_EVENT_LATCHED, c->f.id, 100 * MS));
}

/* ---- several in one datagram ---- */

static void batch(struct test *t, const void *row)
{
	static const int wanted[] = { -ENOENT, 0, 0, -ESTALE, 0, -ENOENT };
	struct call *c = call_new(t);
	struct client *k = c->client;

	if (!t->lab->tr.batches)
		test_skip(t, "this transport has one message in a datagram");
	struct flow f = c->f;
	client_put_ids(k, FLOW_CMD_DEL, &f.id, 1);
	for (int i = 0; i < 3; i++) {
		f.gen = (u32[]){ 4, 5, 3 }[i];
		client_begin(k, FLOW_CMD_SET);
		tlv_put_flow(&k->out, &f);
		tlv_end(&k->out);
	}
	client_put_ids(k, FLOW_CMD_DEL, &f.id, 1);
	client_put_ids(k, FLOW_CMD_DEL, &f.id, 1);
	u32 seq = k->seq - 6;
	client_send(k);
	CHECK(t, client_read(k));
	for (unsigned i = 0; i < COUNT(wanted); i++) {
		struct answer a;
		CHECK(t, client_next(k, &a));
		CHECK_EQ(t, a.seq, ++seq);
		CHECK_EQ(t, a.status, wanted[i]);
	}
	CHECK_EQ(t, k->left, 0);
}

/* Only what asks for it is answered, and queries. */
static void no_ack(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct client *k = c->client;
	struct answer a;

	c->f.gen = 1;
	tlv_begin(&k->out, FLOW_CMD_SET, NLM_F_REQUEST, ++k->seq);
	tlv_put_flow(&k->out, &c->f);
	tlv_end(&k->out);
	client_send(k);
	tlv_begin(&k->out, FLOW_CMD_DUMP, NLM_F_REQUEST, ++k->seq);
	tlv_put_u64(&k->out, FLOW_A_ID, c->f.id);
	tlv_end(&k->out);
	client_send(k);
	CHECK(t, client_read(k));
	CHECK(t, client_next(k, &a));
	CHECK_EQ(t, a.cmd, FLOW_CMD_DUMP);
	CHECK_EQ(t, a.seq, k->seq);
	CHECK_EQ(t, a.status, 0);
	CHECK_EQ(t, k->left, 0);
	call_talk(c, 3);
}

/* As long as a datagram may be, filled to the last octet. */
static void longest(struct test *t, const void *row)
{
	struct client *c = client_open(t);
	unsigned n = 0;

	if (!t->lab->tr.batches)
		test_skip(t, "this transport has one message in a datagram");
	for (; FLOW_DATAGRAM_MAX - c->out.n >= 2 * 32; n++)
		client_put_ids(c, FLOW_CMD_DEL, &t->id, 1);
	size_t fill = FLOW_DATAGRAM_MAX - c->out.n - 32;
	client_begin(c, FLOW_CMD_DEL);
	tlv_put_u64(&c->out, FLOW_A_ID, t->id);
	if (fill)
		tlv_put(&c->out, 900, "an attribute that nobody knows .................", fill - 4);
	CHECK_EQ(t, tlv_end(&c->out), 0);
	CHECK_EQ(t, c->out.n, FLOW_DATAGRAM_MAX);
	client_send(c);
	for (unsigned got = 0; got <= n;) {
		struct answer a;
		CHECK(t, client_read(c));
		for (; client_next(c, &a); got++)
			CHECK_EQ(t, a.status, -ENOENT);
	}
}

void verbs_cases(struct list *l)
{
	list_add(l, 0, 0, hello, NULL, "verbs/hello");
	list_add(l, 0, 0, hello_version, NULL, "verbs/hello-version");
	for (unsigned i = 0; i < COUNT(verbs); i++)
		list_add(l, 0, 0, before_hello, &verbs[i], "verbs/before-hello/%s", verbs[i].name);
	list_add(l, 0, 0, unknown_verb, NULL, "verbs/unknown");
	list_add(l, 0, 0, set_again, NULL, "verbs/set/same-generation");
	list_add(l, 0, 0, set_stale, NULL, "verbs/set/stale");
	list_add(l, 0, 0, set_newer, NULL, "verbs/set/newer");
	for (unsigned i = 0; i < COUNT(clashes); i++)
		list_add(l, 0, 0, port_clash, &clashes[i], "verbs/set/port-clash/%s",
			 clashes[i].name);
	list_add(l, 0, 0, other_port, NULL, "verbs/set/other-port");
	list_add(l, 0, 0, del_counts, NULL, "verbs/del/counters");
	list_add(l, 0, 0, nothing_there, NULL, "verbs/nothing-there");
	list_add(l, 0, 0, many_times, NULL, "verbs/set-and-del-1000-times");
	list_add(l, 0, 0, flows_stay, NULL, "verbs/flows-outlive-connections");
	list_add(l, 0, 0, subscribed, NULL, "verbs/subscribe");
	list_add(l, 0, 0, batch, NULL, "verbs/batch");
	list_add(l, 0, 0, no_ack, NULL, "verbs/no-ack");
	list_add(l, 0, 0, longest, NULL, "verbs/longest-datagram");
}
