/* SPDX-License-Identifier: Apache-2.0 */
/* INVITE with Replaces: a newcomer takes the place of one of a call's legs (RFC 3891), or picks up in place of one that
 * rings. */
#include <errno.h>

#include "sip/field.h"
#include "transfer_priv.h"

/* May somebody from this trunk be in this call, in place of that leg? As a call of his could. */
static bool may_replace(const struct call *c, const struct call_leg *leg,
			const struct conf_trunk *trunk)
{
	const struct conf_trunk *stays = c->leg[leg->index ^ 1].trunk;

	if (trunk == leg->trunk)
		return true;
	for (unsigned i = 0; i < c->conf->n_routes; i++)
		if (c->conf->routes[i].from == trunk && c->conf->routes[i].to == stays)
			return true;
	return false;
}

/* `invited`: by a REFER that went through us. */
static unsigned replace_status(const struct call_leg *leg, bool early, const struct sip_replaces *r,
			       const struct conf_trunk *trunk, bool invited)
{
	const struct call *c = leg->call;

	if (leg->index == CALL_THIRD) /* he is only about to come in himself */
		return 500;
	if (trunk->transfer == CONF_FOLLOW_REFUSE || (!invited && !may_replace(c, leg, trunk)))
		return 403;
	if (c->transfer || c->lent || c->exchange)
		return 500;
	if (early)
		return c->state == CALL_CALLING && leg->index == 1 && leg->trunk == trunk ? 0 : 481;
	if (r->early_only)
		return 486;
	return c->state == CALL_ACTIVE ? 0 : 500;
}

/* Somebody picks up while another one rings: his offer is as good as an answer. */
static void *pick_up(struct call *c, struct invite *inv, const struct invite_event *e)
{
	struct call_leg *leg = &c->leg[1];
	char mem[CALL_SDP_MAX], other_mem[CALL_SDP_MAX];
	struct str sdp = call_sdp(e);
	struct invite *rings = leg->inv;
	struct buf out, other;

	buf_init(&out, mem, sizeof(mem));
	buf_init(&other, other_mem, sizeof(other_mem));
	if (c->late || c->early->settled || !sdp.n ||
	    media_answer_here(c->media, 1, sdp, &e->source, &out, &other)) {
		invite_end(inv, 488, STR_NONE);
		return NULL;
	}
	leg->inv = inv;
	leg->peer = e->source;
	leg->oa = (struct oa){ OA_GOT, false };
	leg->withheld = false;
	call_keep_privacy(leg, e->msg);
	invite_end(rings, 0, STR("Reason: SIP;cause=200\r\n"));
	call_note(c, 1, 0, NOTE_REPLACES);
	c->calls->n.replaced++;
	if (call_reply(c, leg, &(struct invite_reply){ .status = 200, .body = buf_str(&out) }) ||
	    call_hold(c,
		      &(struct invite_reply){ .status = 200,
					      .body = c->leg[0].oa.state == OA_GOT ? buf_str(&other)
										   : STR_NONE })) {
		call_because(c, "who picked up cannot be answered", 0);
		call_fsm(c, IN_BROKEN, &(struct call_in){ 0 });
		return leg;
	}
	media_commit(c->media, call_committed, c);
	call_fsm(c, IN_TAKEN, &(struct call_in){ .leg = 1, .e = e });
	return leg;
}

/* As if he had called who stays. 0, -EBUSY: there is no room for him. */
static int take_place(struct transfer *t, const struct conf_trunk *leaves)
{
	const struct call *c = t->call;
	const struct conf_trunk *stays = c->leg[t->gone ^ 1].trunk;
	int err = 0;

	for (unsigned i = 0; t->leg.trunk != leaves && i < c->conf->n_routes; i++) {
		const struct conf_route *r = &c->conf->routes[i];

		if (r->from != t->leg.trunk || r->to != stays)
			continue;
		err = call_limits_take(c->calls->limits, r);
		if (err)
			continue;
		t->route = r;
		return 0;
	}
	return err;
}

static void *take_over(struct call *c, struct call_leg *leg, struct invite *inv,
		       const struct conf_trunk *trunk, const struct invite_event *e)
{
	struct transfer *t = transfer_begin(c, leg->index, trunk);

	if (!t) {
		invite_end(inv, 503, STR_NONE);
		return NULL;
	}
	if (take_place(t, leg->trunk)) {
		invite_end(inv, 503, STR_NONE);
		media_drop_leg(c->media);
		transfer_forget(t);
		return NULL;
	}
	t->leg.inv = inv;
	t->leg.peer = e->source;
	t->server = true;
	call_keep_privacy(&t->leg, e->msg);
	t->state = T_JOINING;
	call_note(c, leg->index, 0, NOTE_REPLACES);
	exchange_reinvite(c, &t->leg, e);
	if (c->exchange)
		return &t->leg;
	/* It was refused at once, and its invite is gone with that if it could be told. */
	if (t->leg.inv)
		invite_end(t->leg.inv, 500, STR_NONE);
	t->leg.inv = NULL;
	media_drop_leg(c->media);
	transfer_forget(t);
	return NULL;
}

/* Named as transfer_map_replaces() did, to this trunk: then it was a REFER of his that brought the newcomer. NULL: it was
 * not. */
static struct call_leg *find_mapped(struct calls *cs, const struct sip_replaces *r,
				    const struct conf_trunk *trunk)
{
	struct invite *inv = sip_find_tag(cs->sip, r->to_tag);
	struct call_leg *leg = inv ? invite_arg(inv) : NULL;
	const struct call_leg *other =
		leg && leg->index < 2 ? &leg->call->leg[leg->index ^ 1] : NULL;

	if (!other || !other->inv || leg->invited != trunk->index + 1 ||
	    !str_eq(r->call_id, invite_local_tag(other->inv)) || !str_eq(r->from_tag, r->call_id))
		return NULL;
	return leg;
}

void *transfer_replaces(struct calls *cs, struct invite *inv, const struct sip_msg *m,
			const struct sip_core *core, const struct sip_hop *source)
{
	const struct sip_hdr *h = sip_hdr_first(m, SIP_HDR_REPLACES);
	const struct conf_trunk *trunk = &cs->conf->trunks[source->peer];
	struct invite_event e = { .msg = m,
				  .core = core,
				  .body = m->body,
				  .body_type = sip_value(m, SIP_HDR_CONTENT_TYPE),
				  .source = source->addr };
	struct invite_terms terms = call_terms(trunk);
	struct sip_replaces r;
	struct call_leg *leg;
	struct invite *named;
	unsigned status = 0;
	bool early = false;

	if (sip_hdr_next(m, h) || sip_replaces_parse(sip_hdr_value(m, h), &r)) {
		invite_end(inv, 400, STR_NONE);
		return NULL;
	}
	named = sip_find_invite(cs->sip, &r, &early);
	leg = named ? invite_arg(named) : find_mapped(cs, &r, trunk);
	status = leg ? replace_status(leg, early, &r, trunk, !named) : 481;
	if (status) {
		invite_end(inv, status, status == 500 ? STR("Retry-After: 5\r\n") : STR_NONE);
		return NULL;
	}
	invite_set_terms(inv, &terms);
	return early ? pick_up(leg->call, inv, &e) : take_over(leg->call, leg, inv, trunk, &e);
}
