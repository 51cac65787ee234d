/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a shard, as the configuration wants them, and what each says to the next. */
#include "shard_priv.h"

#include <errno.h>
#include <stdlib.h>

#define MAILBOX_SIZE     4096
#define TRANSACTIONS_MAX 200000 /* bound on memory under a flood: about 0.4 GB */
#define CERTIFICATE_MS   10000  /* how often it is looked whether there are new ones */

/* ---- messages between shards ---- */

struct letter {
	struct transport_mail mail;
	size_t len;
	char text[];
};

static void letter_arrived(void *owner, void *data)
{
	struct shard *s = owner;
	struct letter *l = data;

	transport_foreign(s->parts.transport, &l->mail, l->text, l->len);
	free(l);
}

/* A full mailbox loses it, which transport.c counts: better than to wait here. */
static int letter_post(void *arg, unsigned to, const struct transport_mail *mail, const char *buf,
		       size_t len)
{
	struct shard *s = arg;
	struct letter *l = malloc(sizeof(*l) + len + SIP_PAD);
	int rc;

	if (!l)
		return -ENOMEM;
	*l = (struct letter){ .mail = *mail, .len = len };
	if (len)
		memcpy(l->text, buf, len);
	memset(l->text + len, 0, SIP_PAD);
	rc = mailbox_post(s->all[to]->parts.mailbox, letter_arrived, l);
	if (rc < 0)
		free(l);
	return rc;
}

static void received(void *arg, const struct sip_hop *from, char *buf, size_t len)
{
	overload_take(((struct shard *)arg)->parts.overload, from, buf, len);
}

static void garbage(void *arg, const struct sip_hop *from, char *buf, size_t len, int error)
{
	sip_garbage(((struct shard *)arg)->parts.sip, from, buf, len, error);
}

static void broken(void *arg, const struct sip_hop *to)
{
	sip_broken(((struct shard *)arg)->parts.sip, to);
}

static int source_of(void *arg, const struct sip_hop *from)
{
	return trunks_peer_of(((struct shard *)arg)->parts.trunks, from);
}

/* ---- overload control, between the transports and the core ---- */

static void admitted(void *arg, const struct sip_hop *from, char *buf, size_t len)
{
	sip_receive(((struct shard *)arg)->parts.sip, from, buf, len);
}

static void refused(void *arg, const struct sip_hop *from, char *buf, size_t len,
		    unsigned retry_after_s)
{
	sip_refuse(((struct shard *)arg)->parts.sip, from, buf, len, retry_after_s);
}

static bool came_before(void *arg, const char *buf, size_t len)
{
	return sip_again(((struct shard *)arg)->parts.sip, buf, len);
}

static void shed_in_kernel(void *arg, bool on)
{
	struct shard *s = arg;

	transport_shed(s->parts.transport, on ? s->o.shed : NULL);
}

static bool oc_speaks(void *arg, int peer)
{
	return overload_speaks_oc(arg, peer);
}

static void oc_put(void *arg, int peer, struct buf *b)
{
	overload_put_oc(arg, peer, b);
}

static void oc_got(void *arg, int peer, struct str via_params)
{
	overload_got_oc(arg, peer, via_params);
}

static bool oc_may_send(void *arg, int peer)
{
	return overload_may_send(arg, peer);
}

/* Each shard sees its part of a neighbour's calls. */
static struct overload *overload_build(struct shard *s)
{
	const struct conf *conf = s->o.conf;
	uint32_t *rate = calloc(conf->n_trunks + 1, sizeof(*rate));
	bool *oc = calloc(conf->n_trunks + 1, sizeof(*oc));
	struct overload_options o = {
		.loop = s->loop,
		.log = s->o.log,
		.n_peers = conf->n_trunks,
		.rate = rate,
		.oc = oc,
		.emergency = conf->sip.emergency,
		.receive = admitted,
		.refuse = refused,
		.again = came_before,
		.n_shards = s->o.n_shards,
		.shed = s->o.shed,
		.in_kernel = shed_in_kernel,
		.arg = s,
	};
	struct overload *v = NULL;

	for (unsigned i = 0; rate && oc && i < conf->n_trunks; i++) {
		rate[i] = (conf->trunks[i].max_rate + s->o.n_shards - 1) / s->o.n_shards;
		oc[i] = conf->trunks[i].oc;
	}
	if (rate && oc)
		v = overload_new(&o);
	free(rate);
	free(oc);
	return v;
}

/* ---- who is known ---- */

struct known {
	struct prefix *p;
	unsigned n, room, network;
};

static void add_known(void *arg, unsigned network, const struct prefix *p, unsigned trunk)
{
	struct known *k = arg;

	if (network != k->network)
		return;
	if (k->n < k->room)
		k->p[k->n] = *p;
	k->n++;
}

/* Counts, then fills in. Without memory the filters stay what they were: who is new is dropped by them until
 * the next change. */
static void tell_network(struct shard *s, unsigned network)
{
	struct known k = { .network = network };

	trunks_each_source(s->parts.trunks, add_known, &k);
	k.room = k.n;
	k.n = 0;
	k.p = calloc(k.room + 1, sizeof(*k.p));
	if (!k.p)
		return;
	trunks_each_source(s->parts.trunks, add_known, &k);
	transport_known(s->parts.transport, (uint16_t)network, k.p, k.n);
	free(k.p);
}

static void sources_changed(void *arg)
{
	struct shard *s = arg;

	for (unsigned i = 0; i < s->o.conf->n_networks; i++)
		tell_network(s, i);
}

/* ---- building ---- */

static struct addr with_port(struct addr a, uint16_t port)
{
	a.port = a.family ? port : 0;
	return a;
}

static int networks_build(struct shard *s)
{
	const struct conf *conf = s->o.conf;

	s->networks = calloc(conf->n_networks, sizeof(*s->networks));
	if (!s->networks)
		return -ENOMEM;
	for (unsigned i = 0; i < conf->n_networks; i++) {
		const struct conf_network *n = &conf->networks[i];
		struct addr us = n->public.family ? n->public : n->address;

		s->networks[i] = (struct sip_network){
			.name = n->name,
			.advertised = with_port(us, n->sip_port),
			.advertised6 = with_port(n->address6, n->sip_port),
			.tls_port = n->tls_port,
		};
	}
	return 0;
}

static void transport_networks(const struct conf *conf, struct transport_network *out)
{
	for (unsigned i = 0; i < conf->n_networks; i++) {
		const struct conf_network *n = &conf->networks[i];

		out[i] = (struct transport_network){
			.name = n->name,
			.local = { n->address, n->address6 },
			.port = n->sip_port,
			.tls_port = n->tls_port,
			.udp = n->udp,
			.tcp = n->tcp,
			.dscp = n->sip_dscp,
			.certificate = n->certificate,
			.key = n->key,
			.ca = n->ca,
		};
	}
}

/* A trunk that says by what name or by whom its certificate must be, must show it. */
static void transport_peers(const struct shard *s, struct transport_peer *out)
{
	const struct conf *conf = s->o.conf;

	for (unsigned i = 0; i < conf->n_trunks; i++) {
		const struct conf_trunk *t = &conf->trunks[i];

		out[i] = (struct transport_peer){
			.name = t->name,
			.tls_name = trunks_tls_name(s->parts.trunks, (int)i),
			.demand = t->tls_name || t->ca,
			.certificate = t->certificate,
			.key = t->key,
			.ca = t->ca,
			.network = (uint16_t)t->on->index,
		};
	}
}

static struct transport *transport_build(struct shard *s)
{
	const struct conf *conf = s->o.conf;
	struct transport_network *networks = calloc(conf->n_networks, sizeof(*networks));
	struct transport_peer *peers = calloc(conf->n_trunks + 1, sizeof(*peers));
	struct transport_options o = {
		.loop = s->loop,
		.log = s->o.log,
		.networks = networks,
		.n_networks = conf->n_networks,
		.peers = peers,
		.n_peers = conf->n_trunks,
		.shard = s->o.index,
		.n_shards = s->o.n_shards,
		.limits = { .max_connections = conf->sip.connections,
			    .per_source = conf->sip.connections_per_source },
		.watch_ms = CERTIFICATE_MS,
		.peer_of = source_of,
		.receive = received,
		.garbage = garbage,
		.broken = broken,
		.foreign = letter_post,
		.arg = s,
	};
	struct transport *t = NULL;

	if (networks && peers) {
		transport_networks(conf, networks);
		transport_peers(s, peers);
		t = transport_new(&o);
	}
	free(networks);
	free(peers);
	return t;
}

static enum engine_kind engine_kind(const struct conf *conf)
{
	static const enum engine_kind kind[] = { [CONF_MEDIA_AUTO] = ENGINE_NONE,
						 [CONF_MEDIA_DPDK] = ENGINE_DPDK,
						 [CONF_MEDIA_KERNEL] = ENGINE_KERNEL };

	return kind[conf_media_of(conf)];
}

static struct either *either_build(struct shard *s)
{
	struct either_options o = { .loop = s->loop,
				    .log = s->o.log,
				    .path = s->o.conf->process.engine,
				    .pick = s->o.pick,
				    .leads = s->o.index == 0 };

	return either_new(&o);
}

static struct media_shard *media_build(struct shard *s)
{
	struct media_shard_options o = {
		.loop = s->loop,
		.log = s->o.log,
		.conf = s->o.conf,
		.transport = either_transport(s->either, engine_kind(s->o.conf)),
		.shard = s->o.index,
		.n_shards = s->o.n_shards,
	};

	return media_shard_new(&o);
}

static struct trunks *trunks_build(struct shard *s)
{
	struct trunks_options o = { .loop = s->loop,
				    .log = s->o.log,
				    .conf = s->o.conf,
				    .changed = sources_changed,
				    .arg = s };

	return trunks_new(&o);
}

static struct calls *calls_build(struct shard *s)
{
	struct calls_options o = {
		.loop = s->loop,
		.log = s->o.log,
		.conf = s->o.conf,
		.limits = s->o.limits,
		.media = s->parts.media,
		.trunks = s->parts.trunks,
		.shard = s->o.index,
	};

	return calls_new(&o);
}

static struct sip *sip_build(struct shard *s)
{
	struct sip_options o = {
		.loop = s->loop,
		.log = s->o.log,
		.io = { .send = transport_send, .arg = s->parts.transport },
		.user = calls_sip_user(s->parts.calls),
		.timers = { s->o.conf->sip.t1_ms, s->o.conf->sip.t2_ms, s->o.conf->sip.t4_ms },
		.networks = s->networks,
		.n_networks = s->o.conf->n_networks,
		.shard = s->o.index,
		.n_shards = s->o.n_shards,
		.max_transactions = TRANSACTIONS_MAX,
		.oc = { .speaks = oc_speaks,
			.put = oc_put,
			.got = oc_got,
			.may_send = oc_may_send,
			.arg = s->parts.overload },
	};

	return sip_new(&o);
}

/* ---- all of them ---- */

bool shard_build(struct shard *s)
{
	if (networks_build(s) < 0 || !(s->parts.mailbox = mailbox_new(s->loop, MAILBOX_SIZE, s)) ||
	    !(s->either = either_build(s)) || !(s->parts.trunks = trunks_build(s)) ||
	    !(s->parts.transport = transport_build(s)) || !(s->parts.media = media_build(s)) ||
	    !(s->parts.calls = calls_build(s)) || !(s->parts.overload = overload_build(s)) ||
	    !(s->parts.sip = sip_build(s)))
		return false;
	sources_changed(s);
	calls_set_sip(s->parts.calls, s->parts.sip);
	return true;
}

void shard_dismantle(struct shard *s)
{
	if (s->parts.calls)
		calls_free(s->parts.calls);
	if (s->parts.overload)
		overload_free(s->parts.overload);
	if (s->parts.sip)
		sip_free(s->parts.sip);
	if (s->parts.media)
		media_shard_free(s->parts.media);
	transport_free(s->parts.transport);
	trunks_free(s->parts.trunks);
	either_free(s->either);
	if (s->parts.mailbox)
		mailbox_free(s->parts.mailbox);
	free(s->networks);
}
