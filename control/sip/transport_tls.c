/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificate, which trust and which name for whom. A network has a context, and so has a neighbour
 * with files of its own or whose certificate is demanded; both call and are called with it. Contexts with
 * files of ours are made at the start: later we may not be allowed to read them, and a mistake shall be seen
 * then. One that only trusts is made when somebody is called: the system's authorities are many. */
#include "sip/transport_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct ours {
	const char *kind, *name; /* "networks.", "outside" */
	const char *certificate, *key, *ca;
	bool demand;
};

static struct tls_context *make(struct transport *t, const struct ours *f)
{
	char what[96];
	struct tls_options o = {
		.loop = t->o.loop,
		.log = t->o.log,
		.name = what,
		.certificate = f->certificate,
		.key = f->key,
		.ca = f->ca,
		.server = f->certificate != NULL,
		.demand = f->demand,
		.watch_ms = t->o.watch_ms,
	};

	snprintf(what, sizeof(what), "%s%s", f->kind, f->name);
	return tls_context_new(&o);
}

static struct tls_context *make_network(struct transport *t, unsigned i)
{
	const struct transport_network *n = &t->networks[i];
	struct ours f = { "networks.", n->name, n->certificate, n->key, n->ca, false };

	if (!t->of_network[i])
		t->of_network[i] = make(t, &f);
	return t->of_network[i];
}

static bool is_special(const struct transport_peer *p)
{
	return p->certificate || p->ca || p->demand;
}

static struct tls_context *make_peer(struct transport *t, unsigned i)
{
	const struct transport_peer *p = &t->peers[i];
	const struct transport_network *n = &t->networks[p->network];
	struct ours f = { "", p->name, n->certificate, n->key, n->ca, p->demand };

	if (p->certificate) {
		f.certificate = p->certificate;
		f.key = p->key;
	}
	if (p->ca)
		f.ca = p->ca;
	t->of_peer[i] = make(t, &f);
	return t->of_peer[i];
}

int transport_tls_start(struct transport *t)
{
	t->of_network = calloc(t->o.n_networks + 1, sizeof(struct tls_context *));
	t->of_peer = calloc(t->o.n_peers + 1, sizeof(struct tls_context *));
	if (!t->of_network || !t->of_peer)
		return -ENOMEM;
	for (unsigned i = 0; i < t->o.n_networks; i++)
		if (t->networks[i].certificate && !make_network(t, i))
			return -errno;
	for (unsigned i = 0; i < t->o.n_peers; i++)
		if (is_special(&t->peers[i]) && !make_peer(t, i))
			return -errno;
	return 0;
}

static void free_all(struct tls_context **c, unsigned n)
{
	for (unsigned i = 0; c && i < n; i++)
		tls_context_free(c[i]);
	free(c);
}

void transport_tls_free(struct transport *t)
{
	free_all(t->of_network, t->o.n_networks);
	free_all(t->of_peer, t->o.n_peers);
}

/* ---- who calls us ---- */

struct tls_context *transport_tls_listen(struct transport *t, unsigned network)
{
	return t->networks[network].certificate ? t->of_network[network] : NULL;
}

static bool has_peer(const struct transport *t, int peer)
{
	return peer >= 0 && (unsigned)peer < t->o.n_peers;
}

/* It listens, so it has a certificate, and so has that of the neighbour. */
struct tls_context *transport_tls_context(void *transport, const struct sip_hop *from)
{
	struct transport *t = transport;

	return has_peer(t, from->peer) ? t->of_peer[from->peer] : NULL;
}

enum stream_verdict transport_tls_verify(void *transport, const struct sip_hop *from,
					 const struct tls *tls)
{
	struct transport *t = transport;
	const struct transport_peer *p = has_peer(t, from->peer) ? &t->peers[from->peer] : NULL;

	if (p && p->tls_name && tls_peer_is(tls, p->tls_name))
		return STREAM_PROVEN;
	return p && p->demand ? STREAM_REFUSED : STREAM_TAKEN;
}

/* ---- whom we call ---- */

bool transport_tls_route(struct transport *t, const struct sip_hop *to, struct stream_route *r)
{
	if (!has_peer(t, to->peer) || !t->peers[to->peer].tls_name)
		return false;
	r->name = t->peers[to->peer].tls_name;
	r->tls = t->of_peer[to->peer];
	if (!r->tls)
		r->tls = make_network(t, to->network);
	return r->tls != NULL;
}

/* ---- their time ---- */

int transport_reload(struct transport *t)
{
	int first = 0, rc;

	for (unsigned i = 0; i < t->o.n_networks + t->o.n_peers; i++) {
		struct tls_context *c =
			i < t->o.n_networks ? t->of_network[i] : t->of_peer[i - t->o.n_networks];

		rc = c ? tls_context_reload(c) : 0;
		if (first == 0)
			first = rc;
	}
	return first;
}

int64_t transport_expires(const struct transport *t)
{
	int64_t first = 0;

	for (unsigned i = 0; i < t->o.n_networks + t->o.n_peers; i++) {
		const struct tls_context *c =
			i < t->o.n_networks ? t->of_network[i] : t->of_peer[i - t->o.n_networks];
		int64_t end = c ? tls_context_expires(c) : 0;

		if (end && (first == 0 || end < first))
			first = end;
	}
	return first;
}
