/* SPDX-License-Identifier: Apache-2.0 */
/* One call: the nouns of its state machines. call.c owns a call's life, leg.c speaks to the two invites of a new
 * call, early.c while it rings, exchange.c changes the session of one that is there, transfer.c and redirect.c bring
 * another party in, end.c ends it. fsm.c says which of that happens when; exchange_fsm.c and transfer.c have tables
 * of their own, and so has each leg for its offers and answers (oa.c). */
#ifndef SLUICE_CALL_PRIV_H
#define SLUICE_CALL_PRIV_H

#include "base/arena.h"
#include "call/call.h"
#include "call/dot.h"
#include "call/oa.h"

/* "Late": the INVITE came without SDP; the offer is in the 2xx and the answer in the ACK. */
#define CALL_STATES(X)                                                                             \
	X(IDLE, "nothing was decided yet")                                                         \
	X(ROUTING, "policy has chosen a trunk")                                                    \
	X(CALLING, "INVITE sent to the callee")                                                    \
	X(ANSWERING, "callee's 2xx is here; the engine is being told")                             \
	X(ANSWERED, "2xx sent to the caller, who owes the ACK")                                    \
	X(LATE_OFFERED, "callee's offer sent to the caller, who owes ACK and answer")              \
	X(LATE_COMMIT, "caller's answer is here; the engine is being told; ACK is owed")           \
	X(ACTIVE, "both sides talk")                                                               \
	X(ENDING, "all legs were ended; the engine's counters are awaited")                        \
	X(ENDED, "nothing is left")

enum call_state {
#define X(name, text) CALL_##name,
	CALL_STATES(X)
#undef X
	CALL_STATE_COUNT
};

#define CALL_INPUTS(X)                                                                             \
	X(INVITE, "INVITE")                                                                        \
	X(ROUTED, "routed")                                                                        \
	X(REFUSED, "refused here")                                                                 \
	X(RINGING, "18x")                                                                          \
	X(EARLY, "18x with SDP")                                                                   \
	X(EARLY_OFFER, "reliable 18x with the offer")                                              \
	X(EARLY_ANSWER, "PRACK with the answer")                                                   \
	X(ANSWER, "2xx")                                                                           \
	X(LATE_OFFER, "2xx with the offer")                                                        \
	X(REDIRECT, "3xx that is followed")                                                        \
	X(TAKEN, "taken over by a newcomer")                                                       \
	X(FAIL, "final failure")                                                                   \
	X(CANCEL, "CANCEL")                                                                        \
	X(ACK, "ACK")                                                                              \
	X(BYE, "BYE")                                                                              \
	X(LOST, "peer gone")                                                                       \
	X(COMMITTED, "engine ready")                                                               \
	X(COMMIT_FAILED, "engine failed")                                                          \
	X(SILENCE, "media silent")                                                                 \
	X(LEFT, "its other party left with a transfer")                                            \
	X(TOO_LONG, "longest duration")                                                            \
	X(BROKEN, "cannot go on")                                                                  \
	X(DRAIN, "shutdown")                                                                       \
	X(REPORT, "media ended")

enum call_input {
	IN_NONE,
#define X(name, text) IN_##name,
	CALL_INPUTS(X)
#undef X
	IN_COUNT
};

#define CALL_COUNTERS(X)                                                                           \
	X(started, "INVITEs that became a call")                                                   \
	X(answered, "calls that were answered")                                                    \
	X(failed, "calls that the callee's side refused or did not answer")                        \
	X(cancelled, "calls that the caller gave up")                                              \
	X(refused_route, "no line in calls: for it, or nobody called")                             \
	X(refused_limit, "trunk or line full")                                                     \
	X(refused_dns, "name of the trunk not resolved")                                           \
	X(refused_engine, "no engine")                                                             \
	X(refused_ports, "no media ports left")                                                    \
	X(refused_sdp, "SDP that cannot be carried")                                               \
	X(silent, "ended for silent media")                                                        \
	X(lost, "ended because a peer was gone")                                                   \
	X(too_long, "ended for their duration")                                                    \
	X(broken, "ended because they could not go on")                                            \
	X(reinvites, "re-INVITEs and UPDATEs passed on")                                           \
	X(reinvites_refused, "of them, those that came to nothing")                                \
	X(reinvites_answered, "of them, those that were answered here")                            \
	X(reinvites_ours, "re-INVITEs and UPDATEs that nobody asked for")                          \
	X(glare, "offers that met another one: 491, 500")                                          \
	X(glare_retries, "offers sent again after a 491")                                          \
	X(refreshes, "session refreshes sent")                                                     \
	X(redirects, "3xx followed")                                                               \
	X(transfers, "transfers begun")                                                            \
	X(transfers_done, "transfers that came to their end")                                      \
	X(transfers_failed, "transfers that failed")                                               \
	X(replaced, "legs replaced by newcomers")                                                  \
	X(dtmf_info, "keys from RTP to INFO")                                                      \
	X(dtmf_rtp, "keys from INFO to RTP")                                                       \
	X(options, "OPTIONS answered")                                                             \
	X(not_allowed, "other requests outside dialogs that are not passed on")                    \
	X(requests, "requests that are no calls passed on")                                        \
	X(requests_refused, "of them refused here")                                                \
	X(requests_failed, "of them refused by the other side, or not answered")                   \
	X(subscriptions, "subscriptions that began")                                               \
	X(subscriptions_expired, "subscriptions that nobody refreshed")                            \
	X(no_row, "events that their state does not know")

/* What happened in a call, for people. */
#define CALL_NOTES(X)                                                                              \
	X(INVITE, "INVITE")                                                                        \
	X(INVITE_SDP, "INVITE with SDP")                                                           \
	X(INVITE_SENT, "INVITE sent")                                                              \
	X(REPLY_SENT, "reply sent")                                                                \
	X(PROGRESS, "progress")                                                                    \
	X(PROGRESS_SDP, "progress with SDP")                                                       \
	X(ANSWER, "answer")                                                                        \
	X(ANSWER_OFFER, "answer with the offer")                                                   \
	X(FAILED, "failed")                                                                        \
	X(CANCEL, "CANCEL")                                                                        \
	X(ACK, "ACK")                                                                              \
	X(ACK_ANSWER, "ACK with the answer")                                                       \
	X(ACK_ANSWER_SENT, "ACK with the answer sent")                                             \
	X(ENGINE_READY, "engine ready")                                                            \
	X(ENGINE_FAILED, "engine failed")                                                          \
	X(LATCHED, "media latched")                                                                \
	X(CONFLICT, "media conflict")                                                              \
	X(SILENT, "media silent")                                                                  \
	X(PRACK, "PRACK")                                                                          \
	X(PRACK_SDP, "PRACK with SDP")                                                             \
	X(REINVITE, "re-INVITE")                                                                   \
	X(REINVITE_SDP, "re-INVITE with SDP")                                                      \
	X(REINVITE_SENT, "re-INVITE sent")                                                         \
	X(REINVITE_REFUSED, "re-INVITE refused")                                                   \
	X(UPDATE, "UPDATE")                                                                        \
	X(UPDATE_SDP, "UPDATE with SDP")                                                           \
	X(UPDATE_SENT, "UPDATE sent")                                                              \
	X(UPDATE_REFUSED, "UPDATE refused")                                                        \
	X(GLARE, "glare: waits and tries again")                                                   \
	X(REFRESH, "session refresh")                                                              \
	X(REDIRECTED, "redirected")                                                                \
	X(TRANSFER, "transfer begins")                                                             \
	X(TRANSFER_PROGRESS, "transfer target rings")                                              \
	X(TRANSFER_DONE, "transferred")                                                            \
	X(TRANSFER_FAILED, "transfer failed")                                                      \
	X(REPLACES, "INVITE with Replaces")                                                        \
	X(DTMF, "key")                                                                             \
	X(INFO, "INFO")                                                                            \
	X(MESSAGE, "MESSAGE")                                                                      \
	X(NOTIFY, "NOTIFY")                                                                        \
	X(REFER, "REFER")                                                                          \
	X(REQUEST, "request")                                                                      \
	X(BYE, "BYE")                                                                              \
	X(GONE, "peer is gone")                                                                    \
	X(ENDED_HERE, "ended here")

enum call_note {
#define X(name, text) NOTE_##name,
	CALL_NOTES(X)
#undef X
};

struct call_noted {
	uint32_t ms; /* since the call began */
	uint16_t status;
	uint8_t leg, note;
};

struct calls_counters {
#define X(name, text) uint64_t name;
	CALL_COUNTERS(X)
#undef X
};

struct calls {
	struct loop *loop;
	struct log *log;
	struct conf *conf;
	struct call_limits *limits;
	struct media_shard *media;
	struct trunks *trunks;
	struct sip *sip;
	struct call *first;
	struct call *newest; /* NULL when it is gone */
	size_t count;
	struct calls_counters n;
	struct relay *relays;  /* requests that wait for their answer */
	struct watch *watches; /* subscriptions */
	size_t n_watches, max_subscriptions;
	uint8_t shard;
	bool draining;
};

#define CALL_REFERS 4 /* the last ones in a pair of dialogs */

struct call_refer {
	uint32_t cseq[2]; /* on the leg that it came by, on the other */
	uint8_t leg;
};

struct call_refers {
	struct call_refer refer[CALL_REFERS];
	unsigned n; /* ever */
};

struct call_leg {
	struct invite *inv; /* NULL: none yet, or over */
	const struct conf_trunk *trunk;
	struct call *call;
	struct str user;
	struct addr peer;
	struct oa oa;
	uint8_t index;
	bool withheld; /* who this is must not be said (RFC 3323) */
	uint16_t
		invited; /* the trunk that was told by a REFER to take this place, plus 1; 0: none */
};

#define CALL_THIRD MEDIA_THIRD /* the leg of a transfer */

/* What is waiting for the engine's ack: a reply to the caller, a PRACK or ACK to the callee. Not in the
 * arena: a call that talks holds nothing. */
struct call_held {
	unsigned status; /* 0: no reply */
	bool reliable;
	struct str headers, body;
	char mem[];
};

/* In the arena. */
struct call_longest {
	struct timer timer;
	uint64_t at; /* loop_now() */
};

struct call_given_up {
	struct call_given_up *next;
	struct media *media;
};

/* What few calls have. In the arena. */
struct call_rare {
	struct call_given_up
		*given_up; /* media, for a redirect, whose counters are still to come; NULL: none */
	const struct conf_route
		*moved[2]; /* a place on it is taken for who came to this leg later; NULL: none */
	struct call_longest *longest; /* NULL: it may last for ever */
	uint64_t keys_until; /* loop_now(), when those that became INFO are paid for: dtmf.c */
};

struct early;
struct exchange;
struct transfer;

struct call {
	struct call *next, **pprev;
	struct calls *calls;
	struct arena *arena;
	struct conf *conf;
	struct media *media;            /* NULL: none yet, or ended */
	struct media *ended;            /* its counters are still to come */
	const struct conf_route *route; /* a place on it is taken */
	struct call_leg leg[2];
	struct early *early;        /* while the callee's 2xx is not here; NULL: else */
	struct exchange *exchange;  /* an offer in the established session is open; NULL: none is */
	struct transfer *transfer;  /* NULL: there is none */
	struct transfer *lent;      /* of another call, which has a leg of this one; NULL: none */
	struct call_rare *rare;     /* NULL: nothing of that */
	struct call_held *held;     /* NULL: nothing waits */
	struct call_refers *refers; /* NULL: there was none */
	uint64_t id;
	uint64_t started_us, answered_us, ended_us;
	uint8_t state;   /* enum call_state */
	uint8_t reports; /* of media sessions that ended, still to come */
	uint8_t n_transfers;
	uint8_t rounds;         /* offers of ours, one after the other, since somebody else's */
	bool late;              /* the INVITE of the caller had no SDP */
	bool made;              /* and we made the offer that the callee got */
	uint16_t refuse_status; /* for the caller */
	uint16_t cause_status;
	const char *cause; /* why it ended */
	unsigned n_events; /* ever; the ring keeps the last */
	struct call_noted ring[CALL_EVENTS];
};

/* What an event brings along; borrowed. */
struct call_in {
	unsigned leg;
	const struct invite_event *e; /* from the SIP core */
	const struct sip_msg *msg;    /* IN_INVITE */
	const struct sip_core *core;
	const struct addr *source;
	int error;                         /* IN_COMMIT_FAILED */
	const struct media_report *report; /* IN_REPORT; NULL: there was no media */
};

/* ---- fsm.c ---- */
/* Feeds one event; frees the call when it came to its end: c is gone then. */
void call_fsm(struct call *c, enum call_input what, const struct call_in *in);
const char *call_state_name(enum call_state s);
void call_fsm_draw(struct dot *d);

/* An action returns the event that follows from it at once, or IN_NONE. */
typedef enum call_input call_action(struct call *c, const struct call_in *in);

/* ---- call.c ---- */
struct call *call_new(struct calls *cs, struct invite *inv, const struct conf_trunk *from,
		      const struct addr *source);
void call_free(struct call *c);
void call_leave_route(struct call *c);
struct call_rare *call_rare(struct call *c); /* NULL: no memory */
void call_stop_clock(struct call *c);        /* of the longest duration */
void call_leave_moved(struct call *c, unsigned leg);
void call_note(struct call *c, unsigned leg, unsigned status, enum call_note what);
/* Nothing waits any more: gives the memory back. */
void call_unhold(struct call *c);
/* Keeps a reply for later; 0 or -ENOMEM. What was kept before may be among its parts. */
int call_hold(struct call *c, const struct invite_reply *r);
void call_committed(void *call, int status); /* for media_commit() */
void call_reported(void *call, const struct media_report *r);
void call_media_event(void *call, const struct media_news *n);

/* ---- leg.c: a new call ---- */
#define CALL_SDP_MAX 8192 /* of what we write */

/* The INVITE once more, to where a 3xx points. */
enum call_input call_invite_again(struct call *c, const struct sip_msg *m,
				  const struct sip_core *core, const struct sip_uri *uri,
				  const struct sip_msg *redirect);
call_action call_route, call_invite, call_answer, call_answer_ready, call_answer_late,
	call_late_answer, call_late_ready, call_established, call_acked;
/* What its person wishes in an INVITE or an answer: to those who come later, too. */
void call_keep_privacy(struct call_leg *leg, const struct sip_msg *m);
/* Such a wish holds for later requests that say nothing of it. */
bool call_is_nameless(const struct call_leg *leg, const struct sip_msg *m);
/* It ends then at the latest; as long after now as the trunk allows. */
void call_ends_at(struct call *c, uint64_t at);
void call_limit_duration(struct call *c, const struct conf_trunk *trunk);
void call_leg_event(void *leg, struct invite *inv, const struct invite_event *e);
/* The reply to the INVITE or re-INVITE that is open on a leg; with SDP where that has its place. */
int call_reply(struct call *c, struct call_leg *leg, const struct invite_reply *r);
/* The same for what media says: -errno. */
enum call_input call_refuse_media(struct call *c, int err);
/* This SDP has been sent to that leg. */
void call_said(struct call *c, unsigned leg, struct str sdp);
/* For who offered or answered: the status that media's error stands for. */
unsigned call_media_status(int err);
struct str call_sdp(const struct invite_event *e); /* empty where the body is something else */
extern const struct str call_sdp_type;
/* 0, 1, or CALL_THIRD. */
struct call_leg *call_leg_at(struct call *c, unsigned i);
struct invite_terms call_terms(const struct conf_trunk *t);
/* Says to the caller of an INVITE that is not answered yet: no. */
enum call_input call_refused(struct call *c, unsigned status, const char *why);

/* ---- early.c: before the answer ---- */

#define EARLY_FORKS   32
#define REDIRECTS_MAX 5

struct early {
	struct oa fork[EARLY_FORKS];
	uint8_t heard; /* the fork whose media is relayed */
	uint8_t prack; /* the fork that is owed a PRACK with the caller's answer */
	bool settled; /* an exchange by UPDATE or PRACK came after the first one, which is over then */
	uint8_t n_redirects;
	uint64_t been[REDIRECTS_MAX + 1]; /* hashes of where the call was sent to */
	struct str answer;                /* malloc()ed: the callee's answer to an offer of ours */
	size_t invite_len;
	char invite[]; /* as it came, for a redirect */
};

int call_early_new(struct call *c, const struct sip_msg *m); /* 0, -ENOMEM */
void call_early_free(struct call *c);
struct oa *call_oa(struct call *c, const struct call_leg *leg, unsigned fork);
enum call_input call_progress_input(struct call *c, const struct invite_event *e);
enum call_input call_answer_input(struct call *c, const struct invite_event *e);
call_action call_ring, call_early, call_early_ready, call_early_offer, call_early_answer;
/* PRACK of the caller: e->request is answered. He may have moved to another leg by then. */
void call_prack(struct call *c, struct call_leg *leg, const struct invite_event *e);

/* ---- exchange.c: offers in the dialogs ---- */

#define EXCHANGE_US 3 /* nobody asked */

typedef void exchange_done(struct call *c, unsigned status);

/* A re-INVITE, or the INVITE of the third leg. */
void exchange_reinvite(struct call *c, struct call_leg *leg, const struct invite_event *e);
/* UPDATE, or a PRACK with an offer: e->request is answered, now or later. */
void exchange_request(struct call *c, struct call_leg *leg, const struct invite_event *e);
/* An offer of ours to a leg. made: media_make_offer() wrote it; else it is media_offer()'s, for this leg, from what the
 * other one said. `done` gets 200 when both legs are at one and the engine knows, else why not; NULL: nobody waits.
 * 0; -EBUSY: another exchange is open. */
int exchange_ours(struct call *c, unsigned to, struct str offer, bool made, exchange_done *done);
/* The staying leg need not be asked: goes on with the engine. */
int exchange_known(struct call *c, exchange_done *done);
/* The answer to a re-INVITE or UPDATE of ours; an ACK. */
void exchange_answered(struct call *c, struct call_leg *leg, const struct invite_event *e);
/* False: it was not for this. */
bool exchange_acked(struct call *c, struct call_leg *leg, const struct invite_event *e);
/* Whoever was told less than what holds now is offered again, if that can be now. */
void exchange_debts(struct call *c);
/* Does it ask that leg, or was it asked by it, or for it? */
bool exchange_is_with(const struct exchange *x, unsigned leg);
/* Ends it without a word to the other side; who asked is answered `status`. */
void exchange_drop(struct call *c, unsigned status);
/* A leg is over, and the call goes on without it. */
void exchange_gone(struct call *c, const struct call_leg *leg);
/* What a leg was told last, once more. */
void exchange_again(struct call *c, struct call_leg *leg);
/* The session timer of a leg wants a refresh. */
void exchange_refresh(struct call *c, struct call_leg *leg);
void exchange_draw(struct dot *d);
void exchange_info(const struct exchange *x, struct call_work_info *out);

/* ---- transfer.c: another party comes in ---- */

/* REFER in the dialog of a leg. False: it is to be passed on. */
bool transfer_refer(struct call *c, unsigned leg, const struct invite_event *e);
/* An INVITE with Replaces. The arg of its events, or NULL: it has been answered. */
void *transfer_replaces(struct calls *cs, struct invite *inv, const struct sip_msg *m,
			const struct sip_core *core, const struct sip_hop *source);
void transfer_joined(struct call *c, unsigned status); /* exchange_done */
void transfer_told(struct call *c);                    /* the newcomer took our offer */
void transfer_free(struct call *c);                    /* no exchange is open any more */
void transfer_event(struct call *c, const struct invite_event *e); /* of the third leg */
/* A leg is over. True: the call goes on without it, as another is on its way. */
bool transfer_survives(struct call *c, struct call_leg *leg, const struct invite_event *e);
void transfer_drop(struct call *c, unsigned status); /* ends the third leg */
struct call_leg *transfer_leg(struct call *c);       /* NULL: there is none */
/* Who hears what this leg says; NULL: nobody. */
struct call_leg *transfer_partner(struct call *c, const struct call_leg *leg);
void transfer_draw(struct dot *d);
void transfer_info(const struct transfer *t, struct call_work_info *out);
/* For policy_ask: what the other side knows a dialog by. */
bool transfer_map_replaces(const struct call *c, const struct conf_trunk *from,
			   const struct conf_trunk *to, const struct sip_replaces *in,
			   struct sip_replaces *out);

/* ---- redirect.c: 3xx before the answer ---- */

/* Is it a status that says where else to call? */
bool redirect_is(unsigned status);
/* Is this failure one that is followed here? Then IN_REDIRECT. */
bool redirect_wanted(const struct call *c, const struct invite_event *e);
call_action call_redirect;

/* ---- dtmf.c ---- */

void dtmf_pressed(struct call *c, const struct media_news *n);
/* An INFO that is a key, and for the other leg something else. False: it is to be passed on. */
bool dtmf_info(struct call *c, unsigned leg, const struct invite_event *e);

/* ---- end.c ---- */
call_action call_refuse, call_fail, call_cancelled, call_bye, call_lost, call_left, call_silent,
	call_too_long, call_broken, call_drained, call_done, call_ignore, call_refuse_commit;
/* Ends a call: the caller gets `status` if he still waits, or BYE with `headers`. Always returns
 * what the state ENDING wants to hear. */
enum call_input call_end(struct call *c, unsigned status, struct str headers);
void call_because(struct call *c, const char *cause, unsigned status);

/* ---- request.c: what is no call ---- */
void calls_request(void *calls, struct sip_request *r, const struct sip_msg *m,
		   const struct sip_core *core, const struct sip_hop *source);
/* A request in the dialog of a leg. */
void call_request(struct call *c, unsigned leg, const struct invite_event *e);

/* ---- info.c ---- */
void call_log_end(const struct call *c, const struct media_report *r);

#endif
