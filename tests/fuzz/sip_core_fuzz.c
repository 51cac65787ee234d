/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions and dialogs driven by a script of octets on the virtual clock: what a peer sends,
 * what our user does, how time goes by. Whatever happens, what the core sends can be read, no event
 * comes after the last one, each request of ours comes to one end, and once everything has been ended and
 * 400 s have gone nothing is left. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "sip/invite_priv.h"

#define INVITES  8
#define REQUESTS 8
#define SUBS     4
#define SENT     16

struct text {
	size_t len;
	char mem[4096];
};

struct fuzz {
	struct loop *loop;
	struct sip *sip;
	struct addr far;
	const uint8_t *p, *end;
	struct invite *inv[INVITES];
	struct sip_request *req[REQUESTS];
	struct subscription *sub[SUBS];
	unsigned exchanges; /* that have not ended */
	bool sending;
	struct text sent[SENT]; /* the last ones, round */
	unsigned n_sent;
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static uint8_t next(struct fuzz *f)
{
	return f->p < f->end ? *f->p++ : 0;
}

/* ---- what the core asks of its user ---- */

static int on_send(void *arg, const struct sip_hop *to, struct str data)
{
	struct fuzz *f = arg;
	struct text *t = &f->sent[f->n_sent++ % SENT];
	char *mem = calloc(1, data.n + SIP_PAD);
	struct sip_core c;
	struct sip_msg m;

	must(mem && data.n <= SIP_DATAGRAM_MAX, "a datagram too large");
	memcpy(mem, data.p, data.n);
	must(sip_msg_parse(&m, mem, data.n) == 0, "sent what cannot be parsed");
	/* What a response copies of a broken request is as broken as that. */
	must(m.status >= 400 || sip_msg_core(&m, &c) == 0, "sent what lacks a field");
	free(mem);
	t->len = data.n < sizeof(t->mem) ? data.n : 0;
	memcpy(t->mem, data.p, t->len);
	return 0;
}

static int on_peer_of(void *arg, const struct sip_hop *hop)
{
	return 0;
}

static const struct invite_terms terms = { .rel = INVITE_REL_SUPPORT, .session_expires_s = 200 };

static void *on_invite(void *arg, struct invite *inv, const struct sip_msg *m,
		       const struct sip_core *core, const struct sip_hop *source)
{
	struct fuzz *f = arg;

	invite_set_terms(inv, &terms);
	for (unsigned i = 0; i < INVITES; i++)
		if (!f->inv[i]) {
			f->inv[i] = inv;
			return f;
		}
	invite_end(inv, 486, STR_NONE);
	return NULL;
}

static void keep_request(struct fuzz *f, struct sip_request *r);

static void on_event(void *arg, struct invite *inv, const struct invite_event *e)
{
	struct fuzz *f = arg;
	bool over = e->type == INVITE_FAIL || e->type == INVITE_CANCEL || e->type == INVITE_BYE ||
		    e->type == INVITE_LOST;
	unsigned i = 0;

	must(!e->request == (e->type != INVITE_REQUEST && e->type != INVITE_UPDATE &&
			     e->type != INVITE_PRACK),
	     "a request without its event");
	if (e->request)
		keep_request(f, e->request);
	/* Some are acknowledged at once, some later. */
	if (e->reliable && e->core->cseq.num & 1)
		must(invite_prack(inv, e->fork, STR_NONE, STR_NONE) != -EINVAL, "no PRACK is owed");

	while (i < INVITES && f->inv[i] != inv)
		i++;
	must(i < INVITES, "an event of an invite that is over");
	must(invite_call_id(inv).n > 0, "no Call-ID");
	if (over)
		f->inv[i] = NULL;
}

static void on_done(void *arg, const struct exchange_event *e)
{
	struct fuzz *f = arg;

	must(!f->sending, "an end from inside");
	must(f->exchanges-- > 0, "an end too many");
	must(e->status >= 200 && e->status < 700, "no final status");
	must(e->msg || e->status == 408 || e->status == 503, "no message");
}

static struct subscription **free_sub(struct fuzz *f)
{
	unsigned i = 0;

	while (i < SUBS && f->sub[i])
		i++;
	return i < SUBS ? &f->sub[i] : NULL;
}

static void keep_request(struct fuzz *f, struct sip_request *r)
{
	struct invite_reply busy = { .status = 486 };

	for (unsigned i = 0; i < REQUESTS; i++)
		if (!f->req[i]) {
			f->req[i] = r;
			return;
		}
	sip_request_reply(r, &busy);
}

static void on_request(void *arg, struct sip_request *r, const struct sip_msg *m,
		       const struct sip_core *core, const struct sip_hop *source)
{
	struct fuzz *f = arg;
	struct subscription **slot = free_sub(f);

	if (slot && (m->method == SIP_SUBSCRIBE || m->method == SIP_REFER))
		*slot = subscription_accept(r, m, core, source);
	if (slot && *slot)
		subscription_set_arg(*slot, f);
	keep_request(f, r);
}

static void on_subscription(void *arg, struct subscription *sub, const struct subscription_event *e)
{
	struct fuzz *f = arg;
	unsigned i = 0;

	while (i < SUBS && f->sub[i] != sub)
		i++;
	must(i < SUBS, "an event of a subscription that is over");
	keep_request(f, e->request);
	if (e->core->cseq.num & 1)
		return;
	subscription_end(sub);
	f->sub[i] = NULL;
}

/* ---- what the peer does ---- */

static void deliver(struct fuzz *f, const char *text, size_t n)
{
	char *mem = malloc(n + SIP_PAD);

	must(mem != NULL, "no memory");
	memcpy(mem, text, n);
	memset(mem + n, 0xa5, SIP_PAD);
	sip_receive(f->sip, &(struct sip_hop){ .addr = f->far }, mem, n);
	free(mem);
}

static void field(const struct text *t, const char *name, char out[512])
{
	struct str rest = { t->mem, t->len }, line;
	size_t n = strlen(name);

	out[0] = '\0';
	while (str_line(&rest, &line) && line.n)
		if (line.n > n + 2 && memcmp(line.p, name, n) == 0 && line.p[n] == ':') {
			snprintf(out, 512, "%.*s", (int)(line.n - n - 2), line.p + n + 2);
			return;
		}
}

static const struct text *pick(struct fuzz *f)
{
	return &f->sent[next(f) % SENT];
}

static void response(struct fuzz *f)
{
	static const unsigned status[] = { 100, 180, 183, 200, 202, 302, 404, 408,
					   481, 486, 487, 491, 500, 503, 603, 199 };
	static const char *const lines[] = {
		"Contact: <sip:b@192.0.2.99>\r\n", "", "Record-Route: <sip:p;lr>, <sip:q>\r\n",
		"Contact: <sip:b@192.0.2.9:1>\r\nRecord-Route: <sip:q>\r\n"
	};
	static const char *const rel[] = { "", "Require: 100rel\r\nRSeq: 1\r\n",
					   "Require: 100rel\r\nRSeq: 2\r\n",
					   "Require: 100rel\r\nRSeq: 3\r\n" };
	char via[512], from[512], to[512], id[512], cseq[512], text[4096];
	const struct text *t = pick(f);
	uint8_t how = next(f), seq = status[how & 15] < 200 ? next(f) : 0;
	int n;

	field(t, "Via", via);
	field(t, "From", from);
	field(t, "To", to);
	field(t, "Call-ID", id);
	field(t, "CSeq", cseq);
	n = snprintf(
		text, sizeof(text),
		"SIP/2.0 %u X\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%.1s\r\nCall-ID: %s\r\nCSeq: %s\r\n"
		"%s%sContent-Length: 0\r\n\r\n",
		status[how & 15], via, from, to, strstr(to, ";tag=") ? "" : ";tag=",
		strstr(to, ";tag=") ? "" : &"abcd"[how >> 4 & 3], id, cseq, lines[how >> 6],
		rel[seq & 3]);
	deliver(f, text, (size_t)n);
}

static const char *const methods[] = { "INVITE",    "ACK",    "BYE",    "CANCEL",
				       "OPTIONS",   "INFO",   "UPDATE", "BREW",
				       "SUBSCRIBE", "NOTIFY", "REFER",  "MESSAGE",
				       "PUBLISH",   "PRACK",  "NOTIFY", "SUBSCRIBE" };

/* Outside dialogs, or with what a response or a request of ours has said. */
static void request(struct fuzz *f, bool inside)
{
	char to[512] = "<sip:us@192.0.2.1>", from[528] = "<sip:far@x>;tag=far", id[512] = "c";
	char text[4096], rseq[512] = "1", cseq[512] = "1";
	const struct text *t = pick(f);
	uint8_t how = next(f), seq = next(f), branch = next(f);
	const char *method = methods[(how & 7) | (seq >> 4 & 8)];
	bool response = t->len > 4 && memcmp(t->mem, "SIP/", 4) == 0;
	int n;

	if (inside) {
		field(t, "To", response ? to : from);
		field(t, "From", response ? from : to);
		field(t, "Call-ID", id);
		field(t, "RSeq", rseq);
		field(t, "CSeq", cseq);
		if (!strstr(from, ";tag=")) /* a fork that was not heard of before */
			snprintf(from + strlen(from), 16, ";tag=%.1s", &"abcd"[how >> 6]);
	} else {
		snprintf(id, sizeof(id), "c%u", how >> 6);
	}
	n = snprintf(
		text, sizeof(text),
		"%s sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.99%s;branch=z9hG4bK%u\r\n"
		"From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nMax-Forwards: %u\r\n"
		"%s%s%sRAck: %s %.*s INVITE\r\nContent-Length: 0\r\n\r\n",
		method, how & 8 ? ";rport" : "", branch & 15, from, to, id, seq, method,
		seq == 77 ? 0 : 70,
		how & 16 ? "Contact: <sip:far@192.0.2.99>\r\n" : "Contact: <sip:x@y>\r\n",
		how & 32 ? "Record-Route: <sip:r;lr>\r\n" : "",
		branch & 16 ? "Supported: 100rel, timer\r\n" : "", *rseq ? rseq : "1",
		(int)strspn(cseq, "0123456789"), cseq);
	deliver(f, text, (size_t)n);
}

/* What it has had from us, or a piece of the script, with some octets changed. */
static void garbage(struct fuzz *f)
{
	const struct text *t = pick(f);
	char mem[4096];
	size_t n = t->len;

	memcpy(mem, t->mem, n);
	for (unsigned i = next(f) & 7; i && n; i--) {
		size_t at = (size_t)(next(f) | next(f) << 8) % n;

		mem[at] = (char)next(f);
	}
	deliver(f, mem, n);
}

/* ---- what our user does ---- */

static void user(struct fuzz *f)
{
	struct invite_reply r = { .status = 0, .body = STR("b"), .body_type = STR("t/t") };
	struct invite **slot = &f->inv[next(f) % INVITES], *inv = *slot;
	uint8_t how = next(f);
	unsigned status = 101 + how * 599u / 256;
	bool ringing;

	if (!inv)
		return;
	switch (how & 7) {
	case 0:
		*slot = NULL;
		invite_end(inv, status, how & 8 ? STR("Reason: x\r\n") : STR_NONE);
		break;
	case 1:
		r.status = how & 8 ? 200 : status;
		ringing = strcmp(invite_state_name(inv), "PROCEEDING") == 0;
		if (invite_reply(inv, &r) == 0 && r.status >= 300 && ringing)
			*slot = NULL;
		break;
	case 2:
		invite_ack(inv, STR_NONE, STR_NONE);
		break;
	case 4:
		invite_prack(inv, how >> 3 & 3, STR_NONE, STR_NONE);
		break;
	case 5:
		r.status = how & 8 ? 200 : 183;
		r.reliable = true;
		r.body = how & 16 ? r.body : STR_NONE;
		invite_reply(inv, &r);
		break;
	case 6:
		invite_update(inv, how >> 3 & 3, STR_NONE, STR_NONE, STR_NONE);
		break;
	default:
		invite_reinvite(inv, STR_NONE, STR("o"), STR("t/t"));
	}
}

static void call(struct fuzz *f)
{
	struct sip_hop to = { .addr = f->far };
	struct invite_params p = { .targets = { &to, 1 },
				   .max_forwards = 70,
				   .ruri = STR("sip:b@192.0.2.99"),
				   .from = STR("<sip:a@192.0.2.1>"),
				   .to = STR("<sip:b@192.0.2.99>"),
				   .ring_ms = 1 + 700u * next(f),
				   .terms = terms,
				   .arg = f };
	unsigned i = 0;

	while (i < INVITES && f->inv[i])
		i++;
	if (i < INVITES)
		f->inv[i] = invite_send(f->sip, &p);
}

/* Outside, in a call, or in a subscription, which it may begin. */
static void ask(struct fuzz *f)
{
	struct sip_hop to[2] = { { .addr = f->far }, { .addr = f->far, .transport = SIP_TCP } };
	uint8_t how = next(f), which = next(f);
	struct exchange_params p = { .targets = { to, 1 + (how >> 3 & 1), 500 },
				     .method = which & 64 ? STR("INFO")
							  : str_of(methods[8 + (how & 7)]),
				     .ruri = STR("sip:b@192.0.2.99"),
				     .from = STR("<sip:a@192.0.2.1>"),
				     .to = STR("<sip:b@192.0.2.99>"),
				     .body = STR("b"),
				     .body_type = STR("t/t"),
				     .max_forwards = 70,
				     .fn = on_done,
				     .arg = f };
	struct invite *inv = f->inv[which % INVITES];
	struct subscription *sub = f->sub[which % SUBS], **slot = free_sub(f);
	bool sent;

	f->sending = true;
	if (how & 16 && inv) {
		sent = invite_request(inv, &p) != NULL;
	} else if (how & 32 && sub) {
		sent = subscription_request(sub, &p) != NULL;
	} else if (how & 64 && slot) {
		*slot = subscription_send(f->sip, &p);
		sent = *slot != NULL;
		if (sent)
			subscription_set_arg(*slot, f);
	} else {
		sent = sip_send(f->sip, &p) != NULL;
	}
	f->sending = false;
	f->exchanges += sent;
}

static void forget(struct fuzz *f)
{
	uint8_t which = next(f);
	struct subscription **sub = &f->sub[which % SUBS];
	struct sip_request **req = &f->req[which % REQUESTS];

	if (which & 128 && *sub) {
		subscription_end(*sub);
		*sub = NULL;
	} else if (*req) {
		sip_request_drop(*req);
		*req = NULL;
	}
}

static void answer_request(struct fuzz *f)
{
	unsigned i = next(f) % REQUESTS;
	struct invite_reply r = { .status = next(f) & 1 ? 200 : 404 };

	if (f->req[i])
		sip_request_reply(f->req[i], &r);
	f->req[i] = NULL;
}

static void step(struct fuzz *f)
{
	uint8_t op = next(f);

	switch (op & 7) {
	case 0:
		call(f);
		break;
	case 1:
		response(f);
		break;
	case 2:
		request(f, false);
		break;
	case 3:
		request(f, true);
		break;
	case 4:
		loop_advance(f->loop, (uint64_t)(op >> 3) * (op >> 3) * 40 + 1);
		break;
	case 5:
		user(f);
		break;
	case 6:
		garbage(f);
		break;
	default:
		if (op & 8)
			ask(f);
		else if (op & 16)
			forget(f);
		else
			answer_request(f);
	}
}

static void finish(struct fuzz *f)
{
	for (unsigned i = 0; i < INVITES; i++)
		if (f->inv[i])
			invite_end(f->inv[i], 0, STR_NONE);
	memset(f->inv, 0, sizeof(f->inv));
	for (unsigned i = 0; i < REQUESTS; i++)
		if (f->req[i])
			sip_request_reply(f->req[i], &(struct invite_reply){ .status = 500 });
	for (unsigned i = 0; i < SUBS; i++)
		if (f->sub[i])
			subscription_end(f->sub[i]);
	memset(f->req, 0, sizeof(f->req));
	memset(f->sub, 0, sizeof(f->sub));
	loop_advance(f->loop, 400000);
	must(f->exchanges == 0, "a request without an end");
	must(f->sip->dialogs.count == 0, "a dialog was left");
	must(f->sip->transactions == 0, "a transaction was left");
	must(f->sip->servers.count + f->sip->clients.count + f->sip->merges.count == 0,
	     "a table is not empty");
	must(loop_next(f->loop) == UINT64_MAX, "a timer was left");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_network net = { "n", { .ip = { 192, 0, 2, 1 }, .port = 5060, .family = 4 } };
	struct fuzz *f = calloc(1, sizeof(*f));
	struct sip_options o = { .io = { on_send, f },
				 .user = { .peer_of = on_peer_of,
					   .invite = on_invite,
					   .event = on_event,
					   .request = on_request,
					   .subscription = on_subscription,
					   .arg = f },
				 .networks = &net,
				 .n_networks = 1,
				 .n_shards = 1,
				 .max_transactions = 40 };

	if (size > 1024)
		size = 1024;
	f->p = data;
	f->end = data + size;
	f->far = (struct addr){ .ip = { 192, 0, 2, 99 }, .port = 5060, .family = 4 };
	f->loop = o.loop = loop_new_virtual(1);
	f->sip = sip_new(&o);
	must(f->sip != NULL, "no core");
	while (f->p < f->end)
		step(f);
	/* Half of the scripts end in the middle of everything. */
	if (size == 0 || !(data[size - 1] & 1))
		finish(f);
	sip_free(f->sip);
	loop_free(f->loop);
	free(f);
	return 0;
}
