/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 7339, sections in brackets. */
#include <stdio.h>
#include <stdlib.h>
#include "base/test.h"
#include "sip/overload_priv.h"

/* Neighbour 0 speaks `oc` and does as it is told, 1 speaks it only, 2 does not. */
#define PEERS 3

struct world {
	struct loop *loop;
	struct overload *v;
	struct timer timer;
	unsigned call_us;
	double per_ms[PEERS], due[PEERS];
	uint64_t generated_us;
	unsigned next, sent[PEERS], served[PEERS], refused[PEERS], without[PEERS];
	unsigned oc[PEERS]; /* as told last */
	uint64_t until[PEERS];
};

static void on_receive(void *arg, const struct sip_hop *from, char *buf, size_t len)
{
	struct world *w = arg;
	char mem[128];
	struct buf b;

	if (*buf != 'I')
		return;
	w->served[from->peer]++;
	loop_spend(w->loop, w->call_us);
	if (from->peer == 2)
		return;
	buf_init(&b, mem, sizeof(mem));
	overload_put_oc(w->v, from->peer, &b);
	buf_lit(&b, "\0");
	assert_true(buf_ok(&b));
	w->oc[from->peer] = (unsigned)strtoul(strstr(mem, ";oc=") + 4, NULL, 10);
	w->until[from->peer] = loop_now(w->loop) + 500;
}

static void on_refuse(void *arg, const struct sip_hop *from, char *buf, size_t len,
		      unsigned retry_after_s)
{
	struct world *w = arg;

	w->refused[from->peer]++;
	w->without[from->peer] += retry_after_s == 0;
}

static bool on_again(void *arg, const char *buf, size_t len)
{
	return false;
}

static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));
	struct overload_options o = {
		.n_peers = PEERS, .receive = on_receive, .refuse = on_refuse, .again = on_again
	};

	w->loop = o.loop = loop_new_virtual(5);
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
	free(w);
}

static void inject(struct world *w, int peer, const char *method)
{
	struct sip_hop from = { .peer = (int16_t)peer };
	char mem[512 + SIP_PAD];
	int n = snprintf(mem, 512, "%s sip:x SIP/2.0\r\nTo: <sip:c@d>\r\nCall-ID: %u\r\n\r\n",
			 method, ++w->next);

	overload_take(w->v, &from, mem, (size_t)n);
}

/* What 7.2 does: a call is three requests, INVITE, ACK and BYE. */
static bool holds_back(struct world *w, double *share)
{
	double calls = w->per_ms[0], requests = calls + 2 * 0.5;

	if (loop_now(w->loop) >= w->until[0])
		return false;
	*share = calls / requests * 100;
	return loop_random_u32(w->loop, 1000) < w->oc[0] / *share * 1000;
}

static void generate(void *arg)
{
	struct world *w = arg;
	uint64_t now = loop_clock_us(w->loop);
	double ms = (double)(now - w->generated_us) / 1000, share;

	w->generated_us = now;
	for (int p = 0; p < PEERS; p++) {
		w->due[p] += ms * w->per_ms[p];
		for (; w->due[p] >= 1; w->due[p]--) {
			if (p == 0 && holds_back(w, &share))
				continue;
			w->sent[p]++;
			inject(w, p, "INVITE");
		}
	}
	/* ACK and BYE of what was served before. */
	for (int i = 0; i < ms; i++)
		inject(w, 0, "BYE");
	timer_start(w->loop, &w->timer, 1);
}

static void load(struct world *w, double a, double b, double c)
{
	w->per_ms[0] = a;
	w->per_ms[1] = b;
	w->per_ms[2] = c;
	w->generated_us = loop_clock_us(w->loop);
	timer_stop(w->loop, &w->timer);
	timer_init(&w->timer, generate, w);
	timer_start(w->loop, &w->timer, 1);
}

static void clear(struct world *w)
{
	for (int p = 0; p < PEERS; p++)
		w->sent[p] = w->served[p] = w->refused[p] = 0;
}

static struct str told(struct world *w, int peer)
{
	static char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	overload_put_oc(w->v, peer, &b);
	return buf_str(&b);
}

/* 5.1, 6: supported, and nothing is demanded. */
static void says_nothing_is_wrong(void **state)
{
	struct world *w = world_new();

	assert_str(told(w, 0), ";oc=0;oc-algo=\"loss\";oc-validity=0;oc-seq=1767225600.00000");
	loop_advance(w->loop, 350);
	assert_str(told(w, 0), ";oc=0;oc-algo=\"loss\";oc-validity=0;oc-seq=1767225600.30000");
	assert_str(told(w, -1), "");
	assert_str(told(w, PEERS), "");
	world_free(w);
}

/* Five times what 2 ms a call allow, all by a neighbour that obeys: it sends no more than a tenth too many,
 * nothing is refused here, and 5.7: it is told when it is over. */
static void reduces(void **state)
{
	struct world *w = world_new();
	unsigned sent;

	w->call_us = 2000;
	load(w, 2.5, 0, 0);
	loop_advance(w->loop, 3000);
	clear(w);
	loop_advance(w->loop, 10000);
	assert_in_range(w->sent[0], 4750, 5500);
	assert_true(w->served[0] >= 4750);
	assert_true(w->refused[0] <= 500); /* a tenth */
	assert_true(w->oc[0] > 40);
	sent = w->oc[0];
	assert_true(strstr(told(w, 0).p, ";oc-algo=\"loss\";oc-validity=500;oc-seq=17672256") !=
		    NULL);
	load(w, 0.3, 0, 0);
	loop_advance(w->loop, 5000);
	assert_int_equal(w->oc[0], 0);
	assert_true(sent > 0);
	world_free(w);
}

/* Within three ticks it is known. */
static void is_told_soon(void **state)
{
	struct world *w = world_new();

	w->call_us = 2000;
	load(w, 2.5, 0, 0);
	loop_advance(w->loop, 320);
	assert_true(w->oc[0] > 40);
	world_free(w);
}

/* Who says `oc` and sends all the same is shed as those who do not, and wins nothing by it. */
static void must_be_obeyed(void **state)
{
	struct world *w = world_new();

	w->call_us = 1000;
	load(w, 0, 2.5, 2.5);
	loop_advance(w->loop, 3000);
	clear(w);
	loop_advance(w->loop, 10000);
	assert_in_range(w->served[1] + w->served[2], 9500, 10500);
	assert_in_range(w->served[1], 4300, 5700);
	/* 5.10: who speaks `oc` hears no Retry-After. */
	assert_true(w->refused[1] > 1000);
	assert_int_equal(w->without[1] > 1000, 1);
	assert_int_equal(w->without[2], 0);
	assert_true(w->refused[2] > 1000);
	world_free(w);
}

static unsigned may_send(struct world *w, int peer)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 10000; i++)
		n += overload_may_send(w->v, peer);
	return n;
}

static void obeys(void **state)
{
	struct world *w = world_new();

	assert_int_equal(may_send(w, 1), 10000);
	overload_got_oc(w->v, 1, STR(";oc=20;oc-algo=\"loss\";oc-validity=500;oc-seq=100.782"));
	assert_in_range(may_send(w, 1), 7300, 7700); /* 7.2: 20 of 80 */
	assert_int_equal(may_send(w, 0), 10000);
	assert_int_equal(may_send(w, -1), 10000);
	/* 5.4: not newer, so neither the value nor the validity changes. */
	loop_advance(w->loop, 400);
	overload_got_oc(w->v, 1, STR(";oc=60;oc-algo=\"loss\";oc-validity=500;oc-seq=100.782"));
	overload_got_oc(w->v, 1, STR(";oc=60;oc-algo=\"loss\";oc-validity=500;oc-seq=100.7"));
	overload_got_oc(w->v, 1, STR(";oc=60;oc-algo=\"loss\";oc-validity=500;oc-seq=99.99999"));
	assert_in_range(may_send(w, 1), 7300, 7700);
	loop_advance(w->loop, 101);
	assert_int_equal(may_send(w, 1), 10000);
	/* 4.3: 500 where nothing is said. */
	overload_got_oc(w->v, 1, STR(";oc=100;oc-algo=loss;oc-seq=101.0"));
	assert_int_equal(may_send(w, 1), 0);
	loop_advance(w->loop, 499);
	assert_int_equal(may_send(w, 1), 0);
	/* 5.7 */
	overload_got_oc(w->v, 1, STR(";oc=50;oc-algo=\"loss\";oc-validity=0;oc-seq=101.5"));
	assert_int_equal(may_send(w, 1), 10000);
	overload_got_oc(w->v, 1, STR(";oc=80;oc-algo=\"loss\";oc-validity=60000;oc-seq=200.1"));
	assert_int_equal(may_send(w, 1), 0);
	/* 4.4: it has begun anew. */
	overload_got_oc(w->v, 1, STR(";oc=0;oc-algo=\"loss\";oc-seq=5.1"));
	assert_int_equal(may_send(w, 1), 10000);
	world_free(w);
}

static void understands_only_what_is_right(void **state)
{
	static const char *const wrong[] = {
		"",
		";oc",
		";oc;oc-algo=\"loss,A\"",
		";oc=101;oc-seq=300.1",
		";oc=-1;oc-seq=300.1",
		";oc=9x;oc-seq=300.1",
		";oc=\"90\";oc-seq=300.1",
		";oc=90;oc-algo=\"rate\";oc-seq=300.1",
		";oc=90;oc-validity=x;oc-seq=300.1",
		";oc=90;oc-validity=99999999999;oc-seq=300.1",
		";oc=90;oc-seq=x",
		";oc=90;oc-seq=1234567890123.1",
		";oc=90;oc-seq=300.123456",
		";xoc=90",
		";=;oc=90",
	};
	struct world *w = world_new();

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		overload_got_oc(w->v, 1, str_of(wrong[i]));
		if (may_send(w, 1) != 10000)
			fail_msg("%s", wrong[i]);
	}
	overload_got_oc(w->v, 1, STR(";rport;oc=90;branch=z9hG4bK1"));
	assert_int_equal(may_send(w, 1), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_nothing_is_wrong),
		cmocka_unit_test(reduces),
		cmocka_unit_test(is_told_soon),
		cmocka_unit_test(must_be_obeyed),
		cmocka_unit_test(obeys),
		cmocka_unit_test(understands_only_what_is_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
