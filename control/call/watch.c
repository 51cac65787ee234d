/* SPDX-License-Identifier: Apache-2.0 */
/* A subscription that crosses the border (RFC 6665): two dialogs, each with names of its own. Who told how long
 * it lasts is believed; it ends when its end was told, when one side does not know it any more, or a
 * while after it should have been refreshed. */
#include <errno.h>
#include <stdlib.h>

#include "call/relay_priv.h"
#include "sip/field.h"

#define WATCHES_MAX 20000  /* where nobody says otherwise */
#define LONGEST_S   604800 /* nobody is believed for longer than a week */

/* 64*T1: as long as a request that would refresh it, or tell its end, may be under way. */
static uint64_t grace_ms(const struct watch *w)
{
	return 64ull * w->conf->sip.t1_ms;
}

static void lasts(struct watch *w, uint32_t seconds)
{
	timer_start(w->calls->loop, &w->timer,
		    (seconds < LONGEST_S ? seconds : LONGEST_S) * 1000ull + grace_ms(w));
}

/* ---- life ---- */

void watch_enter(struct watch *w)
{
	w->relays++;
}

static bool is_over(const struct watch *w)
{
	return !w->side[0].sub;
}

void watch_leave(struct watch *w)
{
	if (--w->relays || !is_over(w))
		return;
	*w->pprev = w->next;
	if (w->next)
		w->next->pprev = w->pprev;
	conf_put(w->conf);
	free(w);
}

void watch_end(struct watch *w)
{
	if (is_over(w))
		return;
	timer_stop(w->calls->loop, &w->timer);
	for (unsigned i = 0; i < 2; i++) {
		if (w->side[i].sub)
			subscription_end(w->side[i].sub);
		w->side[i].sub = NULL;
	}
	w->calls->n_watches--;
	watch_enter(w);
	watch_leave(w);
}

static void ran_out(void *arg)
{
	struct watch *w = arg;

	w->calls->n.subscriptions_expired++;
	watch_end(w);
}

struct watch *watch_new(struct calls *cs, const struct relay_in *in)
{
	size_t max = cs->max_subscriptions ? cs->max_subscriptions : WATCHES_MAX;
	struct watch *w;

	if (cs->n_watches >= max) {
		errno = EBUSY;
		return NULL;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->side[0].sub = subscription_accept(in->request, in->msg, in->core, in->source);
	if (!w->side[0].sub) {
		free(w);
		return NULL;
	}
	w->calls = cs;
	w->conf = conf_get(in->conf);
	w->side[0].trunk = in->from;
	w->side[1].trunk = in->to;
	for (unsigned i = 0; i < 2; i++) {
		w->side[i].watch = w;
		w->side[i].index = (uint8_t)i;
	}
	subscription_set_arg(w->side[0].sub, &w->side[0]);
	timer_init(&w->timer, ran_out, w);
	lasts(w, (uint32_t)(grace_ms(w) / 1000)); /* until it is answered */
	w->next = cs->watches;
	w->pprev = &cs->watches;
	if (w->next)
		w->next->pprev = &w->next;
	cs->watches = w;
	cs->n_watches++;
	cs->n.subscriptions++;
	return w;
}

/* Relays are gone: nobody else holds one. */
void watch_free_all(struct calls *cs)
{
	while (cs->watches)
		watch_end(cs->watches);
}

/* ---- what is said in it ---- */

static void notified(struct watch *w, const struct sip_msg *m)
{
	struct sip_sub_state st;

	if (m->method != SIP_NOTIFY ||
	    sip_sub_state_parse(sip_value(m, SIP_HDR_SUBSCRIPTION_STATE), &st))
		return;
	if (st.has_expires && st.state != SIP_SUB_TERMINATED) {
		w->told = true;
		lasts(w, st.expires);
	}
}

void watch_request(void *arg, struct subscription *sub, const struct subscription_event *e)
{
	struct watch_side *from = arg;
	struct watch *w = from->watch;
	struct watch_side *to = &w->side[!from->index];
	struct relay_in in = { .request = e->request,
			       .msg = e->msg,
			       .core = e->core,
			       .conf = w->conf,
			       .from = from->trunk,
			       .to = to->trunk,
			       .sub = to->sub,
			       .watch = w,
			       .refers = &w->refers,
			       .leg = from->index };

	(void)sub;
	if (e->msg->method == SIP_NOTIFY && from->index == 0) { /* it has nothing to tell */
		relay_refuse(w->calls, &in, 481);
		return;
	}
	notified(w, e->msg);
	relay_pass(w->calls, &in);
}

/* ---- what is answered in it ---- */

static void subscribed(struct watch *w, const struct sip_msg *m)
{
	uint32_t seconds;

	if (sip_number_parse(sip_value(m, SIP_HDR_EXPIRES), &seconds) == 0)
		lasts(w, seconds);
	else if (!w->told)
		lasts(w, 0);
}

/* RFC 4488: who was asked for no NOTIFYs says that there will be none. */
static bool is_silent(const struct sip_msg *m)
{
	struct sip_word word;

	return sip_word_parse(sip_value(m, SIP_HDR_REFER_SUB), &word) == 0 &&
	       str_caseeq(word.token, STR("false"));
}

static void begun(struct watch *w, const struct watch_asked *asked, const struct exchange_event *e)
{
	if (e->status >= 300 || (asked->method == SIP_REFER && is_silent(e->msg)))
		watch_end(w);
	else
		subscribed(w, e->msg);
}

void watch_answered(struct watch *w, const struct watch_asked *asked,
		    const struct exchange_event *e)
{
	bool gone = e->status == 481 || (asked->method == SIP_NOTIFY && e->status == 408);

	if (is_over(w))
		return;
	if (asked->begins)
		begun(w, asked, e);
	else if (gone || asked->terminated)
		watch_end(w);
	else if (asked->method == SIP_SUBSCRIBE && e->status < 300)
		subscribed(w, e->msg);
}
