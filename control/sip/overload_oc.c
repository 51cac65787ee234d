/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 7339, loss-based (7): what we tell a neighbour in the Via of its responses, and what it tells us.
 *
 * `oc` counts all requests, those in dialogs too (5.3), but it is the new calls that are too many: the part
 * to be lost is multiplied by the share that new calls would have if all were sent, which is how the
 * neighbour divides it again (7.2). */
#include "sip/overload_priv.h"
#include "sip/scan_priv.h"

#define VALIDITY_MS   500 /* 4.3: the default, and what we say */
#define VALIDITY_MAX  3600000
#define SPEAKS_MS     10000 /* who has not said `oc` for so long does not speak it */
#define CATEGORY_1    80    /* 7.2: per cent of requests that are new calls, where nobody counted */
#define TOLERANCE     1.2
#define LEAST_KEPT    0.01
#define SEQ_RESTART_S 60 /* 4.4: a number so much lower is no late packet but a new start */

bool overload_speaks_oc(const struct overload *v, int peer)
{
	return peer >= 0 && (unsigned)peer < v->n_peers && v->peers[peer].oc;
}

/* ---- towards a neighbour ---- */

bool overload_oc_speaks(const struct overload *v, const struct overload_peer *p)
{
	return p->oc_seen_ms && loop_now(v->loop) - p->oc_seen_ms < SPEAKS_MS;
}

/* What it sends tells whether what it was told was right: how it counts is not known. Until it does as it
 * is told, and if it never does, the rest is shed here. */
void overload_oc_steer(struct overload *v, struct overload_peer *p, double share)
{
	double ratio = p->arrived > 0 ? share / p->arrived : 2;

	p->pass = ratio * TOLERANCE >= 1 ? PERMILLE : (uint32_t)(ratio * TOLERANCE * PERMILLE) + 1;
	if (p->keep >= 1) {
		p->share = p->demand / (p->demand + p->others);
		p->keep = ratio < 1 ? ratio : 1;
		return;
	}
	if (ratio < 1 / TOLERANCE)
		overload_count(v, COUNT_OC_IGNORED);
	ratio = ratio > 1.25 ? 1.25 : ratio < 0.7 ? 0.7 : ratio;
	p->keep *= 1 + (ratio - 1) / 2;
	if (p->keep < LEAST_KEPT)
		p->keep = LEAST_KEPT;
	if (p->keep > 0.99)
		p->keep = 1;
}

static unsigned loss(const struct overload_peer *p)
{
	double percent = (1 - p->keep) * 100 * p->share;

	if (p->keep >= 1)
		return 0;
	return percent < 1 ? 1 : (unsigned)percent;
}

/* A time, for it must grow with each new value, and begin higher after a restart (4.4). It grows with the
 * controller's steps, so that each prolongs the last one's validity. */
static uint64_t next_seq_us(struct overload *v)
{
	uint64_t now = loop_wall_us(v->loop) / (TICK_MS * 1000) * (TICK_MS * 1000);

	if (now > v->oc_seq_us)
		v->oc_seq_us = now;
	return v->oc_seq_us;
}

void overload_put_oc(struct overload *v, int peer, struct buf *b)
{
	struct overload_peer *p = overload_peer(v, peer);
	unsigned percent = loss(p);
	uint64_t seq;

	if (!p->oc)
		return;
	p->oc_seen_ms = loop_now(v->loop);
	seq = next_seq_us(v);
	buf_fmt(b, ";oc=%u;oc-algo=\"loss\";oc-validity=%u;oc-seq=%llu.%05u", percent,
		percent ? VALIDITY_MS : 0, (unsigned long long)(seq / 1000000),
		(unsigned)(seq % 1000000 / 10));
}

/* ---- from a neighbour ---- */

struct demand {
	uint32_t loss, validity_ms;
	uint64_t seq; /* 0: none */
};

/* 1*12DIGIT "." 1*5DIGIT: a number and the fraction behind it, as hundred thousandths. */
static bool read_seq(struct str s, uint64_t *out)
{
	struct str whole;
	uint32_t fraction = 0;
	uint64_t n;

	if (!str_token(&s, '.', &whole) || whole.n > 12 || str_u64(whole, &n) || s.n > 5)
		return false;
	if (s.n && sip_scan_number(s, 99999, &fraction))
		return false;
	for (size_t i = s.n; i < 5; i++)
		fraction *= 10;
	*out = n << 20 | fraction;
	return true;
}

static bool is_loss(struct str algo)
{
	return str_caseeq(algo, STR("\"loss\"")) || str_caseeq(algo, STR("loss"));
}

/* False: it demands nothing that we understand. */
static bool read_demand(struct str params, struct demand *d)
{
	struct str val;

	if (sip_param(params, STR("oc"), &val) != 1 || !val.n ||
	    sip_scan_number(val, 100, &d->loss))
		return false;
	if (sip_param(params, STR("oc-algo"), &val) == 1 && !is_loss(val))
		return false;
	d->validity_ms = VALIDITY_MS;
	if (sip_param(params, STR("oc-validity"), &val) == 1 &&
	    sip_scan_number(val, VALIDITY_MAX, &d->validity_ms))
		return false;
	d->seq = 0;
	return sip_param(params, STR("oc-seq"), &val) != 1 || read_seq(val, &d->seq);
}

/* 5.4: what is not newer changes nothing. */
static bool is_newer(const struct overload_peer *p, uint64_t seq)
{
	return seq == 0 || seq > p->oc_seq || (seq >> 20) + SEQ_RESTART_S < p->oc_seq >> 20;
}

void overload_got_oc(struct overload *v, int peer, struct str via_params)
{
	struct overload_peer *p = overload_peer(v, peer);
	uint64_t now = loop_now(v->loop);
	struct demand d;

	if (!p->oc || !read_demand(via_params, &d))
		return;
	if (p->oc_until_ms && now >= p->oc_until_ms) /* expired: as if nothing had been said */
		p->oc_until_ms = p->oc_seq = 0;
	if (!is_newer(p, d.seq))
		return;
	p->oc_seq = d.seq;
	p->oc_loss = (uint8_t)d.loss;
	p->oc_until_ms = now + d.validity_ms;
}

bool overload_may_send(struct overload *v, int peer)
{
	struct overload_peer *p = overload_peer(v, peer);

	if (!p->oc_loss || loop_now(v->loop) >= p->oc_until_ms)
		return true;
	if (loop_random_u32(v->loop, CATEGORY_1) >= p->oc_loss)
		return true;
	overload_count(v, COUNT_OC_HELD);
	return false;
}
