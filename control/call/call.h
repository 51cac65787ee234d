/* SPDX-License-Identifier: Apache-2.0 */
/* The back-to-back user agent: two invites, one media session, one state machine (fsm.c: a table of
 * state x event -> action, next state). A call lives on one shard and in one arena.
 *
 * Leg 0 is the caller's, leg 1 the callee's.
 *
 * Requests that are no calls go the way that a call would go, but take no place on it: OPTIONS for somebody,
 * MESSAGE, PUBLISH, NOTIFY one by one, SUBSCRIBE and REFER with a pair of dialogs (watch.c), INFO,
 * MESSAGE, NOTIFY and REFER from one dialog of a call into the other. After a BYE the dialogs of a call are
 * gone for their subscriptions too. A shutdown forgets subscriptions without a word. */
#ifndef SLUICE_CALL_CALL_H
#define SLUICE_CALL_CALL_H

#include "conf/conf.h"
#include "media/media.h"
#include "policy/policy.h" /* struct call_limits */
#include "sip/sip.h"
#include "trunk/trunk.h"

struct calls; /* all calls of a shard */
struct call;

struct calls_options {
	struct loop *loop;
	struct log *log;
	struct conf *conf;          /* calls takes its own reference */
	struct call_limits *limits; /* shared by all shards */
	struct media_shard *media;
	struct trunks *trunks; /* where they are; outlives the calls */
	uint8_t shard;
	size_t max_subscriptions; /* at once; 0: 20,000 */
};

struct calls *calls_new(const struct calls_options *o); /* NULL + errno */
/* The user of the SIP core. Give it to sip_new(), then tell calls about the core. */
struct sip_user calls_sip_user(struct calls *c);
void calls_set_sip(struct calls *c, struct sip *sip);
/* Ends every call: 503 or BYE where something is open. They go while the loop still runs. */
void calls_drain(struct calls *c);
size_t calls_count(const struct calls *c);
void calls_free(struct calls *c); /* calls that are left are freed without a word */

/* Totals since start, for people: calls fn for each ("calls_started", "calls_answered", ...). */
void calls_counters(const struct calls *c, void (*fn)(void *arg, const char *name, uint64_t v),
		    void *arg);

#define CALL_EVENTS 24 /* kept per call */
#define CALL_WHOLE  3  /* no leg, the call as a whole */

struct call_event {
	uint64_t wall_us;
	uint8_t leg;      /* 0, 1; 2: the newcomer of a transfer; CALL_WHOLE */
	uint16_t status;  /* SIP status, 0: none */
	const char *what; /* "INVITE", "180 with SDP", "media latched", ...: a literal */
};

struct call_leg_info {
	const char *trunk; /* name */
	const char *state; /* invite_state_name(), "" when it is gone */
	struct str call_id, local_tag, remote_tag;
	struct str user;  /* caller: From user; callee: user of the request URI */
	struct addr peer; /* of its signalling */
	/* Of its offers and answers: "SENT", "our offer is open"; "" when it is gone. */
	const char *offer_state, *offer_text;
	unsigned supports;  /* bits of enum invite_peer: what its other end has said of itself */
	uint32_t session_s; /* the session timer's interval (RFC 4028); 0: there is none */
	bool refresh_is_ours;
};

/* An offer under way between the legs, or a newcomer: name and text of its state. */
struct call_work_info {
	const char *state, *text; /* "": there is none */
	uint8_t from; /* who asked: leg, or CALL_WHOLE: we. Of a transfer: whose place is to be taken */
	uint8_t to; /* leg that is asked, or comes */
};

struct call_info {
	uint64_t id; /* shown in hex, unique on this machine */
	const char *state;
	uint64_t started_us, answered_us; /* wall clock; 0: not yet */
	struct call_leg_info leg[3];      /* the last: the newcomer of a transfer */
	struct call_work_info exchange, transfer;
	const struct media *media; /* NULL: none yet */
	struct call_event events[CALL_EVENTS];
	unsigned n_events; /* oldest first */
	size_t memory;     /* octets in its arena and invites */
};

void calls_each(const struct calls *c, void (*fn)(void *arg, const struct call_info *i), void *arg);
bool calls_find(const struct calls *c, uint64_t id, struct call_info *out);

#endif
