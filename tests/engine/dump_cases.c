/* SPDX-License-Identifier: Apache-2.0 */
/* DUMP, of one flow, of all, and of very many. */
#include "suite.h"

static void dump_one(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct flow_side *s = &c->f.side[0];

	s->mode = FLOW_MODE_NAT;
	s->learn_len = 24;
	s->ptime = 30;
	s->clock = 16000;
	s->n_acl = 2;
	s->acl[0] = host(0, 4, LISTED, 0);
	s->acl[0].len = 30;
	s->acl[1] = host(0, 6, LISTED, 0);
	s->acl[1].len = 64;
	s->flags = FLOW_SIDE_HOLD | FLOW_SIDE_DTMF_TELL;
	s->dtmf_in = 101;
	s->dtmf_out = 96;
	s->dtmf_clock = 16000;
	s->rate = 12345;
	s->burst = 6789;
	c->f.side[1].ssrc_mask = 0x01020304;
	c->f.idle_ms = 60000;
	call_set(c);
	nap(50 * MS);
	struct answer a = call_get(c);
	CHECK(t, !memcmp(&a.report.flow, &c->f, sizeof(c->f)));
	CHECK_RANGE(t, a.report.age_ms, 40, 5000);
	CHECK_EQ(t, a.report.rtp[0].packets, 0);
	CHECK_EQ(t, a.report.rtp[0].first_us, 0);
}

static void is_one_of(void *arg, const struct answer *a)
{
	u64 *seen = arg; /* [0]: the first id */

	if (a->report.flow.id >= seen[0] && a->report.flow.id < seen[0] + 64)
		seen[1] |= 1ull << (a->report.flow.id - seen[0]);
}

static void dump_all(struct test *t, const void *row)
{
	struct drops d;
	u64 seen[2] = { t->id, 0 };

	for (unsigned i = 0; i < 12; i++)
		call_set(call_new(t));
	client_dump(t->client, &d, is_one_of, seen);
	CHECK_EQ(t, seen[1], 0xfff);
	CHECK_RANGE(t, d.ports, 1, 64);
	CHECK_RANGE(t, d.n, 20, 128);
	for (unsigned i = 0; i < d.n; i++)
		for (unsigned k = 0; k < i; k++)
			CHECK(t, strcmp(d.name[i], d.name[k]));
}

#define MANY 800

static struct flow bulk(struct test *t, unsigned i)
{
	struct flow f = { .id = test_id(t), .gen = 1 };

	for (unsigned side = 0; side < 2; side++) {
		f.side[side] =
			(struct flow_side){ .local = host(side, 4, RELAY, (u16)(PORT_BULK + 2 * i)),
					    .remote = host(side, 4, PEER, (u16)(60000 + 2 * i)),
					    .clock = 8000,
					    .ptime = 20,
					    .dtmf_in = FLOW_PT_NONE,
					    .dtmf_out = FLOW_PT_NONE,
					    .dtmf_clock = 8000,
					    .n_ptmap = 1 };
	}
	return f;
}

static void count_mine(void *arg, const struct answer *a)
{
	u64 *seen = arg;

	if (a->report.flow.id >= seen[0] && a->report.flow.id < seen[0] + MANY)
		seen[1]++;
}

/* Answers in the order of their questions, all 0. */
static void take_many(struct test *t, struct client *c, unsigned n)
{
	u32 seq = c->seq - n;
	unsigned got = 0;

	client_send(c);
	while (got < n) {
		struct answer a;
		CHECK(t, client_read(c));
		for (; client_next(c, &a); got++) {
			CHECK_EQ(t, a.status, 0);
			CHECK_EQ(t, a.seq, ++seq);
		}
	}
}

/* So many that neither their requests nor their reports fit in one datagram. */
static void dump_many(struct test *t, const void *row)
{
	struct client *c = client_open(t);
	u64 seen[2] = { t->id, 0 }, id[MANY];

	for (unsigned i = 0; i < MANY; i++) {
		struct flow f = bulk(t, i);
		id[i] = f.id;
		client_begin(c, FLOW_CMD_SET);
		tlv_put_flow(&c->out, &f);
		tlv_end(&c->out);
		if (i % 100 == 99)
			take_many(t, c, 100);
	}
	client_dump(c, NULL, count_mine, seen);
	CHECK_EQ(t, seen[1], MANY);
	for (unsigned i = 0; i < MANY; i += 100) {
		client_put_ids(c, FLOW_CMD_DEL, id + i, 100);
		take_many(t, c, 100);
	}
	seen[1] = 0;
	client_dump(c, NULL, count_mine, seen);
	CHECK_EQ(t, seen[1], 0);
}

void dump_cases(struct list *l)
{
	list_add(l, 0, 0, dump_one, NULL, "verbs/dump/one");
	list_add(l, 0, 0, dump_all, NULL, "verbs/dump/all");
	list_add(l, 0, 0, dump_many, NULL, "verbs/dump/many");
}
