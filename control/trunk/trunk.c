/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include "trunk/trunk_priv.h"

/* ---- targets ---- */

static struct resolve_target target_of(const struct sip_hop *h)
{
	return (struct resolve_target){ .addr = h->addr, .transport = h->transport };
}

unsigned trunks_targets(struct trunks *t, unsigned trunk, struct sip_hop out[SIP_TARGETS_MAX])
{
	struct trunk *x = &t->trunk[trunk];

	trunk_draw(x);
	memcpy(out, x->target, x->n_targets * sizeof(*out));
	return x->n_targets;
}

int trunks_status(const struct trunks *t, unsigned trunk)
{
	return t->trunk[trunk].status;
}

bool trunks_is_dead(const struct trunks *t, const struct sip_hop *target)
{
	struct resolve_target r = target_of(target);

	return resolver_is_dead(t->resolver, &r);
}

static const char *name_of(const struct trunks *t, const struct sip_hop *h)
{
	return h->peer >= 0 && (unsigned)h->peer < t->n ? t->trunk[h->peer].conf->name : "?";
}

void trunks_target(void *trunks, const struct sip_hop *to, unsigned status, uint32_t retry_after_s)
{
	struct trunks *t = trunks;
	struct resolve_target r = target_of(to);
	bool was_dead = resolver_is_dead(t->resolver, &r);
	char text[ADDR_STR_MAX];

	if (status)
		resolver_dead(t->resolver, &r,
			      retry_after_s < UINT32_MAX / 1000 ? retry_after_s * 1000
								: UINT32_MAX);
	else if (was_dead)
		resolver_alive(t->resolver, &r);
	if (!status == !was_dead)
		return;
	log_notice(t->o.log, "trunk", "%s: %s %s %s", name_of(t, to),
		   sip_transport_name(to->transport), addr_print(&to->addr, text),
		   !status         ? "answers again"
		   : status == 503 ? "has no room (503): others go first"
				   : "does not answer: others go first");
	for (unsigned i = 0; i < t->n; i++)
		t->trunk[i].redraw = true;
}

/* ---- who it is ---- */

int trunks_peer_of(void *trunks, const struct sip_hop *from)
{
	struct trunks *t = trunks;
	const struct conf_trunk *known = conf_trunk_of(t->o.conf, from->network, &from->addr);

	return known ? (int)known->index : sources_find(t->sources, from->network, &from->addr);
}

const char *trunks_tls_name(void *trunks, int trunk)
{
	struct trunks *t = trunks;
	const struct conf_trunk *c;

	if (trunk < 0 || (unsigned)trunk >= t->n)
		return NULL;
	c = t->trunk[trunk].conf;
	if (c->transport == CONF_TRANSPORT_UDP || c->transport == CONF_TRANSPORT_TCP)
		return NULL;
	return c->tls_name ? c->tls_name : c->host_name;
}

void trunks_each_source(const struct trunks *t, trunk_source_fn *fn, void *arg)
{
	for (unsigned i = 0; i < t->n; i++) {
		const struct conf_trunk *c = t->trunk[i].conf;

		for (unsigned k = 0; k < c->n_sources; k++)
			fn(arg, c->on->index, &c->sources[k], i);
	}
	sources_each(t->sources, fn, arg);
}

/* ---- the whole ---- */

static void call_changed(void *arg)
{
	struct trunks *t = arg;

	t->o.changed(t->o.arg);
}

static struct resolver *resolver_build(const struct trunks_options *o)
{
	return resolver_new(&(struct resolver_options){
		.loop = o->loop,
		.log = o->log,
		.servers = o->conf->sip.dns,
		.n_servers = o->conf->sip.n_dns,
		.timeout_ms = o->dns_timeout_ms,
		.dead_ms = o->dead_ms,
		.least_ms = o->least_ms,
	});
}

struct trunks *trunks_new(const struct trunks_options *o)
{
	struct trunks *t = calloc(1, sizeof(*t) + o->conf->n_trunks * sizeof(t->trunk[0]));
	int err = ENOMEM;

	if (!t)
		return NULL;
	t->o = *o;
	t->changed = (struct loop_task){ .run = call_changed, .arg = t };
	t->sources = sources_new(o->loop, o->conf->n_trunks);
	if (t->sources) {
		t->resolver = resolver_build(o);
		err = errno;
	}
	if (!t->resolver) {
		trunks_free(t);
		errno = err;
		return NULL;
	}
	t->n = o->conf->n_trunks;
	for (unsigned i = 0; i < t->n; i++) {
		t->trunk[i].all = t;
		t->trunk[i].conf = &o->conf->trunks[i];
		trunk_start(&t->trunk[i]);
	}
	return t;
}

void trunks_free(struct trunks *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < t->n; i++)
		trunk_stop(&t->trunk[i]);
	loop_undefer(t->o.loop, &t->changed);
	resolver_free(t->resolver);
	sources_free(t->sources);
	free(t);
}

void trunks_counters(const struct trunks *t, void (*fn)(void *arg, const char *name, uint64_t v),
		     void *arg)
{
	uint64_t unresolved = 0;

	for (unsigned i = 0; i < t->n; i++)
		unresolved += t->trunk[i].n_targets == 0;
	resolver_counters(t->resolver, fn, arg);
	fn(arg, "trunks.unresolved", unresolved);
}
