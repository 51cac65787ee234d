/* SPDX-License-Identifier: Apache-2.0 */
/* The flow language as one asks it. */
#include <linux/netlink.h>
#include <poll.h>
#include "suite.h"

#define ANSWER_US (5 * S)

static void *memory(struct test *t, size_t n)
{
	void *p = calloc(1, n);

	if (!p)
		FAIL(t, "no memory");
	return p;
}

struct client *client_plain(struct test *t)
{
	struct client *c = memory(t, sizeof(*c));

	c->t = t;
	c->in = memory(t, FLOW_DATAGRAM_MAX);
	c->event = memory(t, EVENTS_MAX * sizeof(*c->event));
	tlv_out_init(&c->out, memory(t, FLOW_DATAGRAM_MAX), FLOW_DATAGRAM_MAX);
	c->fd = t->lab->tr.open(t->lab->tr.arg);
	if (c->fd < 0)
		FAIL(t, "no connection to the engine: %s", strerror(-c->fd));
	return c;
}

struct client *client_open(struct test *t)
{
	struct client *c = client_plain(t);
	struct answer a = client_hello(c, FLOW_VERSION);

	if (a.status)
		FAIL(t, "HELLO: %s", strerror(-a.status));
	return c;
}

void client_close(struct client *c)
{
	c->t->lab->tr.close(c->fd);
	free(c->in);
	free(c->out.p);
	free(c->event);
	free(c);
}

u32 client_begin(struct client *c, u8 cmd)
{
	tlv_begin(&c->out, cmd, NLM_F_REQUEST | NLM_F_ACK, ++c->seq);
	return c->seq;
}

void client_send(struct client *c)
{
	const struct transport *tr = &c->t->lab->tr;
	int err = tr->send(tr->arg, c->fd, c->out.p, c->out.n);

	tlv_out_init(&c->out, c->out.p, FLOW_DATAGRAM_MAX);
	if (err)
		FAIL(c->t, "send to the engine: %s", strerror(-err));
}

/* ---- events ---- */

static bool is_mine(const struct client *c, u64 id)
{
	return id >= c->t->id && id < c->t->id + 4096;
}

static void put_event(struct client *c, const struct tlv_msg *m)
{
	const char *why = NULL;
	struct tlv_event e;

	if (tlv_get_event(m, &e, &why))
		FAIL(c->t, "an event that cannot be read: %s", why);
	if (e.flow_id && !is_mine(c, e.flow_id))
		return;
	if (c->n_events == EVENTS_MAX)
		FAIL(c->t, "more than %d events", EVENTS_MAX);
	struct event *to = &c->event[c->n_events++];
	*to = (struct event){ .e = e, .at_us = now_us() };
	if (e.payload && e.n <= FLOW_PAYLOAD_MAX)
		memcpy(to->payload, e.payload, e.n);
	to->e.payload = NULL;
}

/* True where all the datagram is events; they are kept. */
static bool only_events(struct client *c)
{
	const void *at = c->in;
	size_t left = c->n;
	struct tlv_msg m;
	bool only = true;
	int rc;

	while ((rc = tlv_next(&at, &left, &m)) == 1) {
		if (m.cmd != FLOW_CMD_EVENT || m.done)
			only = false;
		else
			put_event(c, &m);
	}
	if (rc < 0)
		FAIL(c->t, "the engine sent what is no flow language");
	return only;
}

/* ---- answers ---- */

/* -1: it hung up, 0: nothing came, 1: c->in has a datagram. */
static int read_one(struct client *c, u32 wait_us)
{
	struct pollfd pfd = { c->fd, POLLIN, 0 };
	struct timespec ts = { wait_us / S, (long)(wait_us % S) * 1000 };
	const struct transport *tr = &c->t->lab->tr;
	ssize_t n = -EAGAIN;

	while (n == -EAGAIN) {
		if (ppoll(&pfd, 1, &ts, NULL) <= 0)
			return 0;
		n = tr->recv(tr->arg, c->fd, c->in, FLOW_DATAGRAM_MAX);
	}
	if (n < 0)
		FAIL(c->t, "reading from the engine: %s", strerror((int)-n));
	c->n = (size_t)n;
	return n ? 1 : -1;
}

bool client_read(struct client *c)
{
	for (;;) {
		int rc = read_one(c, ANSWER_US);
		if (!rc)
			FAIL(c->t, "the engine does not answer");
		if (rc < 0)
			return false;
		c->at = c->in;
		c->left = c->n;
		if (!only_events(c))
			return true;
	}
}

static void read_answers(struct client *c)
{
	if (!client_read(c))
		FAIL(c->t, "the engine hung up");
}

static void fill(struct client *c, struct answer *a, const struct tlv_msg *m)
{
	const char *why = NULL, *reason = tlv_str(m, FLOW_A_REASON);

	memset(a, 0, sizeof(*a));
	a->there = true;
	a->status = (int)tlv_u32(m, FLOW_A_STATUS, 0);
	snprintf(a->reason, sizeof(a->reason), "%s", reason ? reason : "");
	a->seq = m->seq;
	a->cmd = m->cmd;
	a->done = m->done;
	if (!m->attr[FLOW_A_SIDE0])
		return;
	int err = tlv_get_report(m, &a->report, &why);
	if (err)
		FAIL(c->t, "a report that cannot be read: %s", why);
	a->has_report = true;
}

bool client_next(struct client *c, struct answer *a)
{
	struct tlv_msg m;

	while (tlv_next(&c->at, &c->left, &m) == 1) {
		if (m.cmd == FLOW_CMD_EVENT && !m.done)
			continue;
		fill(c, a, &m);
		return true;
	}
	return false;
}

static struct answer one_answer(struct client *c, u32 seq)
{
	struct answer a;

	for (;;) {
		read_answers(c);
		while (client_next(c, &a))
			if (a.seq == seq)
				return a;
	}
}

struct answer client_ask(struct client *c)
{
	u32 seq = c->seq;

	client_send(c);
	return one_answer(c, seq);
}

struct answer client_hello(struct client *c, u32 version)
{
	client_begin(c, FLOW_CMD_HELLO);
	tlv_put_u32(&c->out, FLOW_A_VERSION, version);
	tlv_put_u64(&c->out, FLOW_A_EPOCH, 1);
	tlv_end(&c->out);
	struct answer a = client_ask(c);
	const void *at = c->in;
	size_t left = c->n;
	struct tlv_msg m;
	if (tlv_next(&at, &left, &m) == 1) {
		c->caps = tlv_u32(&m, FLOW_A_CAPS, 0);
		c->epoch = tlv_u64(&m, FLOW_A_EPOCH, 0);
	}
	return a;
}

struct answer client_set(struct client *c, const struct flow *f)
{
	client_begin(c, FLOW_CMD_SET);
	tlv_put_flow(&c->out, f);
	tlv_end(&c->out);
	return client_ask(c);
}

void client_put_ids(struct client *c, u8 cmd, const u64 *id, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		client_begin(c, cmd);
		tlv_put_u64(&c->out, FLOW_A_ID, id[i]);
		if (tlv_end(&c->out))
			FAIL(c->t, "%u messages do not fit", n);
	}
}

static struct answer ask_id(struct client *c, u8 cmd, u64 id)
{
	client_put_ids(c, cmd, &id, 1);
	return client_ask(c);
}

struct answer client_del(struct client *c, u64 id)
{
	return ask_id(c, FLOW_CMD_DEL, id);
}

struct answer client_get(struct client *c, u64 id)
{
	return ask_id(c, FLOW_CMD_DUMP, id);
}

struct answer client_key(struct client *c, u64 id, unsigned side, u8 digit, u32 ms)
{
	client_begin(c, FLOW_CMD_DTMF);
	tlv_put_u64(&c->out, FLOW_A_ID, id);
	tlv_put_u32(&c->out, FLOW_A_SIDE, side);
	tlv_put_u8(&c->out, FLOW_A_DIGIT, digit);
	tlv_put_u32(&c->out, FLOW_A_DURATION, ms);
	tlv_end(&c->out);
	return client_ask(c);
}

struct answer client_datagram(struct client *c, u64 id, unsigned side, u8 component,
			      const struct flow_addr *to, const void *data, u32 n)
{
	struct tlv_send s = { id,       side, n, data, to ? *to : (struct flow_addr){ .family = 0 },
			      component };

	client_begin(c, FLOW_CMD_SEND);
	tlv_put_send(&c->out, &s);
	tlv_end(&c->out);
	return client_ask(c);
}

void client_subscribe(struct client *c)
{
	client_begin(c, FLOW_CMD_SUBSCRIBE);
	tlv_end(&c->out);
	struct answer a = client_ask(c);
	CHECK_EQ(c->t, a.status, 0);
}

/* ---- events that are waited for ---- */

static struct event *find(struct client *c, u32 event, u64 id)
{
	for (unsigned i = 0; i < c->n_events; i++) {
		if (c->event[i].e.event != event || c->event[i].e.flow_id != id)
			continue;
		c->found = c->event[i];
		memmove(&c->event[i], &c->event[i + 1], (--c->n_events - i) * sizeof(c->found));
		return &c->found;
	}
	return NULL;
}

struct event *client_event(struct client *c, u32 event, u64 id, u32 wait_us)
{
	u64 end = now_us() + wait_us;

	for (;;) {
		struct event *e = find(c, event, id);
		u64 now = now_us();
		if (e)
			return e;
		int rc = read_one(c, end > now ? (u32)(end - now) : 0);
		if (rc < 0)
			FAIL(c->t, "the engine hung up");
		if (rc)
			only_events(c);
		else if (now >= end)
			return NULL;
	}
}

struct event *client_expect(struct client *c, u32 event, u64 id)
{
	struct event *e = client_event(c, event, id, 2 * S);

	if (!e)
		FAIL(c->t, "event %u did not come", event);
	return e;
}

/* ---- everything ---- */

static void take_drop(void *arg, const char *name, u64 count, const char *why)
{
	struct drops *d = arg;

	if (d->n == COUNT(d->name))
		return;
	snprintf(d->name[d->n], sizeof(d->name[0]), "%s", name);
	d->count[d->n++] = count;
}

static void take_port(void *arg, const char *network, const char *driver, const char *why)
{
	((struct drops *)arg)->ports++;
}

static bool take_done(struct client *c, struct drops *d)
{
	const void *at = c->in;
	size_t left = c->n;
	struct tlv_msg m;

	while (tlv_next(&at, &left, &m) == 1) {
		if (!m.done)
			continue;
		if (d) {
			tlv_each_drop(&m, take_drop, d);
			tlv_each_port(&m, take_port, d);
		}
		return true;
	}
	return false;
}

unsigned client_dump(struct client *c, struct drops *d,
		     void (*fn)(void *arg, const struct answer *a), void *arg)
{
	unsigned n = 0;

	if (d)
		memset(d, 0, sizeof(*d));
	client_begin(c, FLOW_CMD_DUMP);
	tlv_end(&c->out);
	client_send(c);
	do {
		struct answer a;
		read_answers(c);
		while (client_next(c, &a)) {
			n += a.has_report;
			if (fn && a.has_report)
				fn(arg, &a);
		}
	} while (!take_done(c, d));
	return n;
}

u64 drops_of(const struct drops *d, const char *name)
{
	for (unsigned i = 0; i < d->n; i++)
		if (!strcmp(d->name[i], name))
			return d->count[i];
	return 0;
}

u64 client_drops(struct client *c, const char *name)
{
	struct drops d;

	client_dump(c, &d, NULL, NULL);
	return drops_of(&d, name);
}
