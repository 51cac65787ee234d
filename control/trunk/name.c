/* SPDX-License-Identifier: Apache-2.0 */
/* The host of a trunk: looked up, kept up to date, drawn from. An address is looked up too, once and at no cost:
 * its transport follows from the same rules. */
#include <errno.h>
#include "trunk/trunk_priv.h"

#define RETRY_MS 5000
#define DRAW_MS  20 /* calls of so short a time may share a draw */

/* Toward one that may be reached by several transports, only those that our own side of the network speaks. */
static uint8_t transports_of(const struct conf_trunk *t)
{
	const struct conf_network *n = t->on;

	return (n->udp ? 1u << SIP_UDP : 0u) | (n->tcp ? 1u << SIP_TCP : 0u) |
	       (n->certificate ? 1u << SIP_TLS : 0u);
}

static enum sip_transport transport_of(const struct conf_trunk *t)
{
	switch (t->transport) {
	case CONF_TRANSPORT_UDP:
		return SIP_UDP;
	case CONF_TRANSPORT_TCP:
		return SIP_TCP;
	case CONF_TRANSPORT_TLS:
		return SIP_TLS;
	default:
		return SIP_TRANSPORTS;
	}
}

static struct resolve_query query_of(const struct trunk *t)
{
	struct resolve_query q = {
		.host = t->conf->host_name,
		.port = t->conf->host_port,
		.transport = (uint8_t)transport_of(t->conf),
		.ip4 = t->conf->on->address.family == 4,
		.ip6 = t->conf->on->address6.family == 6,
	};

	q.transports = q.transport == SIP_TRANSPORTS ? transports_of(t->conf)
						     : (uint8_t)(1u << q.transport);
	return q;
}

/* ---- answers ---- */

/* What leads to ourselves is a loop and no neighbour. */
static bool is_ours(const struct conf *c, const struct addr *a)
{
	for (unsigned i = 0; i < c->n_networks; i++) {
		const struct conf_network *n = &c->networks[i];

		if (addr_ip_eq(&n->address, a) || addr_ip_eq(&n->address6, a) ||
		    addr_ip_eq(&n->public, a))
			return true;
	}
	return false;
}

static void changed(struct trunks *all)
{
	if (all->o.changed)
		loop_defer(all->o.loop, &all->changed);
}

static unsigned take(struct trunk *t, const struct resolve_answer *a)
{
	unsigned n = 0;
	bool news = false;

	for (unsigned i = 0; i < a->n; i++) {
		const struct resolve_target *r = &a->target[i];

		if (is_ours(t->all->o.conf, &r->addr))
			continue;
		if (!t->conf->host.family) /* an address is in the file's sources */
			news |= sources_see(t->all->sources, t->conf, &r->addr);
		if (n == SIP_TARGETS_MAX)
			continue;
		t->target[n++] = (struct sip_hop){ .addr = r->addr,
						   .transport = r->transport,
						   .network = (uint16_t)t->conf->on->index,
						   .peer = (int16_t)t->conf->index };
	}
	if (n) {
		t->n_targets = n;
		t->drawn_at = loop_now(t->all->o.loop);
		t->redraw = false;
	}
	if (news)
		changed(t->all);
	return n;
}

static void on_draw(void *arg, const struct resolve_answer *a)
{
	take(arg, a);
}

/* What is known already; where nothing is, the refresh finds it. */
void trunk_draw(struct trunk *t)
{
	struct resolve_query q = query_of(t);
	struct resolve_job *job;
	uint64_t now = loop_now(t->all->o.loop);

	if (t->conf->host.family || !t->n_targets || (!t->redraw && now - t->drawn_at < DRAW_MS))
		return;
	if (resolve(t->all->resolver, &q, on_draw, t, &job) == 0)
		resolve_cancel(job);
}

/* ---- refresh ---- */

static void say(const struct trunk *t, int status)
{
	const char *why = status == -ENOENT ? "DNS does not know this name, or nothing usable of it"
			  : status == -ETIMEDOUT ? "no DNS server answers"
						 : "the DNS servers cannot say";

	if (!status)
		log_info(t->all->o.log, "trunk", "%s: %s is found, %u targets", t->conf->name,
			 t->conf->host_name, t->n_targets);
	else
		log_warn(t->all->o.log, "trunk", "%s: %s: %s; %s", t->conf->name,
			 t->conf->host_name, why,
			 t->n_targets ? "the last answer stays in use"
				      : "no calls go there until it is found");
}

/* Anew at 7/8 of the time or a little earlier, so that not all names meet. */
static void plan(struct trunk *t, uint32_t ttl_ms)
{
	struct trunks *all = t->all;
	uint32_t retry_ms = all->o.least_ms ? all->o.least_ms : RETRY_MS, delay = retry_ms;

	if (ttl_ms == UINT32_MAX)
		return;
	if (ttl_ms)
		delay = ttl_ms - ttl_ms / 8 - loop_random_u32(all->o.loop, ttl_ms / 16 + 1);
	t->fresh_ms = ttl_ms > delay ? ttl_ms - delay + 1 : 1;
	if (delay < retry_ms / 2)
		delay = retry_ms / 2;
	timer_start(all->o.loop, &t->refresh, delay);
}

static void on_refresh(void *arg, const struct resolve_answer *a)
{
	struct trunk *t = arg;
	int status = take(t, a) ? 0 : a->status ? a->status : -ENOENT;

	if (!status && sources_expire(t->all->sources, t->conf->index))
		changed(t->all);
	if (status != t->status)
		say(t, status);
	t->status = status;
	plan(t, a->ttl_ms);
}

static void refresh(void *arg)
{
	struct trunk *t = arg;
	struct resolve_query q = query_of(t);
	struct resolve_job *job; /* ends with the resolver, no sooner */

	q.fresh_ms = t->fresh_ms;
	if (resolve(t->all->resolver, &q, on_refresh, t, &job) < 0)
		plan(t, 0);
}

void trunk_start(struct trunk *t)
{
	timer_init(&t->refresh, refresh, t);
	t->status = t->conf->host.family ? 0 : -EINPROGRESS;
	refresh(t);
}

void trunk_stop(struct trunk *t)
{
	timer_stop(t->all->o.loop, &t->refresh);
}
