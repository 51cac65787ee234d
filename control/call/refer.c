/* SPDX-License-Identifier: Apache-2.0 */
/* REFER in the dialog of a call, followed here: RFC 3515, 5589, 4488. */
#include <errno.h>

#include "sip/field.h"
#include "transfer_priv.h"

static void answer(const struct invite_event *e, unsigned status)
{
	struct invite_reply r = { .status = status };

	if (status == 500)
		r.headers = STR("Retry-After: 5\r\n");
	sip_request_reply(e->request, &r);
}

/* RFC 4488: he wants no NOTIFYs. */
static bool is_silent(const struct sip_msg *m)
{
	struct sip_word w;

	return sip_word_parse(sip_value(m, SIP_HDR_REFER_SUB), &w) == 0 &&
	       str_caseeq(w.token, STR("false"));
}

static unsigned invite_target(struct transfer *t, const struct invite_event *e,
			      const struct sip_uri *uri, const struct sip_replaces *replaces)
{
	struct call *c = t->call;
	const struct call_leg *stays = &c->leg[t->gone ^ 1];
	const struct conf_trunk *to = t->leg.trunk;
	struct policy_party party = { .caller = stays->user,
				      .withheld = stays->withheld,
				      .callee = uri->user,
				      .refer = call_is_nameless(&c->leg[t->gone], e->msg) ? NULL
											  : e->msg,
				      .replaces = replaces };
	struct sip_hop targets[SIP_TARGETS_MAX];
	unsigned n = trunks_targets(c->calls->trunks, to->index, targets);
	char sdp_mem[CALL_SDP_MAX], mem[POLICY_MEMORY];
	struct invite_params p;
	struct policy_invite i;
	struct buf sdp, b;

	buf_init(&sdp, sdp_mem, sizeof(sdp_mem));
	buf_init(&b, mem, sizeof(mem));
	if (!n || policy_invite_party(&party, to, &b, &i) ||
	    media_make_offer(c->media, CALL_THIRD, &sdp))
		return 503;
	t->leg.peer = targets[0].addr;
	t->leg.user = arena_str(c->arena, i.callee);
	p = (struct invite_params){ .targets = { targets, n, to->failover_ms },
				    .ruri = i.ruri,
				    .from = i.from,
				    .to = i.to,
				    .contact_user = i.contact_user,
				    .headers = i.headers,
				    .body = buf_str(&sdp),
				    .body_type = call_sdp_type,
				    .max_forwards = e->core->max_forwards
							    ? (uint8_t)(e->core->max_forwards - 1)
							    : 0,
				    .ring_ms = to->ring_timeout_s * 1000,
				    .terms = call_terms(to),
				    .arg = &t->leg };
	t->leg.inv = invite_send(c->calls->sip, &p);
	oa_input(&t->leg.oa, OA_SENT_INVITE_SDP);
	call_said(c, CALL_THIRD, buf_str(&sdp));
	return t->leg.inv ? 0 : 503;
}

/* 202, and what comes of it. */
static void accept_refer(struct transfer *t, const struct invite_event *e)
{
	t->refer = true;
	t->tell = !is_silent(e->msg);
	t->refer_cseq = e->core->cseq.num;
	t->call->n_transfers++;
	sip_request_reply(e->request,
			  &(struct invite_reply){
				  .status = 202,
				  .headers = t->tell ? STR_NONE : STR("Refer-Sub: false\r\n") });
	call_note(t->call, t->gone, 0, NOTE_TRANSFER);
	transfer_tell(t, 100);
}

static unsigned route_status(int err)
{
	return err == -EACCES ? 403 : err == -ENOENT ? 404 : 503;
}

/* Who else than the referrer may be taken for the one who calls: who stays, where he called before, as with a 3xx, or
 * where it goes inside. A caller from outside does not make his callee call out again. */
static const struct conf_trunk *calls_there(const struct call *c, unsigned leg)
{
	const struct conf_trunk *by = c->leg[leg].trunk;

	return leg || by->profile == CONF_PROFILE_PBX ? c->leg[leg ^ 1].trunk : by;
}

/* To somebody who is in no call of ours. */
static void refer_to(struct call *c, unsigned leg, const struct invite_event *e,
		     const struct sip_uri *uri, const struct sip_replaces *replaces)
{
	const struct conf_route *route;
	struct transfer *t;
	unsigned status;
	int err = policy_retarget(c->conf, c->leg[leg].trunk->index, calls_there(c, leg)->index,
				  uri, c->calls->limits, &route);

	if (err) {
		answer(e, route_status(err));
		return;
	}
	t = transfer_begin(c, leg, route->to);
	if (!t) {
		call_limits_give(c->calls->limits, route);
		answer(e, 503);
		return;
	}
	t->route = route;
	accept_refer(t, e);
	/* A dialog that is none of ours is known to those on the referrer's own trunk, and nobody else is to hear of it. */
	status = invite_target(t, e, uri, route->to == c->leg[leg].trunk ? replaces : NULL);
	if (!status)
		return;
	t->status = (uint16_t)status;
	transfer_input(t, TI_FAILED, &(struct transfer_in){ 0 });
}

static bool can_lend(const struct call *from, const struct call *to, unsigned leg)
{
	return from != to && from->state == CALL_ACTIVE && !from->transfer && !from->exchange &&
	       !from->lent && from->leg[leg].inv;
}

/* To the other party of a call that the referrer has too. */
static void refer_join(struct call *c, unsigned leg, const struct invite_event *e,
		       struct call_leg *named)
{
	struct call *from = named->call;
	unsigned index = named->index ^ 1;
	struct transfer *t = NULL;

	if (named->trunk != c->leg[leg].trunk) { /* whoever told him: it is not his */
		answer(e, 403);
		return;
	}
	if (named->index < 2 && can_lend(from, c, index))
		t = transfer_begin(c, leg, from->leg[index].trunk);
	if (!t) {
		answer(e, 500);
		return;
	}
	t->from = from;
	t->from_leg = (uint8_t)index;
	from->lent = t;
	media_copy_origin(c->media, MEDIA_THIRD, from->media, index);
	t->leg = from->leg[index];
	t->leg.user = arena_str(c->arena, t->leg.user); /* that call is gone before this one */
	t->leg.call = c;
	t->leg.index = CALL_THIRD;
	from->leg[index].inv = NULL;
	invite_set_arg(t->leg.inv, &t->leg);
	accept_refer(t, e);
	t->state = T_HERE;
	transfer_input(t, TI_FREE, &(struct transfer_in){ 0 });
}

/* The dialog that the target is to give up, as he sees it; 0, or the status to refuse with. */
static unsigned read_replaces(const struct sip_refer_to *r, struct buf *mem,
			      struct sip_replaces *out)
{
	sip_put_unescaped(mem, r->replaces);
	return buf_ok(mem) && sip_replaces_parse(buf_str(mem), out) == 0 ? 0 : 400;
}

static unsigned refusal(const struct call *c, unsigned leg)
{
	if (c->leg[leg].trunk->transfer == CONF_FOLLOW_REFUSE)
		return 603;
	if (c->calls->draining)
		return 503;
	if (c->n_transfers == TRANSFERS_MAX)
		return 603;
	if (c->state != CALL_ACTIVE || c->transfer || c->lent)
		return 500;
	return 0;
}

bool transfer_refer(struct call *c, unsigned leg, const struct invite_event *e)
{
	const struct sip_hdr *h = sip_hdr_first(e->msg, SIP_HDR_REFER_TO);
	struct sip_replaces replaces;
	struct sip_refer_to to;
	struct invite *inv;
	char mem[512];
	struct buf b;
	unsigned status = refusal(c, leg);
	bool early;

	if (c->leg[leg].trunk->transfer == CONF_FOLLOW_PASS)
		return false;
	if (!status &&
	    (!h || sip_hdr_next(e->msg, h) || sip_refer_to_parse(sip_hdr_value(e->msg, h), &to)))
		status = 400;
	if (!status && to.method.n && !str_eq(to.method, STR("INVITE")))
		status = 403;
	buf_init(&b, mem, sizeof(mem));
	if (!status && to.replaces.n)
		status = read_replaces(&to, &b, &replaces);
	if (status) {
		answer(e, status);
		return true;
	}
	inv = to.replaces.n ? sip_find_invite(c->calls->sip, &replaces, &early) : NULL;
	if (inv)
		refer_join(c, leg, e, invite_arg(inv));
	else
		refer_to(c, leg, e, &to.uri, to.replaces.n ? &replaces : NULL);
	return true;
}

/* ---- REFER that is passed on ---- */

/* The dialog of the referrer's other call goes by names of ours there, which say nothing of him: the tag of its leg
 * towards him, and that of the leg towards who is to be taken over. replaces.c knows them when they come back. */
bool transfer_map_replaces(const struct call *c, const struct conf_trunk *from,
			   const struct conf_trunk *to, const struct sip_replaces *in,
			   struct sip_replaces *out)
{
	bool early;
	struct invite *inv = sip_find_invite(c->calls->sip, in, &early);
	struct call_leg *leg = inv ? invite_arg(inv) : NULL;
	const struct call_leg *other;

	if (!leg || early || leg->index > 1 || leg->call == c || leg->trunk != from)
		return false;
	other = &leg->call->leg[leg->index ^ 1];
	if (!other->inv)
		return false;
	leg->invited = (uint16_t)(to->index + 1);
	*out = (struct sip_replaces){ .call_id = invite_local_tag(other->inv),
				      .to_tag = invite_local_tag(leg->inv),
				      .from_tag = invite_local_tag(other->inv) };
	return true;
}
