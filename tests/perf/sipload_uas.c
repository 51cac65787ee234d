/* SPDX-License-Identifier: Apache-2.0 */
/* The called ones. Only an INVITE whose ACK is still to come is remembered, found by its Call-ID; all other
 * requests are answered as they come, so that any number of calls costs nothing. */
#include <stdio.h>
#include <stdlib.h>
#include "sipload.h"

#define SLOTS 65536 /* a power of two; chains where it is too few */

enum state {
	RINGING,
	ANSWERED
};

struct pending {
	struct pending *next;
	uint64_t hash;
	struct sockaddr_in to;
	uint32_t index, stamp, cseq;
	uint8_t state, tries;
	bool used;
	size_t len;
	char *text; /* the 200, and 487 behind it where it is ringing */
	size_t len_487;
};

struct uas {
	const struct options *o;
	struct net *net;
	struct timers *timers;
	struct report report;
	struct pending **all; /* by index */
	uint32_t n_all, n_used, *free, n_free;
	struct pending *slot[SLOTS];
	uint32_t serial, up;
	uint64_t key;
	char contact[64];
};

/* ---- what is pending ---- */

static uint64_t hash_of(const struct uas *u, struct text t)
{
	uint64_t h = u->key;

	for (size_t i = 0; i < t.n; i++)
		h = (h ^ (uint8_t)t.p[i]) * 0x100000001b3ull;
	return h ^ h >> 29;
}

static struct pending **find(struct uas *u, uint64_t hash)
{
	struct pending **p = &u->slot[hash % SLOTS];

	while (*p && (*p)->hash != hash)
		p = &(*p)->next;
	return p;
}

static struct pending *add(struct uas *u, uint64_t hash)
{
	struct pending *p;
	uint32_t index;

	if (u->n_free) {
		index = u->free[--u->n_free];
	} else {
		if (u->n_used == u->n_all) {
			u->n_all = u->n_all ? 2 * u->n_all : 1024;
			u->all = realloc(u->all, u->n_all * sizeof(struct pending *));
			u->free = realloc(u->free, u->n_all * sizeof(*u->free));
		}
		index = u->n_used++;
		p = u->all && u->free ? calloc(1, sizeof(*p)) : NULL;
		if (!p)
			die("memory");
		p->index = index;
		u->all[index] = p;
	}
	p = u->all[index];
	p->hash = hash;
	p->used = true;
	p->tries = 0;
	p->stamp++;
	p->next = u->slot[hash % SLOTS];
	u->slot[hash % SLOTS] = p;
	return p;
}

static void drop(struct uas *u, struct pending *p)
{
	struct pending **at = find(u, p->hash);

	if (*at)
		*at = p->next;
	free(p->text);
	p->text = NULL;
	p->used = false;
	p->stamp++;
	u->free[u->n_free++] = p->index;
}

/* ---- answers ---- */

static void say(struct uas *u, const struct message *m, const struct sockaddr_in *to,
		unsigned status, const char *tag)
{
	char *out = net_room(u->net);
	size_t n = put_response(out, m, status, tag, u->contact, NULL);

	if (n)
		net_commit(u->net, to, n);
}

static void say_again(struct uas *u, const struct pending *p, const char *text, size_t len)
{
	char *out = net_room(u->net);

	memcpy(out, text, len);
	net_commit(u->net, &p->to, len);
}

static void send_200(struct uas *u, struct pending *p)
{
	p->state = ANSWERED;
	say_again(u, p, p->text, p->len);
	timers_add(u->timers, T1, p->index, p->stamp);
}

/* 13.3.1.4: again until its ACK, at most for 64*T1. */
static void on_timer(void *arg, uint32_t index, uint32_t stamp)
{
	struct uas *u = arg;
	struct pending *p = u->all[index];
	uint64_t us = T1 << (p->tries + 1);

	if (!p->used || p->stamp != stamp)
		return;
	if (p->state == RINGING) {
		send_200(u, p);
	} else if (p->tries == 10) {
		u->report.now.timed_out++;
		drop(u, p);
	} else {
		p->tries++;
		u->report.now.retransmitted++;
		say_again(u, p, p->text, p->len);
		timers_add(u->timers, us < T2 ? us : T2, index, stamp);
	}
}

static void on_invite(struct uas *u, const struct message *m, const struct sockaddr_in *from)
{
	uint64_t hash = hash_of(u, m->call_id);
	struct pending *p = *find(u, hash);
	char sdp[512], tag[24], mem[2 * TEXT_MAX];

	if (p && p->cseq == m->cseq) { /* it came again */
		if (p->state == ANSWERED)
			say_again(u, p, p->text, p->len);
		return;
	}
	if (p)
		drop(u, p);
	snprintf(tag, sizeof(tag), "u%016lx", hash);
	put_sdp(sdp, sizeof(sdp), u->o->local_ip, 20000 + u->serial++ % 20000 * 2, m->cseq, false);
	p = add(u, hash);
	p->cseq = m->cseq;
	p->to = *from;
	p->len = put_response(mem, m, 200, tag, u->contact, sdp);
	p->len_487 = put_response(mem + p->len, m, 487, tag, u->contact, NULL);
	p->text = malloc(p->len + p->len_487);
	if (!p->text)
		die("memory");
	memcpy(p->text, mem, p->len + p->len_487);
	if (m->to_tag) {
		send_200(u, p);
		return;
	}
	u->report.now.offered++;
	u->up++;
	p->state = RINGING;
	say(u, m, from, 180, tag);
	if (u->o->ring_us)
		timers_add(u->timers, u->o->ring_us, p->index, p->stamp);
	else
		send_200(u, p);
}

static void on_ack(struct uas *u, const struct message *m)
{
	struct pending *p = *find(u, hash_of(u, m->call_id));

	if (!p || p->cseq != m->cseq)
		return;
	u->report.now.answered++;
	drop(u, p);
}

static void on_cancel(struct uas *u, const struct message *m, const struct sockaddr_in *from)
{
	struct pending *p = *find(u, hash_of(u, m->call_id));

	say(u, m, from, p ? 200 : 481, "cancel");
	if (!p || p->state != RINGING)
		return;
	u->report.now.abandoned++;
	u->up--;
	p->state = ANSWERED; /* until its ACK, if there is one */
	say_again(u, p, p->text + p->len, p->len_487);
	memmove(p->text, p->text + p->len, p->len_487);
	p->len = p->len_487;
	p->stamp++;
	timers_add(u->timers, T1, p->index, p->stamp);
}

static void on_message(void *arg, const struct sockaddr_in *from, char *text, size_t len)
{
	struct uas *u = arg;
	struct message m;

	u->report.now.received++;
	if (!message_read(&m, text, len) || m.status)
		return;
	u->report.now.requests++;
	if (text_is(m.method, "INVITE")) {
		on_invite(u, &m, from);
	} else if (text_is(m.method, "ACK")) {
		on_ack(u, &m);
	} else if (text_is(m.method, "CANCEL")) {
		on_cancel(u, &m, from);
	} else {
		if (text_is(m.method, "BYE")) {
			u->report.now.dialog_ok++;
			u->up -= u->up > 0;
		}
		say(u, &m, from, 200, "other");
	}
}

int uas_main(const struct options *o, volatile int *stop)
{
	struct uas *u = calloc(1, sizeof(*u));
	uint64_t start = now_us();

	if (!u)
		die("memory");
	u->o = o;
	u->key = random_u64();
	u->net = net_new(&o->local);
	u->timers = timers_new(on_timer, u);
	snprintf(u->contact, sizeof(u->contact), "sip:load@%s:%u", o->local_ip,
		 ntohs(o->local.sin_port));
	report_start(&u->report);
	while (!*stop) {
		net_receive(u->net, on_message, u);
		timers_run(u->timers, now_us());
		report_tick(&u->report, now_us(), u->up);
		net_flush(u->net);
		net_wait(u->net, 1000);
	}
	report_end(&u->report, (double)(now_us() - start) / 1e6, u->up, net_lost(u->net));
	for (uint32_t i = 0; i < u->n_used; i++) {
		free(u->all[i]->text);
		free(u->all[i]);
	}
	free(u->all);
	free(u->free);
	timers_free(u->timers);
	net_free(u->net);
	free(u);
	return 0;
}
