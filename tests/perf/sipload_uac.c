/* SPDX-License-Identifier: Apache-2.0 */
/* The callers: INVITE, ACK, re-INVITE for hold where wanted, BYE, with the timers of RFC 3261 17.1. A call is
 * found by the index in its Call-ID; what must be sent again is written again. */
#include <stdio.h>
#include <stdlib.h>
#include "sipload.h"

#define TAG_MAX    64
#define TARGET_MAX 160
#define RINGING    (64 * SEC)
#define LATE_MAX   20 /* ms of calls that are caught up with */
#define NOBODY     UINT32_MAX

enum state {
	FREE,
	CALLING,
	PROCEEDING,
	CANCELLING, /* CANCEL is out, its INVITE waits for 487 */
	UP,
	HOLDING, /* re-INVITE is out */
	LEAVING  /* BYE is out */
};

/* What a timer is for, in the upper bits of its stamp. */
enum kind {
	KIND_STATE,  /* the lower bits: call.stamp */
	KIND_ABANDON /* call.serial */
};

#define KIND_SHIFT 30
#define LOWER      ((1u << KIND_SHIFT) - 1)

struct call {
	uint32_t serial, stamp, next_free;
	uint8_t state, tries;
	bool held;
	uint32_t cseq;
	uint64_t started;
	char to_tag[TAG_MAX], target[TARGET_MAX];
};

struct oc {
	unsigned loss; /* per cent */
	uint64_t until;
	double seq;
	uint64_t calls, others; /* of this second: RFC 7339 7.2 */
	double share;           /* per cent that calls are of all requests */
	uint64_t next;
};

struct uac {
	const struct options *o;
	struct net *net;
	struct timers *timers;
	struct report report;
	struct call *calls;
	uint32_t n_calls, free, busy, up;
	uint32_t next_serial;
	uint32_t run; /* tells our Call-IDs from those of another run */
	struct oc oc;
	uint64_t offered_us;
};

/* ---- what is sent ---- */

/* A request up to its last own header field. */
static size_t put_head(struct uac *u, char *out, uint32_t index, const char *method, uint32_t cseq,
		       const char *to_tag)
{
	const struct call *c = &u->calls[index];
	const struct options *o = u->o;
	bool dialog = to_tag && *c->target && strcmp(method, "CANCEL") != 0;
	char ruri[TARGET_MAX];

	snprintf(ruri, sizeof(ruri), "sip:%s%07u@%s", o->number, c->serial % 10000000,
		 o->remote_ip);
	return (size_t)snprintf(
		out, TEXT_MAX,
		"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%u;branch=z9hG4bK%08x%08x%u%s%s\r\n"
		"Max-Forwards: 70\r\nFrom: <sip:+4989%07u@%s>;tag=f%08x%08x\r\nTo: "
		"<sip:%s%07u@%s>%s%s\r\n"
		"Call-ID: %08x-%08x-%08x@%s\r\nCSeq: %u %s\r\nContact: <sip:load@%s:%u>\r\n",
		method, dialog ? c->target : ruri, o->local_ip, ntohs(o->local.sin_port), u->run,
		c->serial, cseq, dialog && *method == 'A' ? "a" : "",
		o->oc ? ";oc;oc-algo=\"loss\"" : "", c->serial % 10000000, o->local_ip, u->run,
		c->serial, o->number, c->serial % 10000000, o->remote_ip, to_tag ? ";tag=" : "",
		to_tag ? to_tag : "", index, c->serial, u->run, o->local_ip, cseq, method,
		o->local_ip, ntohs(o->local.sin_port));
}

static void finish(struct uac *u, char *out, size_t n, const char *body)
{
	size_t len = strlen(body);

	if (n < TEXT_MAX)
		n += (size_t)snprintf(out + n, TEXT_MAX - n, "%sContent-Length: %zu\r\n\r\n%s",
				      len ? "Content-Type: application/sdp\r\n" : "", len, body);
	if (n < TEXT_MAX)
		net_commit(u->net, &u->o->remote, n);
}

static void send_simple(struct uac *u, uint32_t index, const char *method, uint32_t cseq,
			const char *to_tag)
{
	char *out = net_room(u->net);

	u->oc.others++;
	finish(u, out, put_head(u, out, index, method, cseq, to_tag), "");
}

static void send_invite(struct uac *u, uint32_t index)
{
	const struct call *c = &u->calls[index];
	char *out = net_room(u->net), sdp[512];
	bool again = c->cseq > 1;

	put_sdp(sdp, sizeof(sdp), u->o->local_ip, 20000 + c->serial % 20000 * 2, c->cseq, again);
	u->oc.others += again;
	finish(u, out, put_head(u, out, index, "INVITE", c->cseq, again ? c->to_tag : NULL), sdp);
}

static void send_state(struct uac *u, uint32_t index)
{
	const struct call *c = &u->calls[index];

	switch (c->state) {
	case CALLING:
	case HOLDING:
		send_invite(u, index);
		break;
	case CANCELLING:
		send_simple(u, index, "CANCEL", c->cseq, NULL);
		break;
	case LEAVING:
		send_simple(u, index, "BYE", c->cseq, c->to_tag);
		break;
	default:
		break;
	}
}

static void answer(struct uac *u, const struct message *m, const struct sockaddr_in *to,
		   unsigned status)
{
	char *out = net_room(u->net), contact[64];
	size_t n;

	snprintf(contact, sizeof(contact), "sip:load@%s:%u", u->o->local_ip,
		 ntohs(u->o->local.sin_port));
	n = put_response(out, m, status, "load", contact, NULL);
	if (n)
		net_commit(u->net, to, n);
}

/* ---- calls ---- */

static uint32_t new_call(struct uac *u)
{
	uint32_t index = u->free;

	if (index == NOBODY) {
		uint32_t n = u->n_calls ? 2 * u->n_calls : 1024;

		u->calls = realloc(u->calls, n * sizeof(*u->calls));
		if (!u->calls)
			die("memory");
		memset(u->calls + u->n_calls, 0, (n - u->n_calls) * sizeof(*u->calls));
		for (uint32_t i = u->n_calls; i < n; i++)
			u->calls[i].next_free = i + 1 < n ? i + 1 : NOBODY;
		index = u->n_calls;
		u->n_calls = n;
	}
	u->free = u->calls[index].next_free;
	u->busy++;
	return index;
}

static bool is_up(const struct call *c)
{
	return c->state >= UP;
}

static void free_call(struct uac *u, uint32_t index)
{
	struct call *c = &u->calls[index];

	u->up -= is_up(c);
	c->state = FREE;
	c->stamp++;
	c->next_free = u->free;
	u->free = index;
	u->busy--;
}

static void timer(struct uac *u, uint32_t index, uint64_t us)
{
	timers_add(u->timers, us, index, u->calls[index].stamp & LOWER);
}

static void enter(struct uac *u, uint32_t index, enum state state, uint64_t us)
{
	struct call *c = &u->calls[index];

	u->up += (state >= UP) - is_up(c);
	c->state = (uint8_t)state;
	c->tries = 0;
	c->stamp++;
	if (us != UINT64_MAX)
		timer(u, index, us);
}

/* Something that is repeated until it is answered. */
static void begin(struct uac *u, uint32_t index, enum state state)
{
	enter(u, index, state, T1);
	if (state == HOLDING || state == LEAVING)
		u->report.now.dialog_sent++;
	send_state(u, index);
}

static void gone(struct uac *u, uint32_t index)
{
	struct call *c = &u->calls[index];

	if (c->state == HOLDING || c->state == LEAVING)
		u->report.now.dialog_failed++;
	else
		u->report.now.timed_out++;
	free_call(u, index);
}

/* Timers A, B, E and F: the next repetition, or the end at 64*T1. */
static void repeat(struct uac *u, uint32_t index)
{
	struct call *c = &u->calls[index];
	bool invite = c->state == CALLING || c->state == HOLDING;
	unsigned last = invite ? 6 : 10;
	uint64_t us = T1 << (c->tries + 1);

	if (c->tries == last) {
		gone(u, index);
		return;
	}
	if (!invite && us > T2)
		us = T2;
	c->tries++;
	u->report.now.retransmitted++;
	send_state(u, index);
	timer(u, index, c->tries == last ? T1 : us);
}

/* The time in which nothing was to be done is over. */
static void go_on(struct uac *u, uint32_t index)
{
	struct call *c = &u->calls[index];

	c->cseq++;
	if (u->o->hold && !c->held) {
		c->held = true;
		begin(u, index, HOLDING);
	} else {
		begin(u, index, LEAVING);
	}
}

static void abandon(struct uac *u, uint32_t index)
{
	struct call *c = &u->calls[index];

	if (c->state == CALLING) { /* without a response there is nothing to cancel (9.1) */
		u->report.now.abandoned++;
		free_call(u, index);
	} else if (c->state == PROCEEDING) {
		u->report.now.abandoned++;
		begin(u, index, CANCELLING);
	}
}

static void on_timer(void *arg, uint32_t index, uint32_t stamp)
{
	struct uac *u = arg;
	struct call *c = &u->calls[index];

	if (stamp >> KIND_SHIFT == KIND_ABANDON) {
		if ((c->serial & LOWER) == (stamp & LOWER))
			abandon(u, index);
	} else if ((c->stamp & LOWER) == stamp) {
		if (c->state == UP)
			go_on(u, index);
		else if (c->state == PROCEEDING)
			gone(u, index);
		else
			repeat(u, index);
	}
}

/* ---- RFC 7339 ---- */

static void oc_read(struct uac *u, const struct message *m)
{
	struct text v = text_param(m->via[0], "oc"), validity, seq;
	double n;

	if (!v.n)
		return;
	validity = text_param(m->via[0], "oc-validity");
	seq = text_param(m->via[0], "oc-seq");
	n = seq.n ? strtod(seq.p, NULL) : 0;
	if (n <= u->oc.seq)
		return;
	u->oc.seq = n;
	u->oc.loss = (unsigned)strtoul(v.p, NULL, 10);
	u->oc.until = now_us() + (validity.n ? strtoul(validity.p, NULL, 10) : 500) * MS;
}

/* The default algorithm (7.2), with the mix of the last second. */
static bool oc_holds_back(struct uac *u, uint64_t now)
{
	struct oc *oc = &u->oc;

	if (now >= oc->next) {
		oc->share = oc->calls ? 100.0 * (double)oc->calls / (double)(oc->calls + oc->others)
				      : 80;
		oc->calls = oc->others = 0;
		oc->next = now + SEC;
	}
	oc->calls++;
	return oc->loss && now < oc->until &&
	       (double)(random_u64() % 10000) < 10000.0 * oc->loss / oc->share;
}

/* ---- what comes ---- */

static void keep_dialog(struct call *c, const struct message *m)
{
	struct text tag = text_param(m->to, "tag"), uri = text_uri(m->contact);

	snprintf(c->to_tag, sizeof(c->to_tag), "%.*s", (int)tag.n, tag.p ? tag.p : "");
	snprintf(c->target, sizeof(c->target), "%.*s", (int)uri.n, uri.p ? uri.p : "");
}

static void invite_2xx(struct uac *u, uint32_t index, const struct message *m)
{
	struct call *c = &u->calls[index];

	if (m->cseq != c->cseq || (c->state != CALLING && c->state != PROCEEDING &&
				   c->state != CANCELLING && c->state != HOLDING)) {
		if (is_up(c)) /* a repetition */
			send_simple(u, index, "ACK", m->cseq, c->to_tag);
		return;
	}
	keep_dialog(c, m);
	send_simple(u, index, "ACK", m->cseq, c->to_tag);
	if (c->state == HOLDING) {
		u->report.now.dialog_ok++;
		enter(u, index, UP, u->o->call_us == UINT64_MAX ? UINT64_MAX : u->o->call_us / 2);
		return;
	}
	u->report.now.answered++;
	report_setup(&u->report, now_us() - c->started);
	if (c->state == CANCELLING) { /* they crossed */
		c->held = true;
		enter(u, index, UP, 0);
		return;
	}
	enter(u, index, UP,
	      u->o->call_us == UINT64_MAX ? UINT64_MAX
	      : u->o->hold                ? u->o->call_us / 2
					  : u->o->call_us);
}

static void invite_failed(struct uac *u, uint32_t index, const struct message *m)
{
	struct call *c = &u->calls[index];
	char tag[TAG_MAX];
	struct text t = text_param(m->to, "tag");

	snprintf(tag, sizeof(tag), "%.*s", (int)t.n, t.p ? t.p : "");
	if (m->cseq == 1)
		*c->target = '\0'; /* the ACK goes where the INVITE went */
	send_simple(u, index, "ACK", m->cseq, tag);
	if (m->cseq != c->cseq)
		return;
	if (c->state == HOLDING) {
		u->report.now.dialog_failed++;
		enter(u, index, UP, u->o->call_us == UINT64_MAX ? UINT64_MAX : u->o->call_us / 2);
	} else if (c->state == CALLING || c->state == PROCEEDING || c->state == CANCELLING) {
		u->report.now.failed += c->state != CANCELLING;
		u->report.now.refused[m->status]++;
		free_call(u, index);
	}
}

static void on_response(struct uac *u, uint32_t index, const struct message *m)
{
	struct call *c = &u->calls[index];

	if (text_is(m->cseq_method, "INVITE")) {
		if (m->status >= 300)
			invite_failed(u, index, m);
		else if (m->status >= 200)
			invite_2xx(u, index, m);
		else if (m->cseq == c->cseq && c->state == CALLING)
			enter(u, index, PROCEEDING, RINGING);
		else if (m->cseq == c->cseq && c->state == HOLDING)
			enter(u, index, HOLDING, RINGING), c->tries = 6;
	} else if (text_is(m->cseq_method, "BYE") && c->state == LEAVING && m->status >= 200) {
		if (m->status < 300)
			u->report.now.dialog_ok++;
		else
			u->report.now.dialog_failed++;
		free_call(u, index);
	} else if (text_is(m->cseq_method, "CANCEL") && c->state == CANCELLING) {
		enter(u, index, CANCELLING, RINGING), c->tries = 10;
	}
}

/* INDEX-SERIAL-RUN@: one of our calls, that is still there. */
static uint32_t find(struct uac *u, struct text id)
{
	unsigned index, serial, run;

	if (id.n < 26 || sscanf(id.p, "%8x-%8x-%8x@", &index, &serial, &run) != 3 ||
	    index >= u->n_calls || u->calls[index].serial != serial || run != u->run ||
	    u->calls[index].state == FREE)
		return NOBODY;
	return index;
}

static void on_message(void *arg, const struct sockaddr_in *from, char *text, size_t len)
{
	struct uac *u = arg;
	struct message m;
	uint32_t index;

	u->report.now.received++;
	if (!message_read(&m, text, len))
		return;
	index = find(u, m.call_id);
	if (m.status) {
		if (u->o->oc)
			oc_read(u, &m);
		if (index != NOBODY)
			on_response(u, index, &m);
	} else if (!text_is(m.method, "ACK")) {
		answer(u, &m, from, index == NOBODY && !text_is(m.method, "OPTIONS") ? 481 : 200);
		if (index != NOBODY && text_is(m.method, "BYE")) {
			if (u->calls[index].state == HOLDING || u->calls[index].state == LEAVING)
				u->report.now.dialog_failed++;
			u->report.now.ended_by_peer++;
			free_call(u, index);
		}
	}
}

/* ---- load ---- */

static void start_call(struct uac *u, uint64_t now)
{
	uint32_t index;
	struct call *c;

	if (u->o->oc && oc_holds_back(u, now)) {
		u->report.now.held_back++;
		return;
	}
	index = new_call(u);
	c = &u->calls[index];
	c->serial = ++u->next_serial;
	c->cseq = 1;
	c->held = false;
	c->started = now;
	*c->to_tag = *c->target = '\0';
	u->report.now.offered++;
	begin(u, index, CALLING);
	if (random_u64() % 100 < u->o->abandon_percent)
		timers_add(u->timers, u->o->abandon_us, index,
			   (uint32_t)KIND_ABANDON << KIND_SHIFT | (c->serial & LOWER));
}

/* Calls at an even rate. What could not be begun in time because this program was not running is left
 * out and counted: a burst would not be that rate. */
static void offer(struct uac *u, double rate, double *due, uint64_t *last, uint64_t now)
{
	double most = rate * LATE_MAX / 1000 + 1;

	*due += rate * (double)(now - *last) / 1e6;
	*last = now;
	if (*due > most) {
		u->report.now.late += (uint64_t)(*due - most);
		*due = most;
	}
	for (; *due >= 1; (*due)--)
		start_call(u, now);
}

static uint64_t turn(struct uac *u)
{
	uint64_t now;

	net_receive(u->net, on_message, u);
	now = now_us();
	timers_run(u->timers, now);
	report_tick(&u->report, now, u->up);
	return now;
}

static void run_phase(struct uac *u, double rate, double seconds, volatile int *stop)
{
	uint64_t last = now_us(), end = last + (uint64_t)(seconds * 1e6), now = last;
	double due = 0;

	while (now < end && !*stop) {
		offer(u, rate, &due, &last, now);
		net_flush(u->net);
		net_wait(u->net, 200);
		now = turn(u);
	}
}

/* Until every call is over, or established where that is to stay. */
static void wait_end(struct uac *u, volatile int *stop)
{
	bool forever = u->o->call_us == UINT64_MAX;
	uint64_t end = now_us() + (forever ? u->o->stay_us : 80 * SEC + u->o->call_us);

	while (!*stop && now_us() < end && (forever || u->busy)) {
		net_flush(u->net);
		net_wait(u->net, 1000);
		turn(u);
	}
	net_flush(u->net);
}

int uac_main(const struct options *o, volatile int *stop)
{
	struct uac u = { .o = o, .free = NOBODY, .run = (uint32_t)random_u64() };
	uint64_t start;

	u.net = net_new(&o->local);
	u.timers = timers_new(on_timer, &u);
	u.oc.share = 80;
	report_start(&u.report);
	start = now_us();
	for (unsigned i = 0; i < o->n_phases && !*stop; i++)
		run_phase(&u, o->phase[i].rate, o->phase[i].seconds, stop);
	u.offered_us = now_us() - start;
	wait_end(&u, stop);
	report_end(&u.report, (double)u.offered_us / 1e6, u.up, net_lost(u.net));
	timers_free(u.timers);
	net_free(u.net);
	free(u.calls);
	return 0;
}
