/* SPDX-License-Identifier: Apache-2.0 */
/* Where a call goes, and where it goes on. */
#include <errno.h>

#include "policy_priv.h"

int policy_route(const struct conf *c, unsigned trunk, struct call_limits *l,
		 const struct conf_route **out)
{
	int err = -EACCES;

	for (unsigned i = 0; i < c->n_routes; i++) {
		const struct conf_route *r = &c->routes[i];

		if (r->from->index != trunk)
			continue;
		err = call_limits_take(l, r);
		if (!err) {
			*out = r;
			return 0;
		}
	}
	return err;
}

const struct conf_route *policy_way(const struct conf *c, unsigned trunk)
{
	for (unsigned i = 0; i < c->n_routes; i++)
		if (c->routes[i].from->index == trunk)
			return &c->routes[i];
	return NULL;
}

/* ---- a new target ---- */

#define FIT_NAME 129 /* as good as the longest prefix, and better than any of IPv4 */

/* 0: the host of the URI is not one of the trunk; the longest prefix that has it, or its name. */
static unsigned fits(const struct conf_trunk *t, struct str host, const struct addr *ip)
{
	unsigned best = 0;

	if (str_caseeq(host, str_of(t->domain)) || str_caseeq(host, str_of(t->host_name)))
		return FIT_NAME;
	for (unsigned i = 0; ip->family && i < t->n_sources; i++)
		if (prefix_has(&t->sources[i], ip) && t->sources[i].len >= best)
			best = t->sources[i].len + 1u;
	return best;
}

struct target {
	const struct conf *c;
	struct str host;
	struct addr ip; /* family 0: host is a name */
	unsigned best;  /* fit of the trunks that are meant; 0: nobody's host */
};

static struct target target_of(const struct conf *c, const struct sip_uri *uri)
{
	struct target t = { .c = c, .host = uri->host };

	if (uri->scheme == SIP_SCHEME_TEL)
		return t;
	if (sip_uri_addr(uri, &t.ip))
		t.ip = (struct addr){ 0 };
	t.ip.port = 0;
	for (unsigned i = 0; i < c->n_trunks; i++) {
		unsigned fit = fits(&c->trunks[i], t.host, &t.ip);

		if (fit > t.best)
			t.best = fit;
	}
	return t;
}

static bool leads_to(const struct target *t, const struct conf_route *r, unsigned asker,
		     unsigned caller)
{
	unsigned from = r->to->index == asker ? caller : asker;

	return r->from->index == from && fits(r->to, t->host, &t->ip) == t->best;
}

int policy_retarget(const struct conf *c, unsigned asker, unsigned caller,
		    const struct sip_uri *uri, struct call_limits *l, const struct conf_route **out)
{
	struct target t = target_of(c, uri);
	struct identity id;
	int err = -EACCES;

	if (identity_of(uri, &id) || !id.user.n)
		return -ENOENT;
	if (!t.best)
		return policy_route(c, asker, l, out);
	for (unsigned i = 0; err && i < c->n_routes; i++) {
		if (!leads_to(&t, &c->routes[i], asker, caller))
			continue;
		err = call_limits_take(l, &c->routes[i]);
		if (!err)
			*out = &c->routes[i];
	}
	return err;
}
