/* SPDX-License-Identifier: Apache-2.0 */
/* One call: the state machine's nouns. call.c owns a call's life, leg.c speaks to the two invites
 * of a new call, reinvite.c changes an established one, end.c ends it, fsm.c says which of that
 * happens when. */
#ifndef SLUICE_CALL_PRIV_H
#define SLUICE_CALL_PRIV_H

#include "base/arena.h"
#include "call/call.h"

/* The asker is the leg whose INVITE or re-INVITE is open: the caller at first. "Late" means that
 * the INVITE came without SDP: the offer is in the 2xx and the answer in the ACK. */
#define CALL_STATES(X)                                                                             \
	X(IDLE, "nothing was decided yet")                                                         \
	X(ROUTING, "policy has chosen a trunk")                                                    \
	X(CALLING, "INVITE sent to the callee")                                                    \
	X(ANSWERING, "callee's 2xx is here; the engine is being told")                             \
	X(ANSWERED, "2xx sent to the asker, who owes the ACK")                                     \
	X(LATE_OFFERED, "callee's offer sent to the asker, who owes ACK and answer")               \
	X(LATE_COMMIT, "asker's answer is here; the engine is being told; ACK is owed")            \
	X(ACTIVE, "both sides talk")                                                               \
	X(REOFFERED, "re-INVITE passed on")                                                        \
	X(RECOMMIT, "2xx to the re-INVITE is here; the engine is being told")                      \
	X(ENDING, "both legs were ended; the engine's counters are awaited")                       \
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
	X(ANSWER, "2xx")                                                                           \
	X(LATE_OFFER, "2xx with the offer")                                                        \
	X(FAIL, "final failure")                                                                   \
	X(CANCEL, "CANCEL")                                                                        \
	X(ACK, "ACK")                                                                              \
	X(OFFER, "re-INVITE")                                                                      \
	X(KEPT, "re-INVITE came to nothing")                                                       \
	X(REANSWER, "2xx to re-INVITE")                                                            \
	X(RELATE, "2xx with the offer to re-INVITE")                                               \
	X(REFAIL, "failure of re-INVITE")                                                          \
	X(INFO, "INFO")                                                                            \
	X(MESSAGE, "MESSAGE")                                                                      \
	X(NOTIFY, "NOTIFY")                                                                        \
	X(REFER, "REFER")                                                                          \
	X(REQUEST, "request")                                                                      \
	X(BYE, "BYE")                                                                              \
	X(LOST, "peer gone")                                                                       \
	X(COMMITTED, "engine ready")                                                               \
	X(COMMIT_FAILED, "engine failed")                                                          \
	X(SILENCE, "media silent")                                                                 \
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
	X(broken, "ended because they could not go on")                                            \
	X(reinvites, "re-INVITEs passed on")                                                       \
	X(reinvites_refused, "re-INVITEs that came to nothing")                                    \
	X(glare, "re-INVITEs refused with 491 here")                                               \
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
	X(REINVITE, "re-INVITE")                                                                   \
	X(REINVITE_SDP, "re-INVITE with SDP")                                                      \
	X(REINVITE_SENT, "re-INVITE sent")                                                         \
	X(REINVITE_REFUSED, "re-INVITE refused")                                                   \
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
	struct str user;
	struct addr peer;
	uint8_t index;
};

/* What is waiting for the engine's ack: a reply to the asker, or the ACK to the other one. Not in the
 * arena: a call that talks holds nothing. */
struct call_held {
	unsigned status;
	struct str headers, body;
	char mem[];
};

struct call {
	struct call *next, **pprev;
	struct calls *calls;
	struct arena *arena;
	struct conf *conf;
	struct media *media;            /* NULL: none yet, or ended */
	struct media *ended;            /* its counters are still to come */
	const struct conf_route *route; /* a place on it is taken */
	struct call_leg leg[2];
	struct call_held *held;     /* NULL: nothing waits */
	struct call_refers *refers; /* NULL: there was none */
	uint64_t id;
	uint64_t started_us, answered_us, ended_us;
	uint8_t state; /* enum call_state */
	uint8_t asker;
	bool late;              /* the open INVITE of the asker had no SDP */
	bool early_sdp;         /* held->body is an answer that the caller got, or will get */
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

/* An action returns the event that follows from it at once, or IN_NONE. */
typedef enum call_input call_action(struct call *c, const struct call_in *in);

/* ---- call.c ---- */
struct call *call_new(struct calls *cs, struct invite *inv, const struct conf_trunk *from,
		      const struct addr *source);
void call_free(struct call *c);
void call_leave_route(struct call *c);
void call_note(struct call *c, unsigned leg, unsigned status, enum call_note what);
/* Nothing waits any more: gives the memory back. */
void call_unhold(struct call *c);
/* Keeps a reply for later; 0 or -ENOMEM. What was kept before may be among its parts. */
int call_hold(struct call *c, unsigned status, struct str headers, struct str body);
void call_committed(void *call, int status); /* for media_commit() */
void call_reported(void *call, const struct media_report *r);
void call_media_event(void *call, const struct media_news *n);

/* ---- leg.c: a new call ---- */
#define CALL_SDP_MAX 8192 /* of what we write */

static inline struct call *call_of(const struct call_leg *leg)
{
	return (struct call *)((char *)(leg - leg->index) - offsetof(struct call, leg));
}

call_action call_route, call_invite, call_ring, call_early, call_early_ready, call_answer,
	call_answer_ready, call_answer_late, call_late_answer, call_late_ready, call_established;
void call_leg_event(void *leg, struct invite *inv, const struct invite_event *e);
int call_reply(struct call *c, unsigned leg, const struct invite_reply *r);
/* For the caller: the status that media's error stands for. */
unsigned call_media_status(int err);
struct str call_sdp(const struct invite_event *e); /* empty where the body is something else */

/* ---- reinvite.c: an established one ---- */
call_action call_reoffer, call_glare, call_reanswer, call_reanswer_ready, call_reanswer_failed,
	call_relate, call_refail;

/* ---- end.c ---- */
call_action call_refuse, call_fail, call_cancelled, call_bye, call_lost, call_silent, call_broken,
	call_drained, call_done, call_ignore, call_refuse_commit;
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
