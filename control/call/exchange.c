/* SPDX-License-Identifier: Apache-2.0 */
/* Offers in the dialogs: hold, resume, other codecs, fax, late offers, refreshes, and those that we make so that both
 * legs are at one. An offer of one leg goes on to the other as a request of its own, UPDATE or re-INVITE as that one
 * can take it; its answer comes back, and the flows change in between. One exchange at a time; what is refused
 * changes nothing. A 491 is met here by waiting and trying again (RFC 3261 14.1). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "call_priv.h"

#define GIVE_UP_MS 20000 /* for who asked: below 64*T1 of his UPDATE */
#define ROUNDS_MAX 4     /* of offers of ours, one after the other */

#define EXCHANGE_STATES(X)                                                                         \
	X(OFFERED, "the offer went on")                                                            \
	X(LATE, "a re-INVITE without SDP went on: the offer comes in its 2xx")                     \
	X(WAITING, "glare: the offer goes out again a little later")                               \
	X(OWED, "2xx with an offer went to the asker: the answer comes in the ACK")                \
	X(COMMIT, "the answer is here; the engine is being told")                                  \
	X(OVER, "nothing is open")

enum exchange_state {
#define X(name, text) X_##name,
	EXCHANGE_STATES(X)
#undef X
	X_STATE_COUNT
};

#define EXCHANGE_INPUTS(X)                                                                         \
	X(ANSWER, "2xx with the answer")                                                           \
	X(OFFER, "2xx with the offer")                                                             \
	X(REFUSED, "refused")                                                                      \
	X(GLARE, "491")                                                                            \
	X(TIMER, "timer")                                                                          \
	X(ACK, "ACK with the answer")                                                              \
	X(KNOWN, "nobody need be asked")                                                           \
	X(READY, "engine ready")                                                                   \
	X(FAILED, "cannot go on")

enum exchange_input {
	XI_NONE,
#define X(name, text) XI_##name,
	EXCHANGE_INPUTS(X)
#undef X
	XI_COUNT
};

struct exchange {
	struct call *call;
	struct timer timer;
	uint64_t give_up;            /* on the loop's clock */
	struct sip_request *request; /* of who asked by UPDATE or PRACK */
	exchange_done *done;
	char *offer; /* that is under way, for another try; NULL: a re-INVITE without SDP */
	size_t offer_n;
	char *held; /* what waits for the engine: SDP for the asker, or for the other one's ACK */
	size_t held_n;
	uint8_t state; /* enum exchange_state */
	uint8_t asker; /* leg, or EXCHANGE_US */
	uint8_t to;    /* leg */
	bool made;     /* the offer is ours: its answer is an offer for the opposite leg */
	bool known;    /* the other leg was not asked: the answer is written when all is settled */
	bool late;     /* the asker's re-INVITE had no SDP, nor has the one that went on */
};

/* What an event brings along. */
struct exchange_in {
	const struct invite_event *e; /* NULL: a timer, the engine */
	unsigned status;
};

typedef enum exchange_input exchange_action(struct exchange *x, const struct exchange_in *in);

static exchange_action take_answer, take_offer, give_back, wait_more, try_again, take_late_answer,
	commit, finish, fail;

struct row {
	exchange_action *action;
	enum exchange_state next;
};

static const struct row table[X_STATE_COUNT][XI_COUNT] = {
	[X_OFFERED] = {
		[XI_ANSWER] = { take_answer, X_OFFERED },
		[XI_KNOWN] = { commit, X_COMMIT },
		[XI_REFUSED] = { give_back, X_OVER },
		[XI_GLARE] = { wait_more, X_WAITING },
		[XI_FAILED] = { fail, X_OVER },
	},
	[X_LATE] = {
		[XI_OFFER] = { take_offer, X_OWED },
		[XI_REFUSED] = { give_back, X_OVER },
		[XI_GLARE] = { wait_more, X_WAITING },
		[XI_FAILED] = { fail, X_OVER },
	},
	[X_WAITING] = {
		[XI_TIMER] = { try_again, X_WAITING },
		[XI_REFUSED] = { give_back, X_OVER },
		[XI_FAILED] = { fail, X_OVER },
	},
	[X_OWED] = {
		[XI_ACK] = { take_late_answer, X_OWED },
		[XI_KNOWN] = { commit, X_COMMIT },
		[XI_FAILED] = { fail, X_OVER },
	},
	[X_COMMIT] = {
		[XI_READY] = { finish, X_OVER },
	},
};

static const char *const state_names[] = {
#define X(name, text) [X_##name] = #name,
	EXCHANGE_STATES(X)
#undef X
};

/* x is gone where it came to its end. */
static void input(struct exchange *x, enum exchange_input what, const struct exchange_in *in)
{
	struct call *c = x->call;

	while (what != XI_NONE && c->exchange == x) {
		const struct row *row = &table[x->state][what];

		if (!row->action) {
			c->calls->n.no_row++;
			log_warn(c->calls->log, "call",
				 "%016llx: input %u in exchange %s is not expected",
				 (unsigned long long)c->id, what, state_names[x->state]);
			return;
		}
		x->state = row->next;
		what = row->action(x, in);
	}
}

/* ---- life ---- */

static void fired(void *arg)
{
	input(arg, XI_TIMER, &(struct exchange_in){ 0 });
}

static struct exchange *open_exchange(struct call *c, unsigned asker, struct sip_request *request)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->call = c;
	x->asker = (uint8_t)asker;
	x->request = request;
	x->give_up = loop_now(c->calls->loop) + GIVE_UP_MS;
	timer_init(&x->timer, fired, x);
	c->exchange = x;
	return x;
}

static void close_exchange(struct exchange *x)
{
	struct call *c = x->call;

	timer_stop(c->calls->loop, &x->timer);
	c->exchange = NULL;
	free(x->offer);
	free(x->held);
	free(x);
}

/* 0 or -ENOMEM. */
static int keep(char **mem, size_t *n, struct str s)
{
	char *p = s.n ? malloc(s.n) : NULL;

	if (s.n && !p)
		return -ENOMEM;
	if (s.n)
		memcpy(p, s.p, s.n);
	free(*mem);
	*mem = p;
	*n = s.n;
	return 0;
}

/* ---- to who asked ---- */

static void refuse_request(struct sip_request *r, unsigned status)
{
	struct invite_reply reply = { .status = status };

	if (status == 500 || status == 503)
		reply.headers = STR("Retry-After: 5\r\n");
	else if (status == 415)
		reply.headers = STR("Accept: application/sdp\r\n");
	sip_request_reply(r, &reply);
}

/* What was offered is not to be: the leg is as before. */
static void refuse(struct call *c, struct call_leg *leg, struct sip_request *request, unsigned fork,
		   const struct invite_reply *r)
{
	c->calls->n.reinvites_refused++;
	if (!request) {
		call_reply(c, leg, r);
		return;
	}
	oa_input(call_oa(c, leg, fork), OA_FAILED);
	if (r->headers.n)
		sip_request_reply(request, r);
	else
		refuse_request(request, r->status);
}

static unsigned heard(const struct call *c)
{
	return c->early ? c->early->heard : 0;
}

/* An answer, or an offer (of a leg that asked without one). 0 or -errno. */
static int accept_with(struct call *c, struct call_leg *leg, struct sip_request *request,
		       const struct invite_reply *r)
{
	struct invite_reply reply = *r;
	int err;

	if (!request)
		return call_reply(c, leg, r);
	reply.body_type = call_sdp_type;
	err = sip_request_reply(request, &reply);
	oa_input(call_oa(c, leg, heard(c)), err ? OA_FAILED : OA_SENT_UPDATED_SDP);
	if (!err)
		call_said(c, leg->index, r->body);
	return err;
}

/* ---- the offer goes on ---- */

/* Who hears what this leg says. NULL: nobody, for the time being. */
static struct call_leg *partner(struct call *c, const struct call_leg *leg)
{
	struct call_leg *other = transfer_partner(c, leg);

	return other && other->inv ? other : NULL;
}

/* As the other leg can take it: an UPDATE as an UPDATE, and before the answer there is nothing else; a re-INVITE as a
 * re-INVITE, for an UPDATE has to be answered at once (RFC 3311 5.1). */
static bool by_update(const struct exchange *x, const struct call_leg *to)
{
	const struct call *c = x->call;

	return x->offer_n && (x->request || c->early) &&
	       (invite_peer(to->inv) & INVITE_PEER_UPDATE);
}

static int send_offer(struct exchange *x, struct str headers)
{
	struct call *c = x->call;
	struct call_leg *to = call_leg_at(c, x->to);
	struct oa *oa = call_oa(c, to, heard(c)), before = *oa;
	struct str body = { x->offer, x->offer_n };
	struct str type = x->offer_n ? call_sdp_type : STR_NONE;
	bool update = by_update(x, to);
	enum oa_input what = update       ? OA_SENT_UPDATE_SDP
			     : x->offer_n ? OA_SENT_INVITE_SDP
					  : OA_SENT_INVITE;
	int err;

	if (oa_input(oa, what) == OA_WRONG)
		return -EBUSY;
	err = update ? invite_update(to->inv, heard(c), headers, body, type)
		     : invite_reinvite(to->inv, headers, body, type);
	if (err) {
		*oa = before;
		return err;
	}
	call_said(c, to->index, body);
	call_note(c, to->index, 0, update ? NOTE_UPDATE_SENT : NOTE_REINVITE_SENT);
	return 0;
}

/* ---- glare ---- */

static enum exchange_input wait_more(struct exchange *x, const struct exchange_in *in)
{
	struct call *c = x->call;
	struct call_leg *to = call_leg_at(c, x->to);
	uint32_t ms = invite_glare_ms(to->inv);

	if (loop_now(c->calls->loop) + ms >= x->give_up)
		return XI_REFUSED;
	call_note(c, to->index, in->status, NOTE_GLARE);
	timer_start(c->calls->loop, &x->timer, ms);
	return XI_NONE;
}

static enum exchange_input try_again(struct exchange *x, const struct exchange_in *in)
{
	int err = send_offer(x, STR_NONE);

	if (err == -EBUSY)
		return wait_more(x, in);
	if (err)
		return XI_FAILED;
	x->call->calls->n.glare_retries++;
	x->state = x->late ? X_LATE : X_OFFERED;
	return XI_NONE;
}

/* ---- the answer comes back ---- */

/* Goes on with the opposite leg, if that has to be asked at all. */
static enum exchange_input pass_made(struct exchange *x, struct call_leg *from, struct str offer)
{
	struct call *c = x->call;
	struct call_leg *to = partner(c, from);

	x->made = false;
	if (from->index == CALL_THIRD)
		transfer_told(c);
	if (!to || !media_offer_is_news(c->media))
		return media_answer_known(c->media) ? XI_FAILED : XI_KNOWN;
	if (keep(&x->offer, &x->offer_n, offer))
		return XI_FAILED;
	x->to = to->index;
	c->calls->n.reinvites_ours++;
	x->state = X_WAITING; /* until it is out */
	return XI_TIMER;
}

static enum exchange_input take_answer(struct exchange *x, const struct exchange_in *in)
{
	struct call *c = x->call;
	struct call_leg *leg = call_leg_at(c, x->to);
	struct str answer = call_sdp(in->e);
	char mem[CALL_SDP_MAX];
	struct buf sdp;
	int err;

	buf_init(&sdp, mem, sizeof(mem));
	call_note(c, leg->index, in->e->status, NOTE_ANSWER);
	if (x->made) {
		err = media_offer(c->media, leg->index, answer, &in->e->source, &sdp);
		return err ? XI_FAILED : pass_made(x, leg, buf_str(&sdp));
	}
	err = media_answer(c->media, leg->index, heard(c), answer, &in->e->source, &sdp);
	if (err || keep(&x->held, &x->held_n, buf_str(&sdp)))
		return XI_FAILED;
	return XI_KNOWN;
}

/* The offer in a 2xx to a re-INVITE that had none. */
static enum exchange_input take_offer(struct exchange *x, const struct exchange_in *in)
{
	struct call *c = x->call;
	struct call_leg *leg = call_leg_at(c, x->to);
	struct str offer = call_sdp(in->e);
	struct invite_reply r = { .status = 200 };
	char mem[CALL_SDP_MAX];
	struct buf sdp;

	buf_init(&sdp, mem, sizeof(mem));
	call_note(c, leg->index, in->e->status, NOTE_ANSWER_OFFER);
	if (media_offer(c->media, leg->index, offer, &in->e->source, &sdp)) {
		invite_ack(leg->inv, STR_NONE, STR_NONE);
		call_because(c, "the offer in the 200 cannot be passed on", 0);
		call_fsm(c, IN_BROKEN, &(struct call_in){ 0 });
		return XI_NONE;
	}
	r.body = buf_str(&sdp);
	return call_reply(c, call_leg_at(c, x->asker), &r) ? XI_FAILED : XI_NONE;
}

/* The answer in the ACK, to an offer that was passed on, or to one of ours. */
static enum exchange_input take_late_answer(struct exchange *x, const struct exchange_in *in)
{
	struct call *c = x->call;
	struct call_leg *leg = call_leg_at(c, x->asker);
	struct str answer = call_sdp(in->e);
	char mem[CALL_SDP_MAX];
	struct buf sdp;
	int err;

	buf_init(&sdp, mem, sizeof(mem));
	if (x->made) {
		err = media_offer(c->media, leg->index, answer, &in->e->source, &sdp);
		x->asker = EXCHANGE_US;
		return err ? XI_FAILED : pass_made(x, leg, buf_str(&sdp));
	}
	err = media_answer(c->media, leg->index, 0, answer, &in->e->source, &sdp);
	if (err || keep(&x->held, &x->held_n, buf_str(&sdp)))
		return XI_FAILED;
	return XI_KNOWN;
}

/* ---- the engine ---- */

static void committed(void *call, int status)
{
	struct call *c = call;
	struct exchange *x = c->exchange;

	if (status == -ECANCELED || c->state == CALL_ENDING || !x || x->state != X_COMMIT)
		return;
	call_note(c, 2, 0, status ? NOTE_ENGINE_FAILED : NOTE_ENGINE_READY);
	/* An engine that is away gets every flow when it is back, as the last answer left it, so the call goes
	 * on. One that is there and refuses has no use for this call. */
	if (!status || status == -ENOTCONN || status == -ETIMEDOUT) {
		input(x, XI_READY, &(struct exchange_in){ 0 });
		return;
	}
	log_warn(c->calls->log, "call", "%016llx: the engine did not take the flows: %s",
		 (unsigned long long)c->id, strerror(-status));
	call_because(c, "the engine refused the change", 0);
	call_fsm(c, IN_BROKEN, &(struct call_in){ 0 });
}

static enum exchange_input commit(struct exchange *x, const struct exchange_in *in)
{
	(void)in;
	media_commit(x->call->media, committed, x->call);
	return XI_NONE;
}

/* ---- the end ---- */

/* Says it; x is gone. */
static void over(struct exchange *x, unsigned status, struct str headers)
{
	struct call *c = x->call;
	exchange_done *done = x->done;
	struct sip_request *request = x->request;
	struct call_leg *asker = x->asker == EXCHANGE_US ? NULL : call_leg_at(c, x->asker);

	close_exchange(x);
	if (asker && status >= 300)
		refuse(c, asker, request, heard(c),
		       &(struct invite_reply){ .status = status, .headers = headers });
	if (done)
		done(c, status);
	else if (c->transfer)
		transfer_free(c);
	else
		exchange_debts(c);
}

static enum exchange_input finish(struct exchange *x, const struct exchange_in *in)
{
	struct call *c = x->call;
	struct str held = { x->held, x->held_n };
	struct invite_reply r = { .status = 200, .body = held };
	char mem[CALL_SDP_MAX];
	struct buf b;

	(void)in;
	media_settle(c->media);
	if (c->early)
		c->early->settled = true;
	buf_init(&b, mem, sizeof(mem));
	if (x->known && media_repeat(c->media, x->asker, &b) == 0)
		r.body = buf_str(&b);
	if (x->late) {
		struct call_leg *to = call_leg_at(c, x->to);

		invite_ack(to->inv, held, call_sdp_type);
		oa_input(&to->oa, OA_SENT_ACK_SDP);
		call_said(c, to->index, held);
		call_note(c, to->index, 0, NOTE_ACK_ANSWER_SENT);
	} else if (x->asker != EXCHANGE_US &&
		   accept_with(c, call_leg_at(c, x->asker), x->request, &r)) {
		call_because(c, "200 could not be sent", 0);
		call_fsm(c, IN_BROKEN, &(struct call_in){ 0 });
		return XI_NONE;
	}
	over(x, 200, STR_NONE);
	return XI_NONE;
}

static enum exchange_input give_back(struct exchange *x, const struct exchange_in *in)
{
	struct call *c = x->call;
	const struct sip_msg *m = in->e ? in->e->msg : NULL;
	struct call_leg *asker = x->asker == EXCHANGE_US ? NULL : call_leg_at(c, x->asker);
	const struct conf_trunk *trunk = asker ? asker->trunk : NULL;
	unsigned status = in->status == 491 || !in->status || !trunk
				  ? 491
				  : policy_final(in->status, m, trunk);
	char mem[POLICY_MEMORY];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (!asker && in->status)
		status = in->status;
	if (!x->late)
		media_reject(c->media);
	over(x, status, trunk ? policy_reply_headers(m, status, trunk, &b) : STR_NONE);
	return XI_NONE;
}

/* What came cannot be used. */
static enum exchange_input fail(struct exchange *x, const struct exchange_in *in)
{
	struct call *c = x->call;
	bool answer_owed = x->late || (x->made && x->asker != EXCHANGE_US);

	(void)in;
	media_reject(c->media);
	if (answer_owed) { /* the asker has been told 200 already, and the other one waits for an ACK */
		struct call_leg *to = call_leg_at(c, x->to);

		if (x->late)
			invite_ack(to->inv, STR_NONE, STR_NONE);
		call_because(c, "the answer in the ACK is missing or cannot be understood", 0);
		call_fsm(c, IN_BROKEN, &(struct call_in){ 0 });
		return XI_NONE;
	}
	over(x, 500, STR_NONE);
	return XI_NONE;
}

void exchange_drop(struct call *c, unsigned status)
{
	struct exchange *x = c->exchange;

	if (!x)
		return;
	if (x->request)
		refuse_request(x->request, status);
	close_exchange(x);
	if (c->media && c->state != CALL_ENDING)
		media_reject(c->media);
}

/* ---- what comes in ---- */

static void glare(struct call *c, struct call_leg *leg, const struct invite_event *e,
		  unsigned status)
{
	c->calls->n.glare++;
	refuse(c, leg, e->request, e->fork, &(struct invite_reply){ .status = status });
}

static struct str identity(struct call *c, struct call_leg *to, struct call_leg *leg,
			   const struct invite_event *e, struct buf *b)
{
	struct str name;

	if (!e->core)
		return STR_NONE;
	if (invite_peer(to->inv) & INVITE_PEER_FROM_CHANGE) {
		name = policy_new_identity(e->msg, e->core, leg->user, to->trunk, b);
		if (name.n)
			invite_rename(to->inv, name);
	}
	return policy_session_headers(e->msg, to->trunk, b);
}

/* A newcomer who is like the one whose place he takes: who stays need not hear of it. */
static bool is_known(const struct call *c, const struct call_leg *leg, struct str sdp)
{
	return leg->index == CALL_THIRD && sdp.n && !media_offer_is_news(c->media);
}

/* Goes on to the other leg. */
static void pass(struct call *c, struct call_leg *leg, struct call_leg *to, struct str sdp,
		 const struct invite_event *e)
{
	char sdp_mem[CALL_SDP_MAX], mem[POLICY_MEMORY];
	struct exchange *x;
	struct buf out, b;
	int err;

	buf_init(&out, sdp_mem, sizeof(sdp_mem));
	buf_init(&b, mem, sizeof(mem));
	err = sdp.n ? media_offer(c->media, leg->index, sdp, &e->source, &out) : 0;
	if (err) {
		refuse(c, leg, e->request, e->fork,
		       &(struct invite_reply){ .status = call_media_status(err) });
		return;
	}
	x = open_exchange(c, leg->index, e->request);
	if (!x || keep(&x->offer, &x->offer_n, buf_str(&out))) {
		if (x)
			close_exchange(x);
		media_reject(c->media);
		refuse(c, leg, e->request, e->fork, &(struct invite_reply){ .status = 503 });
		return;
	}
	x->to = to->index;
	x->done = leg->index == CALL_THIRD ? transfer_joined : NULL;
	x->late = !sdp.n;
	x->state = x->late ? X_LATE : X_OFFERED;
	if (is_known(c, leg, sdp) && media_answer_known(c->media) == 0) {
		x->known = true;
		input(x, XI_KNOWN, &(struct exchange_in){ 0 });
		return;
	}
	err = send_offer(x, identity(c, to, leg, e, &b));
	if (!err) {
		c->calls->n.reinvites++;
		return;
	}
	if (!x->late)
		media_reject(c->media);
	close_exchange(x);
	if (err == -EBUSY)
		glare(c, leg, e, 491);
	else
		refuse(c, leg, e->request, e->fork,
		       &(struct invite_reply){ .status = call_media_status(err) });
}

/* A re-INVITE without SDP for whom the other side is not asked: the offer is ours. */
static void offer_here(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	struct invite_reply r = { .status = 200 };
	struct exchange *x = open_exchange(c, leg->index, NULL);
	char mem[CALL_SDP_MAX];
	struct buf sdp;
	int err = x ? 0 : -ENOMEM;

	buf_init(&sdp, mem, sizeof(mem));
	if (!err)
		err = media_make_offer(c->media, leg->index, &sdp);
	r.body = buf_str(&sdp);
	if (!err) {
		x->to = leg->index;
		x->done = leg->index == CALL_THIRD ? transfer_joined : NULL;
		x->made = true;
		x->state = X_OWED;
		c->calls->n.reinvites_answered++;
		if (call_reply(c, leg, &r) == 0)
			return;
		media_reject(c->media);
	}
	if (x)
		close_exchange(x);
	refuse(c, leg, NULL, 0, &(struct invite_reply){ .status = call_media_status(err) });
}

/* Nobody can be asked, or need be: what both could do before. Where the caller still waits for his answer, this is news for him. */
static void answer_here(struct call *c, struct call_leg *leg, struct str sdp,
			const struct invite_event *e)
{
	char mem[CALL_SDP_MAX], other_mem[CALL_SDP_MAX];
	struct invite_reply r = { .status = 200 };
	struct buf out, other;
	int err;

	buf_init(&out, mem, sizeof(mem));
	buf_init(&other, other_mem, sizeof(other_mem));
	err = media_answer_here(c->media, leg->index, sdp, &e->source, &out, &other);
	if (err) {
		refuse(c, leg, e->request, e->fork,
		       &(struct invite_reply){ .status = call_media_status(err) });
		return;
	}
	c->calls->n.reinvites_answered++;
	r.body = buf_str(&out);
	if (accept_with(c, leg, e->request, &r))
		return;
	if (c->early && other.n && leg->index == 1) {
		c->early->heard = (uint8_t)e->fork;
		if (!call_hold(c, &(struct invite_reply){ .status = 183, .body = buf_str(&other) }))
			media_commit(c->media, call_committed, c);
	} else {
		media_commit(c->media, NULL, NULL);
	}
}

/* Both legs have come to an end with the first offer, for good. */
static bool early_can_pass(struct call *c, const struct call_leg *leg, const struct call_leg *to,
			   const struct invite_event *e)
{
	return (leg->index == 0 || e->fork == heard(c)) &&
	       call_oa(c, to, heard(c))->state == OA_DONE &&
	       (invite_peer(to->inv) & INVITE_PEER_UPDATE);
}

/* True: the event is over with. */
static bool meets_another(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	struct exchange *x = c->exchange;
	bool asked = leg->index != CALL_THIRD;

	if (asked && c->state != CALL_ACTIVE && c->state != CALL_CALLING) {
		glare(c, leg, e, 491);
		return true;
	}
	if (x && x->state == X_WAITING && x->asker == EXCHANGE_US && !x->done) {
		exchange_drop(c, 491); /* theirs comes first; ours is looked at again after it */
		return false;
	}
	if (x)
		glare(c, leg, e, x->asker == leg->index ? 500 : 491);
	return x != NULL;
}

static void offered(struct call *c, struct call_leg *leg, struct str sdp,
		    const struct invite_event *e)
{
	struct call_leg *to = partner(c, leg);

	c->rounds = 0;
	if (sdp.n && media_is_same(c->media, leg->index, sdp)) {
		answer_here(c, leg, sdp, e);
	} else if (!sdp.n && (!to || !to->trunk->late_offer)) {
		offer_here(c, leg, e);
	} else if (!to || (c->early && !early_can_pass(c, leg, to, e))) {
		answer_here(c, leg, sdp, e);
	} else {
		if (c->early)
			media_settle(c->media);
		pass(c, leg, to, sdp, e);
	}
}

void exchange_reinvite(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	struct str sdp = call_sdp(e);

	call_note(c, leg->index, 0, sdp.n ? NOTE_REINVITE_SDP : NOTE_REINVITE);
	if (meets_another(c, leg, e))
		return;
	if (e->body.n && !sdp.n) {
		refuse(c, leg, NULL, 0,
		       &(struct invite_reply){ .status = 415,
					       .headers = STR("Accept: application/sdp\r\n") });
		return;
	}
	if (oa_input(&leg->oa, sdp.n ? OA_GOT_INVITE_SDP : OA_GOT_INVITE) == OA_WRONG)
		glare(c, leg, e, 491);
	else
		offered(c, leg, sdp, e);
}

/* Without SDP: who is connected now, or a refresh of the session, which is answered here. */
static void update_without(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	struct call_leg *to = partner(c, leg);
	char mem[POLICY_MEMORY];
	struct str headers;
	struct buf b;

	sip_request_reply(e->request, &(struct invite_reply){ .status = 200 });
	if (!to || !(invite_peer(to->inv) & INVITE_PEER_UPDATE))
		return;
	buf_init(&b, mem, sizeof(mem));
	headers = identity(c, to, leg, e, &b);
	if (headers.n)
		invite_update(to->inv, heard(c), headers, STR_NONE, STR_NONE);
}

void exchange_request(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	bool prack = e->type == INVITE_PRACK;
	struct oa *oa = call_oa(c, leg, e->fork);
	struct str sdp = call_sdp(e);

	if (!prack)
		call_note(c, leg->index, 0, sdp.n ? NOTE_UPDATE_SDP : NOTE_UPDATE);
	if (!e->body.n) {
		update_without(c, leg, e);
		return;
	}
	if (!sdp.n) {
		refuse_request(e->request, 415);
		return;
	}
	switch (oa_input(oa, prack ? OA_GOT_PRACK_SDP : OA_GOT_UPDATE_SDP)) {
	case OA_OFFER:
		if (!meets_another(c, leg, e))
			offered(c, leg, sdp, e);
		break;
	case OA_GLARE:
		c->calls->n.glare++;
		refuse_request(e->request, 491);
		break;
	default:
		c->calls->n.glare++;
		refuse_request(e->request, 500);
		break;
	}
}

static enum exchange_input input_of(struct exchange *x, const struct invite_event *e)
{
	struct call *c = x->call;
	struct call_leg *leg = call_leg_at(c, x->to);
	struct oa *oa = call_oa(c, leg, heard(c));
	bool update = e->type == INVITE_UPDATED, sdp = call_sdp(e).n > 0;
	enum oa_verdict v;

	if (e->status >= 300) {
		oa_input(oa, OA_FAILED);
		return e->status == 491 ? XI_GLARE : XI_REFUSED;
	}
	v = oa_input(oa, update ? (sdp ? OA_GOT_UPDATED_SDP : OA_GOT_UPDATED)
				: (sdp ? OA_GOT_2XX_SDP : OA_GOT_2XX));
	if (!update && v != OA_OFFER && !(x->late && v == OA_MISSING))
		invite_ack(leg->inv, STR_NONE, STR_NONE);
	if (v == OA_MISSING)
		oa_input(oa, OA_FAILED);
	return v == OA_ANSWER ? XI_ANSWER : v == OA_OFFER ? XI_OFFER : XI_FAILED;
}

void exchange_answered(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	struct exchange *x = c->exchange;

	if (e->status >= 300)
		call_note(c, leg->index, e->status,
			  e->type == INVITE_UPDATED ? NOTE_UPDATE_REFUSED : NOTE_REINVITE_REFUSED);
	if (x && x->to == leg->index && (x->state == X_OFFERED || x->state == X_LATE)) {
		input(x, input_of(x, e), &(struct exchange_in){ .e = e, .status = e->status });
	} else if (e->type == INVITE_REANSWER && e->status < 300) {
		invite_ack(leg->inv, STR_NONE, STR_NONE);
		oa_input(&leg->oa, OA_FAILED);
	}
}

bool exchange_acked(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	struct exchange *x = c->exchange;
	enum oa_verdict v;

	if (!x || x->state != X_OWED || x->asker != leg->index)
		return false;
	v = oa_input(&leg->oa, call_sdp(e).n ? OA_GOT_ACK_SDP : OA_GOT_ACK);
	input(x, v == OA_ANSWER ? XI_ACK : XI_FAILED, &(struct exchange_in){ .e = e });
	return true;
}

/* ---- ours ---- */

int exchange_ours(struct call *c, unsigned to, struct str offer, bool made, exchange_done *done)
{
	struct exchange *x;
	int err;

	if (c->exchange)
		return -EBUSY;
	x = open_exchange(c, EXCHANGE_US, NULL);
	if (!x)
		return -ENOMEM;
	x->to = (uint8_t)to;
	x->made = made;
	x->done = done;
	x->state = X_OFFERED;
	err = keep(&x->offer, &x->offer_n, offer);
	if (!err)
		err = send_offer(x, STR_NONE);
	if (err == -EBUSY && done) { /* somebody waits: as soon as it can be */
		x->state = X_WAITING;
		timer_start(c->calls->loop, &x->timer, invite_glare_ms(call_leg_at(c, to)->inv));
		return 0;
	}
	if (err)
		close_exchange(x);
	else
		c->calls->n.reinvites_ours++;
	return err;
}

int exchange_known(struct call *c, exchange_done *done)
{
	struct exchange *x;

	if (c->exchange)
		return -EBUSY;
	x = open_exchange(c, EXCHANGE_US, NULL);
	if (!x)
		return -ENOMEM;
	x->done = done;
	x->state = X_OFFERED;
	input(x, XI_KNOWN, &(struct exchange_in){ 0 });
	return 0;
}

void exchange_debts(struct call *c)
{
	char mem[CALL_SDP_MAX];
	struct buf sdp;

	if (c->state != CALL_ACTIVE || c->exchange || c->transfer || !c->media)
		return;
	for (unsigned i = 0; i < 2; i++) {
		if (!media_owes_offer(c->media, i) || c->rounds >= ROUNDS_MAX || !c->leg[i].inv)
			continue;
		buf_init(&sdp, mem, sizeof(mem));
		if (media_make_offer(c->media, i, &sdp))
			continue;
		if (exchange_ours(c, i, buf_str(&sdp), true, NULL) == 0) {
			c->rounds++;
			return;
		}
		media_reject(c->media);
	}
}

/* Says it once more, whatever was said last. */
void exchange_again(struct call *c, struct call_leg *leg)
{
	char mem[CALL_SDP_MAX];
	struct buf sdp;

	buf_init(&sdp, mem, sizeof(mem));
	if (c->state == CALL_ACTIVE && !c->exchange &&
	    media_repeat(c->media, leg->index, &sdp) == 0)
		exchange_ours(c, leg->index, buf_str(&sdp), true, NULL);
}

void exchange_refresh(struct call *c, struct call_leg *leg)
{
	call_note(c, leg->index, 0, NOTE_REFRESH);
	c->calls->n.refreshes++;
	if ((invite_peer(leg->inv) & INVITE_PEER_UPDATE) &&
	    invite_update(leg->inv, 0, STR_NONE, STR_NONE, STR_NONE) == 0)
		return;
	exchange_again(c, leg);
}

/* ---- for people ---- */

const char *exchange_state_name(const struct exchange *x)
{
	return state_names[x->state];
}

void exchange_dot(int fd)
{
	static const char *const texts[] = {
#define X(name, text) [X_##name] = text,
		EXCHANGE_STATES(X)
#undef X
	};
	static const char *const inputs[] = {
#define X(name, text) [XI_##name] = text,
		EXCHANGE_INPUTS(X)
#undef X
	};

	dprintf(fd, "// SPDX-License-Identifier: Apache-2.0\ndigraph exchange {\n\trankdir=LR;\n"
		    "\tnode [shape=box];\n");
	for (unsigned s = 0; s < X_STATE_COUNT; s++)
		dprintf(fd, "\t%s [label=\"%s\\n%s\"];\n", state_names[s], state_names[s],
			texts[s]);
	for (unsigned s = 0; s < X_STATE_COUNT; s++) {
		for (unsigned i = XI_NONE + 1; i < XI_COUNT; i++) {
			if (table[s][i].action)
				dprintf(fd, "\t%s -> %s [label=\"%s\"];\n", state_names[s],
					state_names[table[s][i].next], inputs[i]);
		}
	}
	dprintf(fd, "}\n");
}
