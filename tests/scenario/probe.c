/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "probe.h"

#define SETTLE_MS 100    /* less than T1: nothing comes twice */
#define FORGET_MS 150000 /* both calls time out, and so do their transactions */

static const char good_invite[] = "INVITE sip:0301234@10.0.0.1 SIP/2.0\r\n"
				  "Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bKgood\r\n"
				  "Max-Forwards: 70\r\n"
				  "From: <sip:+4930100@10.0.0.20>;tag=good\r\n"
				  "To: <sip:0301234@10.0.0.1>\r\n"
				  "Call-ID: good@10.0.0.20\r\n"
				  "CSeq: 1 INVITE\r\n"
				  "Contact: <sip:+4930100@10.0.0.20>\r\n"
				  "Content-Length: 0\r\n\r\n";

static void read_rx(struct world *w, struct rx *r)
{
	char *copy = arena_alloc(w->arena, r->raw.n + SIP_PAD);
	int err;

	memcpy(copy, r->raw.p, r->raw.n);
	err = sip_msg_parse(&r->m, copy, r->raw.n);
	if (err)
		world_fail(w, "%s in what was sent:\n%.*s", sip_error_text(err), STR_FMT(r->raw));
}

static void forget(struct actor *a)
{
	a->inbox = NULL;
	a->inbox_end = &a->inbox;
}

static void forget_all(struct world *w)
{
	for (struct actor *a = w->actors; a; a = a->next)
		forget(a);
}

static void take_replies(struct world *w, struct actor *pbx, struct probe *p)
{
	for (struct rx *r = pbx->inbox; r; r = r->next) {
		read_rx(w, r);
		if (!r->m.status)
			world_fail(w, "a request went back:\n%.*s", STR_FMT(r->raw));
		if (r->m.status == 100 && r == pbx->inbox) {
			p->trying = true;
			continue;
		}
		if (p->n_status == sizeof(p->status) / sizeof(p->status[0]))
			world_fail(w, "too many replies");
		p->status[p->n_status++] = r->m.status;
		p->reply = r;
	}
}

/* The other leg takes whatever is no call. */
static void accept_others(struct world *w, struct actor *carrier)
{
	for (struct rx *r = carrier->inbox; r; r = r->next) {
		read_rx(w, r);
		if (r->m.method == SIP_INVITE || r->m.status)
			continue;
		world_send(w, carrier,
			   world_fmt(w,
				     "SIP/2.0 200 OK\r\nVia: %.*s\r\nFrom: %.*s\r\n"
				     "To: %.*s;tag=taken\r\nCall-ID: %.*s\r\nCSeq: %.*s\r\n"
				     "Content-Length: 0\r\n\r\n",
				     STR_FMT(sip_value(&r->m, SIP_HDR_VIA)),
				     STR_FMT(sip_value(&r->m, SIP_HDR_FROM)),
				     STR_FMT(sip_value(&r->m, SIP_HDR_TO)),
				     STR_FMT(sip_value(&r->m, SIP_HDR_CALL_ID)),
				     STR_FMT(sip_value(&r->m, SIP_HDR_CSEQ))));
	}
}

static void take_requests(struct world *w, struct actor *carrier, struct probe *p)
{
	for (struct rx *r = carrier->inbox; r; r = r->next) {
		read_rx(w, r);
		if (r->m.method != SIP_INVITE)
			continue;
		if (p->called)
			world_fail(w, "the other leg got:\n%.*s", STR_FMT(r->raw));
		p->called = true;
		p->invite = r;
	}
}

static void ask_again(struct world *w, struct actor *pbx)
{
	world_send(w, pbx, STR(good_invite));
	if (!pbx->inbox)
		world_fail(w, "a good INVITE behind it is not answered at once");
	read_rx(w, pbx->inbox);
	if (pbx->inbox->m.status != 100)
		world_fail(w, "a good INVITE behind it is answered:\n%.*s",
			   STR_FMT(pbx->inbox->raw));
	loop_advance(w->loop, SETTLE_MS);
	if (!actor_find(w, "carrier")->inbox)
		world_fail(w, "a good INVITE behind it is not passed on");
}

static void play(struct world *w, struct str datagram,
		 void (*check)(struct world *w, const struct probe *p, const void *row),
		 const void *row)
{
	struct actor *pbx = actor_find(w, "pbx"), *carrier = actor_find(w, "carrier");
	struct probe p = { 0 };

	world_send(w, pbx, datagram);
	loop_advance(w->loop, SETTLE_MS);
	accept_others(w, carrier);
	take_replies(w, pbx, &p);
	take_requests(w, carrier, &p);
	if (w->strays)
		world_fail(w, "%u datagrams went to strangers", w->strays);
	check(w, &p, row);
	forget_all(w);
	ask_again(w, pbx);
	loop_advance(w->loop, FORGET_MS);
	forget_all(w);
	world_end(w);
}

static void comment(const char *text)
{
	struct str rest = str_of(text), line;

	while (str_line(&rest, &line))
		printf("#   %.*s\n", STR_FMT(line));
}

bool probe_play(const char *name, struct str datagram,
		void (*check)(struct world *w, const struct probe *p, const void *row),
		const void *row)
{
	struct script script = { .file = name, .title = name };
	struct world *volatile w = world_new(&script, NULL, false);
	volatile bool ok = false;

	if (!w)
		return false;
	if (!setjmp(w->failed)) {
		play(w, datagram, check, row);
		ok = true;
	} else {
		comment(w->why);
	}
	world_free(w);
	return ok;
}

bool probe_any(const char *list, unsigned status)
{
	struct str rest = str_of(list), item;
	uint32_t n;

	while (str_token(&rest, ' ', &item)) {
		if (!str_u32(item, 699, &n) && n == status)
			return true;
	}
	return false;
}

struct str probe_header(const struct rx *r, const char *name)
{
	for (unsigned i = 0; r && i < r->m.n_hdr; i++) {
		if (str_caseeq(sip_hdr_name(&r->m, &r->m.hdr[i]), str_of(name)))
			return sip_hdr_value(&r->m, &r->m.hdr[i]);
	}
	return STR_NONE;
}
