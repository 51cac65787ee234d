/* SPDX-License-Identifier: Apache-2.0 */
/* All calls of a shard, as the user of its SIP core. */
#include <errno.h>
#include <stdlib.h>

#include "call/relay_priv.h"

struct calls *calls_new(const struct calls_options *o)
{
	struct calls *cs = calloc(1, sizeof(*cs));

	if (!cs)
		return NULL;
	cs->loop = o->loop;
	cs->log = o->log;
	cs->conf = conf_get(o->conf);
	cs->limits = o->limits;
	cs->media = o->media;
	cs->trunks = o->trunks;
	cs->shard = o->shard;
	cs->max_subscriptions = o->max_subscriptions;
	return cs;
}

void calls_set_sip(struct calls *c, struct sip *sip)
{
	c->sip = sip;
}

void calls_free(struct calls *c)
{
	if (!c)
		return;
	while (c->first) {
		struct media *m = c->first->media ? c->first->media : c->first->ended;

		if (m)
			media_drop(m);
		for (struct call_given_up *g = c->first->rare ? c->first->rare->given_up : NULL; g;
		     g = g->next)
			media_drop(g->media);
		call_free(c->first);
	}
	relay_free_all(c);
	watch_free_all(c);
	conf_put(c->conf);
	free(c);
}

size_t calls_count(const struct calls *c)
{
	return c->count;
}

/* Some calls are gone at once: the next one is looked up before. */
void calls_drain(struct calls *c)
{
	struct call_in in = { 0 };
	struct call *next;

	c->draining = true;
	for (struct call *call = c->first; call; call = next) {
		next = call->next;
		call_fsm(call, IN_DRAIN, &in);
	}
}

static int peer_of(void *arg, const struct sip_hop *hop)
{
	struct calls *cs = arg;

	return trunks_peer_of(cs->trunks, hop);
}

static void target(void *arg, const struct sip_hop *to, unsigned status, uint32_t retry_after_s)
{
	struct calls *cs = arg;

	trunks_target(cs->trunks, to, status, retry_after_s);
}

static bool tcp_allowed(void *arg, int peer)
{
	const struct calls *cs = arg;

	return peer >= 0 && cs->conf->trunks[peer].transport == CONF_TRANSPORT_AUTO;
}

static void *new_invite(void *arg, struct invite *inv, const struct sip_msg *m,
			const struct sip_core *core, const struct sip_hop *source)
{
	struct calls *cs = arg;
	struct call_in in = { .msg = m, .core = core, .source = &source->addr };
	struct call_leg *leg;
	struct call *c;

	if (sip_hdr_first(m, SIP_HDR_REPLACES))
		return transfer_replaces(cs, inv, m, core, source);
	c = call_new(cs, inv, &cs->conf->trunks[source->peer], &source->addr);
	if (!c) {
		invite_end(inv, 503, STR_NONE);
		return NULL;
	}
	leg = &c->leg[0];
	cs->newest = c;
	call_fsm(c, IN_INVITE, &in);
	/* A refused call may be gone by now, or only wait for its media. */
	return cs->newest && leg->inv ? leg : NULL;
}

static bool give(const struct conf_login *l, struct auth_login *out)
{
	static const unsigned algorithms[] = {
		[CONF_ALGORITHM_SHA_256] = AUTH_BIT(AUTH_SHA256) | AUTH_BIT(AUTH_SHA512_256),
		[CONF_ALGORITHM_MD5] = AUTH_BIT(AUTH_MD5),
	};

	*out = (struct auth_login){ l->user, l->password, l->realm, algorithms[l->algorithm] };
	return l->user != NULL;
}

static bool login(void *arg, int peer, struct auth_login *out)
{
	const struct calls *cs = arg;

	return give(&cs->conf->trunks[peer].login, out);
}

static bool challenge(void *arg, int peer, struct auth_login *out)
{
	const struct calls *cs = arg;

	if (!give(&cs->conf->trunks[peer].challenge, out))
		return false;
	out->algorithms &= ~AUTH_BIT(AUTH_SHA512_256); /* hardly anybody knows it */
	return true;
}

struct sip_user calls_sip_user(struct calls *c)
{
	return (struct sip_user){
		.peer_of = peer_of,
		.invite = new_invite,
		.event = call_leg_event,
		.request = calls_request,
		.subscription = watch_request,
		.target = target,
		.tcp_allowed = tcp_allowed,
		.login = login,
		.challenge = challenge,
		.arg = c,
	};
}
