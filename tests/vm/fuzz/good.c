/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever was asked before: a flow is set, relays, is told as it was set, and is gone when it is deleted. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netlink.h>
#include "fuzz.h"

#define ANSWER_MS 10000
#define TRIES     20

struct good {
	struct round *r;
	struct dice d;
	struct link l;
	u8 mem[MESSAGE_MAX] __attribute__((aligned(8)));
	struct tlv_out o;
	struct flow f;
};

static void begin(struct good *g, u8 cmd, uint16_t flags)
{
	tlv_out_init(&g->o, g->mem, sizeof(g->mem));
	tlv_begin(&g->o, cmd, NLM_F_REQUEST | flags, ++g->l.seq);
}

/* Sends it and reads until `fn` has had enough; fn gives true then. */
static void ask(struct good *g, const char *what,
		bool (*fn)(struct good *, const struct answer *, void *), void *arg)
{
	tlv_end(&g->o);
	((struct nlmsghdr *)(void *)g->mem)->nlmsg_type = g->r->family;
	int err = link_send(&g->l, g->mem, g->o.n);
	if (err)
		wrong(g->r, "a good %s cannot be sent: %s", what, strerror(-err));
	for (;;) {
		struct answer a;
		size_t at = 0;
		if (link_read(&g->l, ANSWER_MS) != 1)
			wrong(g->r, "a good %s is not answered", what);
		while (link_next(&g->l, &at, &a))
			if (((struct nlmsghdr *)(void *)a.message)->nlmsg_seq == g->l.seq &&
			    fn(g, &a, arg))
				return;
	}
}

static bool take_status(struct good *g, const struct answer *a, void *arg)
{
	*(int *)arg = a->err;
	return true;
}

static int status_of(struct good *g, const char *what)
{
	int status = 1;

	ask(g, what, take_status, &status);
	return status;
}

static void hello(struct good *g)
{
	begin(g, FLOW_CMD_HELLO, 0);
	tlv_put_u32(&g->o, FLOW_A_VERSION, FLOW_VERSION);
	tlv_put_u64(&g->o, FLOW_A_EPOCH, 1);
	int err = status_of(g, "HELLO");
	if (err)
		wrong(g->r, "a good HELLO: %s", strerror(-err));
}

/* Random ports and an id of its own: random requests may have taken what they liked. */
static void make(struct good *g)
{
	uint16_t port = (uint16_t)(40000 + 4 * dice_below(&g->d, 2000));

	memset(&g->f, 0, sizeof(g->f));
	g->f.id = dice_roll(&g->d) | 1;
	g->f.gen = 1 + dice_below(&g->d, 1000);
	for (unsigned i = 0; i < 2; i++) {
		struct flow_side *s = &g->f.side[i];
		s->local = (struct flow_addr){ { 127, 0, 0, 1 }, (uint16_t)(port + 2 * i), 4, 0 };
		s->remote = (struct flow_addr){ { 127, 0, 0, 3 }, (uint16_t)(port + 2 * i), 4, 0 };
		s->clock = s->dtmf_clock = 8000;
		s->ptime = 20;
		s->dtmf_in = s->dtmf_out = FLOW_PT_NONE;
		s->n_ptmap = 1;
		s->ptmap[0][0] = s->ptmap[0][1] = 8;
		s->dscp = 46;
	}
}

static void set(struct good *g, bool secure)
{
	for (unsigned i = 0;; i++) {
		make(g);
		if (secure) {
			u8 suite = (u8)(1 + dice_below(&g->d, FLOW_SUITE_COUNT - 1));
			ask_key(g->r, &g->f.side[0].in, suite, 1, true);
			ask_key(g->r, &g->f.side[0].out, suite, 1, true);
		}
		begin(g, FLOW_CMD_SET, NLM_F_ACK);
		tlv_put_flow(&g->o, &g->f);
		int err = status_of(g, "SET");
		if (!err)
			return;
		if (err != -EADDRINUSE || i == TRIES)
			wrong(g->r, "a good SET: %s", strerror(-err));
	}
}

/* ---- what is told of it ---- */

static void no_keys(struct flow_crypto *c)
{
	struct flow_crypto told = { .suite = c->suite, .number = c->number };

	*c = told;
}

static bool take_report(struct good *g, const struct answer *a, void *arg)
{
	struct flow want = g->f;
	struct tlv_report report;
	struct tlv_msg m;
	const void *at = a->message;
	size_t left = a->n;
	const char *why = "";

	if (!a->cmd || tlv_next(&at, &left, &m) != 1 || !m.attr[FLOW_A_SIDE0])
		wrong(g->r, "a good DUMP: %s", strerror(-a->err));
	if (tlv_get_report(&m, &report, &why))
		wrong(g->r, "a good DUMP: %s", why);
	for (unsigned i = 0; i < 2; i++) {
		no_keys(&want.side[i].in);
		no_keys(&want.side[i].out);
	}
	const u8 *was = (const u8 *)&want, *is = (const u8 *)&report.flow;
	for (size_t i = 0; i < sizeof(want); i++)
		if (was[i] != is[i])
			wrong(g->r,
			      "a flow is told otherwise than it was set: octet %zu (side: %zu, of "
			      "%zu) is %u, not %u",
			      i, (i - offsetof(struct flow, side)) / sizeof(want.side[0]),
			      (i - offsetof(struct flow, side)) % sizeof(want.side[0]), is[i],
			      was[i]);
	return true;
}

static void dump_one(struct good *g)
{
	begin(g, FLOW_CMD_DUMP, 0);
	tlv_put_u64(&g->o, FLOW_A_ID, g->f.id);
	ask(g, "DUMP", take_report, NULL);
}

struct everything {
	unsigned mine, drops;
};

static bool take_any(struct good *g, const struct answer *a, void *arg)
{
	struct everything *all = arg;
	struct tlv_msg m;
	const void *at = a->message;
	size_t left = a->n;

	if (a->err)
		wrong(g->r, "a good DUMP of everything: %s", strerror(-a->err));
	if (!a->cmd || tlv_next(&at, &left, &m) != 1)
		return a->done;
	all->mine += tlv_u64(&m, FLOW_A_ID, 0) == g->f.id;
	all->drops += m.attr[FLOW_A_DROPS] != NULL;
	return a->done;
}

static void dump_all(struct good *g)
{
	struct everything all = { 0 };

	begin(g, FLOW_CMD_DUMP, NLM_F_DUMP);
	ask(g, "DUMP of everything", take_any, &all);
	if (all.mine != 1 || all.drops != 1)
		wrong(g->r, "a DUMP has the flow %u times and the counters %u times", all.mine,
		      all.drops);
}

/* ---- and what it does ---- */

static int peer_open(struct good *g, unsigned side)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(0x7f000003),
				  .sin_port = htons(g->f.side[side].remote.port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		wrong(g->r, "no socket: %s", strerror(errno));
	at.sin_addr.s_addr = htonl(0x7f000001);
	at.sin_port = htons(g->f.side[side].local.port);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)))
		wrong(g->r, "no way to port %u: %s", g->f.side[side].local.port, strerror(errno));
	return fd;
}

static void relays(struct good *g)
{
	u8 p[172] = { 0x80, 8 }, in[256];
	int a = peer_open(g, 0), b = peer_open(g, 1);
	ssize_t n = -1;

	for (uint16_t i = 1; i < 100 && n < 0; i++) {
		struct pollfd pfd = { b, POLLIN, 0 };
		p[3] = (u8)i;
		send(a, p, sizeof(p), MSG_NOSIGNAL);
		if (poll(&pfd, 1, 100) > 0)
			n = recv(b, in, sizeof(in), MSG_DONTWAIT);
	}
	if (n != (ssize_t)sizeof(p) || memcmp(in + 12, p + 12, sizeof(p) - 12))
		wrong(g->r, "a good flow relays nothing, or something else (%zd octets)", n);
	close(a);
	close(b);
}

static void del(struct good *g)
{
	for (unsigned i = 0; i < 2; i++) {
		begin(g, FLOW_CMD_DEL, 0);
		tlv_put_u64(&g->o, FLOW_A_ID, g->f.id);
		int err = status_of(g, "DEL");
		if (err != (i ? -ENOENT : 0))
			wrong(g->r, "DEL of a flow that is %s: %s", i ? "gone" : "there",
			      strerror(-err));
	}
}

void good_check(struct round *r)
{
	struct good *g = calloc(1, sizeof(*g));

	if (!g)
		wrong(r, "no memory");
	g->r = r;
	g->d = round_dice(r, 10);
	link_open(&g->l, r);
	hello(g);
	for (unsigned secure = 0; secure < 2; secure++) {
		set(g, secure);
		dump_one(g);
		dump_all(g);
		if (!secure)
			relays(g);
		del(g);
	}
	link_close(&g->l);
	free(g);
}
