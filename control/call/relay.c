/* SPDX-License-Identifier: Apache-2.0 */
/* One request that is no call: written anew for the other side, and its answer for this one. */
#include <errno.h>
#include <stdlib.h>

#include "call/relay_priv.h"
#include "sip/field.h"

struct relay {
	struct relay *next, **pprev;
	struct calls *calls;
	struct sip_request *request;
	struct conf *conf;
	const struct conf_trunk *from; /* who waits for the answer */
	struct watch *watch;
	struct watch_asked asked;
};

/* ---- answers ---- */

static void put_allow(struct buf *b)
{
	buf_lit(b, "Allow: ");
	buf_put(b, sip_allow);
	buf_lit(b, "\r\n");
}

void relay_refuse(struct calls *cs, const struct relay_in *in, unsigned status)
{
	struct invite_reply reply = { .status = status };
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	cs->n.requests_refused++;
	if (status == 405 || status == 501)
		put_allow(&b);
	else if (status == 500 || status == 503)
		buf_lit(&b, "Retry-After: 5\r\n");
	policy_refusal((enum sip_method)in->msg->method, status, &b);
	reply.headers = buf_str(&b);
	sip_request_reply(in->request, &reply);
}

static void relay_free(struct relay *r)
{
	*r->pprev = r->next;
	if (r->next)
		r->next->pprev = r->pprev;
	if (r->watch)
		watch_leave(r->watch);
	conf_put(r->conf);
	free(r);
}

void relay_free_all(struct calls *cs)
{
	while (cs->relays)
		relay_free(cs->relays);
}

static void pass_answer(struct relay *r, const struct exchange_event *e)
{
	struct invite_reply reply = { .status = policy_answer_status(e->status) };
	char mem[POLICY_MEMORY];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (r->asked.method == SIP_OPTIONS || reply.status == 405 || reply.status == 501)
		put_allow(&b);
	policy_answer(e->msg, r->from, &b);
	reply.headers = buf_ok(&b) ? buf_str(&b) : STR_NONE;
	sip_request_reply(r->request, &reply);
}

/* RFC 4320 4.2: nobody is told 408. */
static void answered(void *arg, const struct exchange_event *e)
{
	struct relay *r = arg;

	if (e->status >= 300)
		r->calls->n.requests_failed++;
	if (e->status == 408)
		sip_request_drop(r->request);
	else
		pass_answer(r, e);
	if (r->watch)
		watch_answered(r->watch, &r->asked, e);
	relay_free(r);
}

/* ---- REFERs by number: RFC 3515 2.4.6 ---- */

static void note_refer(const struct relay_in *in, uint32_t sent)
{
	struct call_refers *r = in->refers;

	if (r && in->msg->method == SIP_REFER)
		r->refer[r->n++ % CALL_REFERS] =
			(struct call_refer){ .cseq = { in->core->cseq.num, sent },
					     .leg = (uint8_t)in->leg };
}

/* What a request calls a REFER by its number on the leg that it came from, is another number on the other
 * leg. */
static uint32_t refer_id(const void *arg, uint32_t id)
{
	const struct relay_in *in = arg;
	const struct call_refers *r = in->refers;

	for (unsigned i = 0; r && i < CALL_REFERS && i < r->n; i++) {
		unsigned here = r->refer[i].leg == in->leg ? 0 : 1;

		if (r->refer[i].cseq[here] == id)
			return r->refer[i].cseq[!here];
	}
	return 0;
}

/* A dialog that a REFER names, where it crosses a call. */
static bool replaces(const void *arg, const struct sip_replaces *in, struct sip_replaces *out)
{
	const struct relay_in *relay = arg;

	return relay->call && transfer_map_replaces(relay->call, relay->from, relay->to, in, out);
}

/* ---- requests ---- */

static bool is_terminated(const struct sip_msg *m)
{
	struct sip_sub_state st;

	return m->method == SIP_NOTIFY &&
	       !sip_sub_state_parse(sip_value(m, SIP_HDR_SUBSCRIPTION_STATE), &st) &&
	       st.state == SIP_SUB_TERMINATED;
}

static struct relay *relay_new(struct calls *cs, const struct relay_in *in)
{
	struct relay *r = malloc(sizeof(*r));

	if (!r)
		return NULL;
	*r = (struct relay){ .next = cs->relays,
			     .pprev = &cs->relays,
			     .calls = cs,
			     .request = in->request,
			     .conf = conf_get(in->conf),
			     .from = in->from,
			     .watch = in->watch,
			     .asked = { .method = in->msg->method,
					.begins = in->watch && !in->sub,
					.terminated = is_terminated(in->msg) } };
	if (r->next)
		r->next->pprev = &r->next;
	cs->relays = r;
	if (r->watch)
		watch_enter(r->watch);
	return r;
}

/* False + errno. */
static bool send_on(struct calls *cs, const struct relay_in *in, const struct exchange_params *p)
{
	struct watch *w = in->watch;
	struct sip_exchange *x;

	if (w && !in->sub) { /* it begins with this request */
		w->side[1].sub = subscription_send(cs->sip, p);
		if (!w->side[1].sub)
			return false;
		subscription_set_arg(w->side[1].sub, &w->side[1]);
		note_refer(in, 1);
		return true;
	}
	x = in->inv   ? invite_request(in->inv, p)
	    : in->sub ? subscription_request(in->sub, p)
		      : sip_send(cs->sip, p);
	if (x)
		note_refer(in, sip_exchange_cseq(x));
	return x != NULL;
}

static unsigned status_of(int err)
{
	switch (err) {
	case EMSGSIZE:
		return 513;
	case EBUSY: /* the other dialog is not there yet, or does not take it now */
		return 500;
	case EINVAL:
		return 400;
	default:
		return 503;
	}
}

static unsigned pass(struct calls *cs, const struct relay_in *in, const struct policy_request *q)
{
	struct sip_hop targets[SIP_TARGETS_MAX];
	bool inside = in->inv || in->sub; /* where the dialog goes to */
	struct exchange_params p = {
		.method = in->msg->method_name,
		.targets = { targets,
			     inside ? 0 : trunks_targets(cs->trunks, in->to->index, targets),
			     in->to->failover_ms },
		.ruri = q->ruri,
		.from = q->from,
		.to = q->to,
		.contact_user = q->contact_user,
		.headers = q->headers,
		.body = q->body,
		.body_type = q->body_type,
		.max_forwards = (uint8_t)(in->core->max_forwards - 1),
		.fn = answered,
	};
	struct relay *r;
	unsigned status;

	if (!inside && !p.targets.n)
		return 503;
	r = relay_new(cs, in);
	if (!r)
		return 503;
	p.arg = r;
	if (send_on(cs, in, &p)) {
		cs->n.requests++;
		return 0;
	}
	status = status_of(errno);
	relay_free(r);
	return status;
}

/* A SUBSCRIBE or REFER outside dialogs: both dialogs stand before anything is sent, as a NOTIFY may
 * come at once. */
static unsigned begin_watch(struct calls *cs, const struct relay_in *in,
			    const struct policy_request *q)
{
	struct relay_in with = *in;
	unsigned status;

	with.watch = watch_new(cs, in);
	if (!with.watch)
		return errno == EBUSY ? 503 : status_of(errno);
	with.refers = &with.watch->refers;
	watch_enter(with.watch);
	status = pass(cs, &with, q);
	if (status)
		watch_end(with.watch);
	watch_leave(with.watch);
	return status;
}

void relay_pass(struct calls *cs, const struct relay_in *in)
{
	struct policy_ask ask = { .m = in->msg,
				  .core = in->core,
				  .to = in->to,
				  .inside = in->inv || in->sub,
				  .nameless = in->call &&
					      call_is_nameless(&in->call->leg[in->leg], in->msg),
				  .refer_id = refer_id,
				  .replaces = replaces,
				  .refer_arg = in };
	bool begins =
		!ask.inside && (in->msg->method == SIP_SUBSCRIBE || in->msg->method == SIP_REFER);
	char mem[POLICY_MEMORY];
	struct policy_request q;
	unsigned status;
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	status = in->core->max_forwards ? policy_request(&ask, &b, &q) : 483;
	if (!status)
		status = begins ? begin_watch(cs, in, &q) : pass(cs, in, &q);
	if (status)
		relay_refuse(cs, in, status);
}
