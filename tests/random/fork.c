/* SPDX-License-Identifier: Apache-2.0 */
/* A forking proxy in front of the carrier: what is new goes to two phones. It is as small as sluice can see: it
 * keeps failures back until all have failed (RFC 3261 16.7), and cancels the rest after a 2xx, or forgets to. */
#include "fork.h"
#include "random.h"

#define BRANCHES 2

struct forked { /* an INVITE */
	struct forked *next;
	struct str branch, ruri, via, from, to, call_id;
	uint32_t cseq;
	bool failed[BRANCHES], answered, passed; /* passed: the last failure */
};

struct text { /* a message to be looked at */
	struct sip_msg m;
	struct sip_core c;
	char mem[SIP_DATAGRAM_MAX + SIP_PAD];
};

static bool read_text(struct text *t, struct str data)
{
	memcpy(t->mem, data.p, data.n);
	memset(t->mem + data.n, 'x', SIP_PAD);
	return !sip_msg_parse(&t->m, t->mem, data.n) && !sip_msg_core(&t->m, &t->c);
}

static struct forked *find(const struct game *g, const struct text *t)
{
	struct forked *f = g->forks;

	while (f && !str_eq(f->branch, t->c.via.branch))
		f = f->next;
	return f;
}

static struct forked *keep(struct game *g, const struct text *t)
{
	struct forked *f = find(g, t);
	struct arena *a = g->w->arena;

	if (f)
		return f;
	f = arena_alloc(a, sizeof(*f));
	f->branch = arena_str(a, t->c.via.branch);
	f->ruri = arena_str(a, t->m.ruri);
	f->via = arena_str(a, sip_value(&t->m, SIP_HDR_VIA));
	f->from = arena_str(a, sip_value(&t->m, SIP_HDR_FROM));
	f->to = arena_str(a, sip_value(&t->m, SIP_HDR_TO));
	f->call_id = arena_str(a, t->c.call_id);
	f->cseq = t->c.cseq.num;
	f->next = g->forks;
	g->forks = f;
	return f;
}

static void say(struct game *g, const struct forked *f, struct phone *to, const char *method,
		struct str to_value)
{
	char mem[2048];
	struct buf b;

	buf_init(&b, mem, sizeof(mem) - 1);
	buf_fmt(&b, "%s %.*s SIP/2.0\r\nVia: %.*s\r\nMax-Forwards: 69\r\nFrom: %.*s\r\n", method,
		STR_FMT(f->ruri), STR_FMT(f->via), STR_FMT(f->from));
	buf_fmt(&b, "To: %.*s\r\nCall-ID: %.*s\r\nCSeq: %u %s\r\nContent-Length: 0\r\n\r\n",
		STR_FMT(to_value), STR_FMT(f->call_id), f->cseq, method);
	net_carry(g, NULL, to, buf_str(&b));
}

bool fork_request(struct game *g, struct phone *to, struct str data)
{
	struct text t;
	bool begins;

	if (!g->terms.forks || to != &g->phone[0] || !read_text(&t, data) || t.m.status)
		return false;
	begins = t.m.method == SIP_INVITE && !t.c.to.tag.n;
	if (!begins && !find(g, &t))
		return false;
	if (begins)
		keep(g, &t);
	for (unsigned i = 0; i < BRANCHES; i++)
		net_carry(g, NULL, &g->phone[i], data);
	return true;
}

static void cancel_others(struct game *g, struct forked *f, unsigned but)
{
	if (f->answered || dice_percent(&g->dice, 30))
		return;
	for (unsigned i = 0; i < BRANCHES; i++) {
		if (i != but && !f->failed[i])
			say(g, f, &g->phone[i], "CANCEL", f->to);
	}
}

bool fork_response(struct game *g, struct phone *from, struct str data)
{
	unsigned who = (unsigned)(from - g->phone), failed = 0;
	struct forked *f;
	struct text t;

	if (!g->terms.forks || who >= BRANCHES || !read_text(&t, data) || t.m.status < 200 ||
	    t.m.method != SIP_INVITE || !(f = find(g, &t)))
		return false;
	if (t.m.status < 300) {
		cancel_others(g, f, who);
		f->answered = true;
		return false;
	}
	for (unsigned i = 0; i < BRANCHES; i++)
		failed += f->failed[i];
	if (!f->answered && (f->passed || failed + !f->failed[who] == BRANCHES)) {
		f->passed = f->failed[who] = true;
		return false;
	}
	f->failed[who] = true;
	say(g, f, from, "ACK", sip_value(&t.m, SIP_HDR_TO));
	return true;
}
