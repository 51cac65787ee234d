/* SPDX-License-Identifier: Apache-2.0 */
/* 3xx of the callee, followed here: the first of its Contacts that the rules of the configuration let the redirecting
 * side reach gets the INVITE, with the caller's own offer. Nobody is asked twice, and not more than a few at all. */
#include <errno.h>
#include <stdlib.h>

#include "base/table.h" /* siphash() */
#include "call_priv.h"
#include "sip/field.h"

struct copy {
	struct sip_msg m;
	struct sip_core core;
	char text[];
};

/* The INVITE as it came. NULL: no memory. */
static struct copy *read_invite(const struct early *e)
{
	struct copy *copy = malloc(sizeof(*copy) + e->invite_len + SIP_PAD);

	if (!copy)
		return NULL;
	memcpy(copy->text, e->invite, e->invite_len);
	memset(copy->text + e->invite_len, 0, SIP_PAD);
	if (sip_msg_parse(&copy->m, copy->text, e->invite_len) ||
	    sip_msg_core(&copy->m, &copy->core)) {
		free(copy);
		return NULL;
	}
	return copy;
}

/* 305 and 380 say something else (RFC 3261 21.3.4, 21.3.5). */
bool redirect_is(unsigned status)
{
	return status >= 300 && status <= 302;
}

bool redirect_wanted(const struct call *c, const struct invite_event *e)
{
	return redirect_is(e->status) && c->state == CALL_CALLING && c->early && e->msg &&
	       c->leg[1].trunk->redirect == CONF_FOLLOW_HERE && !c->leg[0].oa.agreed &&
	       c->leg[0].oa.state != OA_SENT && c->early->n_redirects < REDIRECTS_MAX;
}

static uint64_t place(const struct call *c, const struct conf_trunk *trunk, struct str user)
{
	const uint64_t key[2] = { c->id, trunk->index };

	return siphash(key, user.p, user.n);
}

static bool been_there(const struct early *e, uint64_t where)
{
	for (unsigned i = 0; i <= e->n_redirects; i++)
		if (e->been[i] == where)
			return true;
	return false;
}

/* The best Contact (by q) that can be gone to; its place is taken. NULL: none. */
static const struct sip_uri *choose(struct call *c, struct sip_contacts *contacts,
				    const struct conf_route **route)
{
	const struct conf_trunk *by = c->leg[1].trunk;
	bool tried[SIP_CONTACTS_MAX] = { false };

	for (unsigned round = 0; round < contacts->n; round++) {
		unsigned best = SIP_CONTACTS_MAX;

		for (unsigned i = 0; i < contacts->n; i++)
			if (!tried[i] &&
			    (best == SIP_CONTACTS_MAX || contacts->c[i].q > contacts->c[best].q))
				best = i;
		tried[best] = true;
		if (policy_retarget(c->conf, by->index, c->leg[0].trunk->index,
				    &contacts->c[best].uri, c->calls->limits, route))
			continue;
		if (!been_there(c->early, place(c, (*route)->to, contacts->c[best].uri.user)))
			return &contacts->c[best].uri;
		call_limits_give(c->calls->limits, *route);
	}
	return NULL;
}

/* Everything of the callee that was is forgotten; of the caller nothing was promised for good. */
static void start_over(struct call *c, const struct conf_route *route, struct call_given_up *up)
{
	struct early *e = c->early;

	*up = (struct call_given_up){ c->rare->given_up, c->media };
	c->rare->given_up = up;
	c->reports++;
	media_end(c->media, call_reported, c);
	c->media = NULL;
	call_leave_route(c);
	c->route = route;
	c->leg[1].trunk = route->to;
	c->leg[1].oa = (struct oa){ 0 };
	memset(e->fork, 0, sizeof(e->fork));
	free((char *)e->answer.p);
	e->answer = STR_NONE;
	e->heard = e->prack = 0;
	call_unhold(c);
}

/* IN_REDIRECT */
enum call_input call_redirect(struct call *c, const struct call_in *in)
{
	struct early *e = c->early;
	struct copy *copy = read_invite(e);
	struct call_given_up *up = arena_alloc(c->arena, sizeof(*up));
	const struct conf_route *route;
	struct sip_contacts contacts;
	const struct sip_uri *uri = NULL;
	enum call_input next;

	if (copy && up && call_rare(c) && !sip_contacts_parse(in->e->msg, &contacts)) {
		if (!e->n_redirects)
			e->been[0] = place(c, c->leg[1].trunk, c->leg[1].user);
		uri = choose(c, &contacts, &route);
	}
	if (!uri) {
		free(copy);
		return IN_FAIL;
	}
	call_note(c, 1, in->e->status, NOTE_REDIRECTED);
	c->calls->n.redirects++;
	log_info(c->calls->log, "call", "%016llx: redirected: %s in place of %s",
		 (unsigned long long)c->id, route->to->name, c->leg[1].trunk->name);
	e->been[++e->n_redirects] = place(c, route->to, uri->user);
	start_over(c, route, up);
	next = call_invite_again(c, &copy->m, &copy->core, uri, in->e->msg);
	free(copy);
	return next;
}
