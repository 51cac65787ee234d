/* SPDX-License-Identifier: Apache-2.0 */
/* A server that needs time for each message, on the virtual clock. */
#include <stdio.h>
#include <stdlib.h>
#include "base/test.h"
#include "sip/overload_priv.h"

#define PEERS 3

struct world {
	struct loop *loop;
	struct overload *v;
	/* What the work costs. */
	unsigned call_us, dialog_us, refuse_us;
	/* What came out. */
	char order[4096]; /* one letter each */
	size_t n_order;
	unsigned served, dialogs, others, refused, refused_tcp, emergencies;
	unsigned peer_served[PEERS];
	unsigned after[16]; /* of Retry-After */
	uint64_t last_dialog_us;
	unsigned last_call; /* number of the last one served */
	uint8_t *fate;      /* of numbered calls: how often served */
	uint8_t *told;      /* and how often refused */
	unsigned n_fate;
	bool known; /* what again() says */
	/* Load. */
	struct timer timer;
	double calls_per_ms, dialogs_per_ms, due_calls, due_dialogs;
	uint64_t generated_us;
	unsigned next_call, offered;
	int16_t peer;
};

static unsigned number_of(const char *buf)
{
	const char *p = strstr(buf, "Call-ID: ");

	return p ? (unsigned)strtoul(p + 9, NULL, 10) : 0;
}

static void note(struct world *w, char c)
{
	if (w->n_order + 1 < sizeof(w->order))
		w->order[w->n_order++] = c;
	w->order[w->n_order] = '\0';
}

static void on_receive(void *arg, const struct sip_hop *from, char *buf, size_t len)
{
	struct world *w = arg;
	bool dialog = memcmp(buf, "SIP/", 4) == 0 || memcmp(buf, "BYE", 3) == 0;
	unsigned n = number_of(buf);

	for (size_t i = 0; i < SIP_PAD; i++)
		if (buf[len + i] == (char)0x80)
			fail(); /* never given to us with this in its pad: see send_text() */
	assert_true(w->fate == NULL || n < w->n_fate);
	if (dialog) {
		w->dialogs++;
		w->last_dialog_us = loop_clock_us(w->loop);
		note(w, 'd');
		loop_spend(w->loop, w->dialog_us);
	} else if (memcmp(buf, "INVITE", 6) == 0) {
		w->served++;
		w->peer_served[from->peer]++;
		w->last_call = n;
		if (w->fate)
			w->fate[n]++;
		note(w, (char)('0' + n % 10));
		loop_spend(w->loop, w->call_us);
	} else {
		w->others++;
		note(w, buf[0] == 'O' ? 'k' : 'r');
		loop_spend(w->loop, w->dialog_us);
	}
}

static void on_refuse(void *arg, const struct sip_hop *from, char *buf, size_t len,
		      unsigned retry_after_s)
{
	struct world *w = arg;

	assert_true(retry_after_s <= 10);
	w->after[retry_after_s]++;
	w->refused++;
	if (w->told)
		w->told[number_of(buf)]++;
	w->refused_tcp += from->transport == SIP_TCP;
	loop_spend(w->loop, w->refuse_us);
}

static bool on_again(void *arg, const char *buf, size_t len)
{
	struct world *w = arg;
	unsigned n = number_of(buf);

	return w->known || (w->fate && n < w->n_fate && w->fate[n]);
}

static struct world *world_new(const struct overload_options *more)
{
	struct world *w = calloc(1, sizeof(*w));
	struct overload_options o = *more;

	w->loop = loop_new_virtual(11);
	o.loop = w->loop;
	o.n_peers = PEERS;
	o.receive = on_receive;
	o.refuse = on_refuse;
	o.again = on_again;
	o.arg = w;
	w->v = overload_new(&o);
	assert_non_null(w->v);
	return w;
}

static void world_free(struct world *w)
{
	timer_stop(w->loop, &w->timer);
	overload_free(w->v);
	loop_free(w->loop);
	free(w->fate);
	free(w->told);
	free(w);
}

static void send_by(struct world *w, enum sip_transport t, const char *text)
{
	struct sip_hop from = { .peer = w->peer, .transport = (uint8_t)t };
	size_t n = strlen(text);
	char *mem = malloc(n + SIP_PAD);

	memcpy(mem, text, n);
	memset(mem + n, 0, SIP_PAD);
	overload_take(w->v, &from, mem, n);
	memset(mem, 0x80, n + SIP_PAD); /* it is the caller's again */
	free(mem);
}

static const char *request(char *mem, size_t n, const char *method, const char *ruri, unsigned id,
			   bool tag)
{
	snprintf(mem, n,
		 "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK%u\r\n"
		 "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>%s\r\nCall-ID: %u@x\r\nCSeq: 1 %s\r\n\r\n",
		 method, ruri, id, tag ? ";tag=2" : "", id, method);
	return mem;
}

static void inject(struct world *w, const char *method, unsigned id)
{
	char mem[512];

	send_by(w, SIP_UDP, request(mem, sizeof(mem), method, "sip:c@d", id, *method == 'B'));
}

struct wanted {
	const char *name;
	unsigned value;
	bool found;
};

static void take_counter(void *arg, const char *name, uint64_t v)
{
	struct wanted *c = arg;

	if (strcmp(name, c->name) == 0) {
		c->value = (unsigned)v;
		c->found = true;
	}
}

static unsigned counter(struct world *w, const char *name)
{
	struct wanted c = { .name = name };

	overload_counters(w->v, take_counter, &c);
	assert_true(c.found);
	return c.value;
}

static struct overload_state state_of(struct world *w)
{
	struct overload_state s;

	overload_state(w->v, &s);
	return s;
}

#define SOCKET 200 /* messages: what is more is lost */

/* Like a socket that is emptied in each round: what has come by now. */
static void generate(void *arg)
{
	struct world *w = arg;
	uint64_t now = loop_clock_us(w->loop);
	double ms = (double)(now - w->generated_us) / 1000;

	w->generated_us = now;
	w->due_calls += ms * w->calls_per_ms;
	w->due_dialogs += ms * w->dialogs_per_ms;
	if (w->due_dialogs > SOCKET)
		w->due_dialogs = SOCKET;
	for (; w->due_dialogs >= 1; w->due_dialogs--)
		inject(w, "BYE", 0);
	for (; w->due_calls >= 1; w->due_calls--, w->offered++)
		inject(w, "INVITE", ++w->next_call);
	timer_start(w->loop, &w->timer, 1);
}

static void load(struct world *w, double calls_per_ms, double dialogs_per_ms)
{
	w->calls_per_ms = calls_per_ms;
	w->dialogs_per_ms = dialogs_per_ms;
	w->generated_us = loop_clock_us(w->loop);
	timer_stop(w->loop, &w->timer);
	timer_init(&w->timer, generate, w);
	timer_start(w->loop, &w->timer, 1);
}

/* ---- tests ---- */

static void straight_through(void **state)
{
	struct world *w = world_new(&(struct overload_options){ 0 });

	for (unsigned i = 1; i <= 8; i++) {
		inject(w, "INVITE", i);
		assert_int_equal(w->served, i); /* at once */
		inject(w, "BYE", i);
		assert_int_equal(w->dialogs, i);
	}
	inject(w, "OPTIONS", 1);
	inject(w, "MESSAGE", 1);
	assert_string_equal(w->order, "1d2d3d4d5d6d7d8dkr");
	assert_int_equal(state_of(w).admitted_permille, 1000);
	assert_int_equal(counter(w, "overload.queued"), 0);
	assert_int_equal(counter(w, "overload.straight"), 10);
	/* No timer runs where nothing is to be watched. */
	loop_advance(w->loop, 10);
	assert_true(loop_next(w->loop) == UINT64_MAX);
	world_free(w);
}

static void order_of_classes(void **state)
{
	struct world *w = world_new(&(struct overload_options){ 0 });

	w->call_us = w->dialog_us = 100;
	for (unsigned i = 0; i < 16; i++) /* what a round takes at once */
		inject(w, "INVITE", 0);
	assert_int_equal(w->n_order, 16);
	w->n_order = 0;
	inject(w, "MESSAGE", 1);
	inject(w, "OPTIONS", 1);
	inject(w, "INVITE", 1);
	inject(w, "MESSAGE", 2);
	inject(w, "INVITE", 2);
	inject(w, "INVITE", 3);
	inject(w, "REGISTER", 2);
	assert_int_equal(w->n_order, 0);
	assert_int_equal(state_of(w).queued[OVERLOAD_CALL], 3);
	assert_int_equal(state_of(w).queued[OVERLOAD_KEEPALIVE], 2);
	assert_int_equal(state_of(w).queued[OVERLOAD_REST], 2);
	inject(w, "BYE", 1);
	send_by(w, SIP_UDP, "SIP/2.0 200 OK\r\n\r\n");
	w->known = true;
	inject(w, "INVITE", 9); /* a repetition */
	w->known = false;
	loop_advance(w->loop, 20);
	/* REGISTER is written r by on_receive() as MESSAGE is: k is OPTIONS. */
	assert_string_equal(w->order, "dd9321krrr");
	assert_int_equal(counter(w, "overload.again"), 1);
	world_free(w);
}

/* Security test E7: what ends calls never stands behind new ones. */
static void dialogs_do_not_wait(void **state)
{
	struct world *w = world_new(&(struct overload_options){ 0 });
	uint64_t worst = 0;

	w->call_us = 700;
	for (unsigned i = 0; i < 300; i++)
		inject(w, "INVITE", i);
	for (unsigned i = 0; i < 40; i++) {
		uint64_t sent = loop_clock_us(w->loop);
		unsigned before = w->dialogs;

		inject(w, "BYE", i);
		assert_int_equal(w->dialogs, before + 1);
		worst = w->last_dialog_us - sent > worst ? w->last_dialog_us - sent : worst;
		/* The sockets are read again after a slice, not after all that waits. */
		before = w->served;
		loop_advance(w->loop, 1);
		assert_true(w->served - before <= 4);
	}
	assert_true(worst == 0);
	world_free(w);
}

/* Dialogs that ask for more than there is leave a tenth for new calls. */
static void floor_for_calls(void **state)
{
	/* The controller would have fewer calls come in: it is not to see them wait. */
	struct world *w = world_new(&(struct overload_options){ .target_ms = 3000 });
	uint64_t start;

	w->call_us = 200;
	w->dialog_us = 100;
	load(w, 5, 12);
	loop_advance(w->loop, 1000);
	w->served = w->dialogs = 0;
	start = loop_clock_us(w->loop);
	loop_advance(w->loop, 5000);
	assert_true(w->served * 200.0 / (double)(loop_clock_us(w->loop) - start) > 0.08);
	assert_true(w->served * 200.0 / (double)(loop_clock_us(w->loop) - start) < 0.2);
	assert_true(w->dialogs > 40000);
	world_free(w);
}

static void newest_first_and_not_too_old(void **state)
{
	struct world *w = world_new(&(struct overload_options){ 0 });
	unsigned id = 0;

	w->call_us = 10000;
	w->n_fate = 400;
	w->fate = calloc(w->n_fate, 1);
	w->told = calloc(w->n_fate, 1);
	for (unsigned i = 0; i < 100; i++)
		inject(w, "INVITE", i);
	assert_int_equal(w->served, 16); /* 160 ms */
	loop_advance(w->loop, 1);
	assert_int_equal(w->last_call, 99);
	inject(w, "INVITE", 200);
	loop_advance(w->loop, 1);
	assert_int_equal(w->last_call, 200);
	loop_advance(w->loop, 1000);
	/* They came at 160 ms and could wait until 360. */
	assert_in_range(w->served, 34, 38);
	assert_int_equal(w->fate[16], 0);
	assert_int_equal(w->fate[99], 1);
	assert_int_equal(counter(w, "overload.too-old"), 101 - w->served);
	assert_int_equal(counter(w, "overload.refused") + counter(w, "overload.silent"),
			 101 - w->served);
	/* Who heard nothing does not come back as a new call. */
	while (w->fate[id] || w->told[id])
		id++;
	inject(w, "INVITE", id);
	loop_advance(w->loop, 10);
	assert_int_equal(w->fate[id], 0);
	assert_int_equal(counter(w, "overload.shed-again"), 1);
	/* After 64*T1 he may. */
	loop_advance(w->loop, 34000);
	inject(w, "INVITE", id);
	assert_int_equal(w->fate[id], 1);
	world_free(w);
}

/* 1 ms a call: 1000 calls a second. */
static void ten_times_the_load(void **state)
{
	struct world *w = world_new(&(struct overload_options){ 0 });
	unsigned low = UINT32_MAX, high = 0, before, waited = 0;
	uint64_t start;

	w->call_us = 1000;
	w->n_fate = 300000;
	w->fate = calloc(w->n_fate, 1);
	load(w, 10, 0);
	loop_advance(w->loop, 300);
	assert_in_range(state_of(w).admitted_permille, 20, 300); /* it has begun */
	loop_advance(w->loop, 1700);
	start = loop_clock_us(w->loop);
	before = w->served;
	for (unsigned i = 0; i < 180; i++) {
		unsigned permille;

		loop_advance(w->loop, 100);
		permille = state_of(w).admitted_permille;
		low = permille < low ? permille : low;
		high = permille > high ? permille : high;
		waited = state_of(w).delay_ms > waited ? state_of(w).delay_ms : waited;
	}
	assert_true((w->served - before) * 1000.0 / (double)(loop_clock_us(w->loop) - start) >
		    0.97);
	assert_in_range(low, 80, 120);
	assert_in_range(high, 80, 120);
	assert_in_range(waited, 1, 60);
	/* The load falls below what is there. */
	load(w, 0.8, 0);
	for (before = 0; state_of(w).admitted_permille < 1000 && before < 50; before++)
		loop_advance(w->loop, 100);
	assert_in_range(before, 1, 20);
	before = w->served;
	w->offered = 0;
	loop_advance(w->loop, 10000);
	assert_int_equal(state_of(w).admitted_permille, 1000);
	assert_in_range(w->served - before, w->offered - 5, w->offered + 5);
	for (unsigned i = 0; i < w->n_fate; i++)
		assert_true(w->fate[i] <= 1);
	world_free(w);
}

/* Twice the load, with dialogs that take half of the time. */
static void twice_the_load(void **state)
{
	struct world *w = world_new(&(struct overload_options){ 0 });
	uint64_t start;

	w->call_us = 500;
	w->dialog_us = 100;
	load(w, 2, 5);
	loop_advance(w->loop, 3000);
	w->served = w->dialogs = 0;
	start = loop_clock_us(w->loop);
	loop_advance(w->loop, 10000);
	assert_true(w->served * 500.0 / (double)(loop_clock_us(w->loop) - start) > 0.48);
	assert_in_range(w->dialogs, 49900, 50100);
	assert_in_range(state_of(w).admitted_permille, 400, 600);
	world_free(w);
}

/* What was turned away stays so while it is repeated, and is no load that would keep others out. */
static void a_call_has_one_fate(void **state)
{
	struct world *w = world_new(&(struct overload_options){ 0 });
	unsigned repeated = 0, again = 0;

	w->call_us = 1000;
	w->n_fate = 100000;
	w->fate = calloc(w->n_fate, 1);
	w->told = calloc(w->n_fate, 1);
	load(w, 4, 0);
	loop_advance(w->loop, 4000);
	load(w, 0, 0);
	loop_advance(w->loop, 500);
	for (unsigned i = w->next_call - 8000; i < w->next_call; i++) {
		uint8_t before = w->fate[i];

		if (w->told[i]) /* he does not repeat himself */
			continue;
		inject(w, "INVITE", i);
		if (before)
			again += w->fate[i] == before + 1; /* to the core, which knows it */
		else
			repeated += w->fate[i] == 0;
		if (i % 8 == 0)
			loop_advance(w->loop, 1);
	}
	assert_in_range(repeated, 4000, 6000);
	assert_in_range(again, 1900, 2200);
	assert_in_range(counter(w, "overload.shed-again"), repeated - 50, repeated + 50);
	assert_int_equal(counter(w, "overload.again"), again);
	loop_advance(w->loop, 100);
	assert_int_equal(state_of(w).admitted_permille, 1000);
	world_free(w);
}

static void refusals(void **state)
{
	struct world *w = world_new(&(struct overload_options){ 0 });
	char mem[512];

	w->call_us = 1000;
	load(w, 10, 0);
	loop_advance(w->loop, 10000);
	assert_int_equal(w->after[0], 0);
	for (unsigned i = 1; i <= 10; i++)
		assert_true(w->after[i] > w->refused / 20);
	/* Some are refused, not more than are served, and the rest hears nothing. */
	assert_in_range(w->refused, 1000, w->served / 2 + 2000);
	assert_true(counter(w, "overload.silent") > w->refused);
	/* On a stream nobody repeats, so there is always an answer. */
	w->next_call++;
	for (unsigned i = 0; i < 1000; i++)
		send_by(w, SIP_TCP,
			request(mem, sizeof(mem), "INVITE", "sip:c@d", ++w->next_call, false));
	assert_true(w->refused_tcp > 800);
	world_free(w);
}

/* A CANCEL overtakes other calls, but not the one that it is for. */
static void cancel_of_a_call_that_waits(void **state)
{
	struct world *w = world_new(&(struct overload_options){ 0 });

	w->call_us = 1000;
	for (unsigned i = 0; i < 30; i++)
		inject(w, "INVITE", i);
	assert_int_equal(w->served, 16); /* straight */
	w->served = 0;
	inject(w, "CANCEL", 20);
	assert_int_equal(w->served, 1);
	assert_int_equal(w->last_call, 20);
	inject(w, "CANCEL", 3); /* which was served before */
	assert_int_equal(w->served, 1);
	loop_advance(w->loop, 100);
	assert_int_equal(w->served, 30 - 16); /* and 20 only once */
	world_free(w);
}

static void emergency_calls(void **state)
{
	static const char *const numbers[] = { "112", "110", "+49 (911)", NULL };
	static const char *const yes[] = {
		"urn:service:sos",
		"URN:Service:SOS",
		"urn:service:sos.police",
		"sip:112@192.0.2.1",
		"sips:112@example.com:5061;transport=tls",
		"SIP:%31%312@192.0.2.1",
		"sip:1-1.2@192.0.2.1",
		"sip:+112@192.0.2.1;user=phone",
		"sip:112;phone-context=+49@example.com",
		"sip:112:pass@example.com",
		"tel:112",
		"tel:112;phone-context=+49",
		"TEL:1(1)0",
		"tel:+49-911",
		"sip:0049911@x",
		"sip:49911@x",
	};
	static const char *const no[] = {
		"urn:service:sosx", "urn:service:counseling",
		"sip:1123@x",       "sip:2@112",
		"sip:112a@x",       "sip:112",
		"tel:0112",         "mailto:112@x",
		"sip:+1+12@x",      "tel:",
		"sip:@x",           "sip:%zz112@x",
	};
	struct overload_options o = { .emergency = numbers };
	struct world *w = world_new(&o);
	char mem[512];

	w->call_us = 1000;
	load(w, 30, 0);
	loop_advance(w->loop, 3000);
	assert_true(state_of(w).admitted_permille < 50);
	for (unsigned i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		unsigned before = w->served;

		send_by(w, SIP_UDP, request(mem, sizeof(mem), "INVITE", yes[i], 200000 + i, false));
		if (w->served != before + 1)
			fail_msg("%s waits", yes[i]);
	}
	for (unsigned i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		unsigned before = counter(w, "overload.emergency");

		send_by(w, SIP_UDP, request(mem, sizeof(mem), "INVITE", no[i], 300000 + i, false));
		if (counter(w, "overload.emergency") != before)
			fail_msg("%s does not wait", no[i]);
	}
	assert_int_equal(counter(w, "overload.emergency"), sizeof(yes) / sizeof(yes[0]));
	world_free(w);
}

/* 10 calls a second for neighbour 1: it is limited, the others are not, and it is never banned. */
static void buckets(void **state)
{
	static const uint32_t rate[PEERS] = { 0, 10, 0 };
	struct overload_options o = { .rate = rate };
	struct world *w = world_new(&o);

	w->n_fate = 200000;
	w->fate = calloc(w->n_fate, 1);
	w->peer = 1;
	load(w, 1, 0);
	loop_advance(w->loop, 20000);
	assert_in_range(w->peer_served[1], 205, 212); /* a full bucket, then 10 a second */
	assert_true(w->refused > 1000);
	w->peer = 2;
	w->offered = 0;
	loop_advance(w->loop, 2000);
	assert_int_equal(w->peer_served[2], w->offered);
	w->peer = 1;
	load(w, 0.009, 0);
	loop_advance(w->loop, 1000);
	w->offered = w->peer_served[1] = 0;
	loop_advance(w->loop, 60000);
	assert_in_range(w->offered, 530, 550);
	assert_int_equal(w->peer_served[1], w->offered);
	assert_int_equal(state_of(w).admitted_permille, 1000);
	world_free(w);
}

static void memory_is_bounded(void **state)
{
	struct overload_options o = { .queue_max = 100000 };
	struct world *w = world_new(&o);

	w->call_us = 10000;
	for (unsigned i = 0; i < 50; i++)
		inject(w, "MESSAGE", i);
	for (unsigned i = 0; i < 1000; i++)
		inject(w, "INVITE", i);
	assert_true(w->v->octets <= 100000);
	assert_true(w->v->octets > 90000);
	assert_int_equal(state_of(w).queued[OVERLOAD_REST], 0);
	assert_true(state_of(w).queued[OVERLOAD_CALL] > 100);
	assert_in_range(counter(w, "overload.full"), 500, 1000);
	inject(w, "MESSAGE", 1); /* counts less than all that is there */
	assert_int_equal(state_of(w).queued[OVERLOAD_REST], 0);
	loop_advance(w->loop, 1);
	assert_int_equal(w->last_call, 999);
	loop_advance(w->loop, 1000);
	assert_true(w->v->octets == 0);
	assert_true(w->v->waiting == 0);
	world_free(w); /* and with something in the queues: */
	w = world_new(&o);
	for (unsigned i = 0; i < 100; i++)
		inject(w, "INVITE", i);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(straight_through),
		cmocka_unit_test(order_of_classes),
		cmocka_unit_test(dialogs_do_not_wait),
		cmocka_unit_test(floor_for_calls),
		cmocka_unit_test(newest_first_and_not_too_old),
		cmocka_unit_test(ten_times_the_load),
		cmocka_unit_test(twice_the_load),
		cmocka_unit_test(a_call_has_one_fate),
		cmocka_unit_test(refusals),
		cmocka_unit_test(cancel_of_a_call_that_waits),
		cmocka_unit_test(emergency_calls),
		cmocka_unit_test(buckets),
		cmocka_unit_test(memory_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
