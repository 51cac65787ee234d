/* SPDX-License-Identifier: Apache-2.0 */
/* The SIP core of one shard: transport, transactions (RFC 3261 17, RFC 6026), dialogs (12), the
 * INVITE usage of a user agent (13, 14, 15, 9), all other requests outside and in dialogs, and the dialogs of
 * subscriptions (RFC 6665), towards a user that thinks in calls.
 *
 * Everything runs on the shard's thread. `struct sip_msg` and every slice in an event are borrowed for
 * the callback; what a downcall is given may be freed when it returns. Bodies are opaque: no SDP here.
 * An invite is one INVITE and the dialogs that grow from it, as server (its request came in)
 * or client (invite_send). Timers, retransmissions, CANCEL, forks and late messages stay inside. */
#ifndef SLUICE_SIP_SIP_H
#define SLUICE_SIP_SIP_H

#include "base/log.h"
#include "base/loop.h"
#include "sip/auth.h"
#include "sip/hop.h"
#include "sip/msg.h"

struct sip;
struct invite;
struct subscription;
struct sip_request; /* a request that came in, none of INVITE, ACK, BYE, CANCEL, and waits for its answer */
struct sip_exchange; /* such a request of ours that waits for its answer */

/* Where we stand: the addresses that we name in Via and Contact. */
struct sip_network {
	const char *name;
	struct addr advertised, advertised6; /* with the port of UDP and TCP; family 0: none */
	uint16_t tls_port;
};

/* How messages leave: transport.c, tests have a network of their own. The data is copied or sent before
 * it returns. 0 or -errno: -ENOTCONN says that the connection that the hop names is gone. What is lost on
 * a stream later is told by sip_broken(); on UDP it is left to the timers. */
struct sip_io {
	int (*send)(void *arg, const struct sip_hop *to, struct str data);
	void *arg;
};

struct sip_timers {
	uint32_t t1_ms, t2_ms, t4_ms; /* 500, 4000, 5000 */
};

enum invite_event_type {
	/* client */
	INVITE_PROGRESS, /* 101-199 (100 is swallowed). e->fork, body. e->reliable: invite_prack() is owed; it
			  * comes once and in order (RFC 3262 4), whatever the network did. 199: this fork is over, which
			  * a BYE in it says too (msg is the BYE then) */
	INVITE_ANSWER, /* first 2xx of the initial INVITE: invite_ack() is owed. Other forks' 2xx are
			  * ACKed and BYEd inside */
	INVITE_FAIL,   /* over: 300-699 arrived (ACKed inside), 408 timer B or C, 503 transport */
	/* server */
	INVITE_CANCEL, /* over: CANCEL arrived, 487 was sent */
	INVITE_PRACK, /* PRACK for the oldest reliable reply that had none: e->request is owed an answer; it
			  * may carry SDP. One that fits nothing gets 481 inside */
	INVITE_ACK, /* the ACK for our 2xx, of the initial INVITE or of a re-INVITE; body */
	/* either, in the dialog */
	INVITE_OFFER, /* re-INVITE arrived (body may be empty): invite_reply() with a final is owed, even
			  * if the peer sends CANCEL for it, which has no effect (9.2) */
	INVITE_REANSWER, /* final response to our invite_reinvite(): status, body; invite_ack() is owed
			  * when it is 2xx */
	INVITE_UPDATE, /* UPDATE arrived (RFC 3311), body may be empty: e->request is owed an answer. The session
			  * timer and the remote target are seen to inside. Client, before the answer: e->fork */
	INVITE_UPDATED, /* final response to our invite_update(): status, body, fork. 481 and 408 are followed
			  * by INVITE_LOST where they end the dialog. It does not come for a fork that lost to another */
	INVITE_REFRESH, /* the session timer (RFC 4028) wants a refresh from us: invite_update() without a body,
			  * or a re-INVITE with the session as it is. Asked again before it is too late */
	INVITE_REQUEST, /* INFO, MESSAGE, NOTIFY or REFER arrived: e->request is owed sip_request_reply(),
			  * even after the invite is over. Other methods are answered inside */
	INVITE_BYE, /* over: BYE arrived, 200 was sent */
	INVITE_LOST /* over: the peer is gone: no ACK in 64*T1 (BYE was sent), no PRACK (504 was sent), a
			  * session that nobody refreshed (BYE was sent), or 481/408 to a request in the dialog.
			  * status says which of the last; e->lost which of the others */
};

enum invite_lost_why {
	INVITE_LOST_STATUS, /* e->status */
	INVITE_LOST_ACK,
	INVITE_LOST_PRACK,
	INVITE_LOST_SESSION
};

struct invite_event {
	enum invite_event_type type;
	unsigned status; /* of the response */
	unsigned fork;   /* client: number of the early dialog, from 0; by its To tag */
	bool reliable;   /* INVITE_PROGRESS: 100rel */
	uint8_t lost;    /* INVITE_LOST: enum invite_lost_why */
	struct str body;
	struct str body_type;        /* Content-Type as written */
	const struct sip_msg *msg;   /* NULL for timeouts */
	const struct sip_core *core; /* of msg */
	struct sip_request *request; /* INVITE_REQUEST */
	struct addr source;          /* where msg came from */
};

struct subscription_event {
	struct sip_request *request; /* its answer is owed, even after the subscription is over */
	const struct sip_msg *msg;
	const struct sip_core *core;
};

/* What the user of the core does. After an event marked "over" the invite is gone once the callback
 * returns: forget the pointer. */
struct sip_user {
	/* The neighbour that a hop belongs to: >= 0 is handed on as `peer`, SIP_NO_PEER: nobody. Asked for
	 * each message before it is parsed (nobody's are dropped and counted), and before a request
	 * follows an address that a peer wrote into a message. */
	int (*peer_of)(void *arg, const struct sip_hop *hop);
	/* A new INVITE outside dialogs; 100 Trying was sent already. Must end in invite_reply() with a final or
	 * invite_end(), now or later. Return the `arg` of its events, or NULL after having ended it. */
	void *(*invite)(void *arg, struct invite *inv, const struct sip_msg *m,
			const struct sip_core *core, const struct sip_hop *source);
	void (*event)(void *invite_arg, struct invite *inv, const struct invite_event *e);
	/* A request outside dialogs that is none of INVITE, ACK, CANCEL, BYE: answer by
	 * sip_request_reply(), now or later. */
	void (*request)(void *arg, struct sip_request *r, const struct sip_msg *m,
			const struct sip_core *core, const struct sip_hop *source);
	/* Optional: a target of ours answered (status 0), or failed: 408 (no answer at all), 503. */
	void (*target)(void *arg, const struct sip_hop *to, unsigned status,
		       uint32_t retry_after_s);
	/* A request in the dialog of a subscription: NOTIFY, SUBSCRIBE or any other that is none of INVITE,
	 * ACK, BYE, CANCEL. Answer by sip_request_reply(), now or later. NULL: there are none. */
	void (*subscription)(void *subscription_arg, struct subscription *sub,
			     const struct subscription_event *e);
	/* Optional: may requests too long for UDP go to this neighbour by TCP (18.1.1)? NULL: no. */
	bool (*tcp_allowed)(void *arg, int peer);
	/* Optional: what we answer to challenges (401, 407) of this neighbour to requests that we sent to it; false:
	 * nothing. What was answered is not seen by the user of the core. Strings are read at once. */
	bool (*login)(void *arg, int peer, struct auth_login *out);
	/* Optional: what this neighbour must answer before a request outside dialogs is taken from it (401);
	 * false: its address is enough. realm NULL: the address that it came to. */
	bool (*challenge)(void *arg, int peer, struct auth_login *out);
	void *arg;
	/* Optional, for ladders: every message, before anything is done with it / as it leaves. */
	void (*trace)(void *arg, bool out, const struct sip_hop *hop, struct str data);
};

/* RFC 7339 with neighbours. All NULL: it is not spoken. */
struct sip_oc {
	bool (*speaks)(void *arg, int peer); /* we do, with this one */
	void (*put)(void *arg, int peer,
		    struct buf *b); /* parameters for the Via of a response to it */
	void (*got)(void *arg, int peer, struct str via_params); /* of a response of it */
	bool (*may_send)(void *arg, int peer);                   /* a new call, now? */
	void *arg;
};

struct sip_options {
	struct loop *loop;
	struct log *log;
	struct sip_io io;
	struct sip_user user;
	struct sip_timers timers;
	const struct sip_network *networks; /* must outlive the core */
	unsigned n_networks;
	uint8_t shard, n_shards;
	size_t max_transactions; /* bound on memory: beyond it new INVITEs get 503 */
	struct sip_oc oc;
};

struct sip *sip_new(const struct sip_options *o); /* NULL + errno */
/* Ends without a word on the wire: invites and transactions are freed, no event is sent. */
void sip_free(struct sip *s);

/* A message from the network: `buf` writable, SIP_PAD octets readable behind it. `from->peer` does not
 * count. */
void sip_receive(struct sip *s, const struct sip_hop *from, char *buf, size_t len);
/* Has a request of this branch come before, and is it not forgotten yet? It only scans for the Via. */
bool sip_again(struct sip *s, const char *buf, size_t len);
/* Refuses a request that need not be looked at, statelessly: 503, with Retry-After unless that is 0. */
void sip_refuse(struct sip *s, const struct sip_hop *from, char *buf, size_t len,
		unsigned retry_after_s);
/* What came by a stream and cannot be followed further (framing is lost): `error` is -SIP_E_*; it is
 * answered if that can be done. */
void sip_garbage(struct sip *s, const struct sip_hop *from, char *buf, size_t len, int error);
/* A stream is gone, or never came up: requests that wait for an answer on it have failed. */
void sip_broken(struct sip *s, const struct sip_hop *hop);

/* Which shard owns a datagram (design: a response by our branch, a request in a dialog by our tag, else
 * by a hash of the Call-ID). Any thread, without a core, before parsing: it only scans. Returns
 * 0..n_shards-1; what cannot be read goes to shard 0. */
unsigned sip_steer(const char *buf, size_t len, unsigned n_shards);

/* Named counters of the core, for sluicectl: calls fn for each. `name` is gone when it returns. */
void sip_counters(const struct sip *s, void (*fn)(void *arg, const char *name, uint64_t v),
		  void *arg);

/* ---- invites ---- */

#define SIP_TARGETS_MAX 8

/* Where a new request may go, in the order to be tried (RFC 3263 4.3): the next one when a target cannot be
 * reached, does not answer at all within patience_ms, or says 503. */
struct sip_targets {
	const struct sip_hop *hop;
	unsigned n;           /* 1..SIP_TARGETS_MAX */
	uint32_t patience_ms; /* with all but the last; 0: 64*T1 */
};

/* Reliable provisional responses (RFC 3262) on one leg. */
enum invite_rel {
	INVITE_REL_NEVER, /* we say nothing of 100rel; a peer that requires it is for our user to refuse (420) */
	INVITE_REL_SUPPORT,
	INVITE_REL_REQUIRE /* client: Require. Server: refusing who does not support it (421) is for our user */
};

enum invite_refresher {
	INVITE_REFRESHER_ANY, /* RFC 4028: who the other proposes; else we */
	INVITE_REFRESHER_US,
	INVITE_REFRESHER_THEM
};

/* What this leg is to be like, whatever the other one is. All zero: neither extension. */
struct invite_terms {
	uint8_t rel;       /* enum invite_rel */
	uint8_t refresher; /* enum invite_refresher */
	uint32_t
		session_expires_s; /* what we propose, and the longest that we take; 0: no session timer. A peer that
				     * runs one anyway is still answered as RFC 4028 9 wants */
	uint32_t session_min_s; /* Min-SE: 422 below it; at least 90 */
};

struct invite_params {
	struct sip_targets targets;
	struct str ruri;
	struct str from;         /* value without tag: "\"Alice\" <sip:+44...@...>" */
	struct str to;           /* value without tag */
	struct str contact_user; /* may be empty */
	/* Further lines, each with CRLF, not folded; none of those the core writes: Via, Max-Forwards,
	 * Route, Record-Route, From, To, Call-ID, CSeq, Contact, Allow, Supported, Require, RSeq, RAck,
	 * Session-Expires, Min-SE, Content-Type, Content-Length. */
	struct str headers;
	struct str body, body_type;
	uint8_t max_forwards;
	/* Timer C (0: 180 s): no final after this: CANCEL, INVITE_FAIL 408. Restarted by 101-199. */
	uint32_t ring_ms;
	struct invite_terms terms;
	void *arg; /* for its events */
};

/* Sends an INVITE. NULL + errno: ENOMEM, EMSGSIZE, EBUSY (the neighbour wants less: RFC 7339). Events come later, never from inside. */
struct invite *invite_send(struct sip *s, const struct invite_params *p);

/* Server: before the first reply. */
void invite_set_terms(struct invite *inv, const struct invite_terms *t);
/* Server, after invite_set_terms(): does the INVITE want a shorter session than these? Then invite_reply() with 422, to
 * which the core adds Min-SE. Below 90 s it never gets here, and re-INVITE and UPDATE are judged inside. */
bool invite_session_too_small(const struct invite *inv);
/* Its events get another arg from now on: the invite has another owner. */
void invite_set_arg(struct invite *inv, void *arg);

/* What the peer of this leg has said of itself in what came last (Supported, Require, Allow). */
enum invite_peer {
	INVITE_PEER_100REL = 1 << 0,       /* Supported or Require: 100rel */
	INVITE_PEER_NEEDS_100REL = 1 << 1, /* Require: 100rel */
	INVITE_PEER_UPDATE = 1 << 2,       /* Allow: UPDATE */
	INVITE_PEER_TIMER = 1 << 3,
	INVITE_PEER_REPLACES = 1 << 4,
	INVITE_PEER_FROM_CHANGE = 1 << 5, /* RFC 4916 */
	INVITE_PEER_REFER = 1 << 6,       /* Allow: REFER */
	INVITE_PEER_INFO = 1 << 7,
	INVITE_PEER_NOREFERSUB = 1 << 8
};
unsigned invite_peer(const struct invite *inv); /* bits of enum invite_peer */

struct invite_reply {
	unsigned status; /* 101..699; 1xx and 2xx carry Contact and our tag, 2xx Allow */
	/* 1xx: with RSeq and Require: 100rel, repeated until its PRACK. A second one waits inside for the PRACK of the
	 * first, and a 2xx for those of all that had a body (RFC 3262 3). Only where the peer supports it. */
	bool reliable;
	struct str reason; /* empty: the usual phrase */
	struct str headers, body, body_type;
};

/* Answers the INVITE or re-INVITE that is open on this invite. A final one for the initial INVITE of
 * 300 and more ends it (the pointer is gone). 0, -EINVAL (nothing open), -EMSGSIZE. 2xx is
 * retransmitted until its ACK (13.3.1.4). One that waits inside for a PRACK may still end in INVITE_CANCEL,
 * INVITE_BYE or INVITE_LOST. -ENOMEM: nothing was said. */
int invite_reply(struct invite *inv, const struct invite_reply *r);
/* PRACK for the reliable progress just received in that fork; body: the answer to an offer in it, or none. May be
 * sent later than in the callback. -EINVAL: none is owed. */
int invite_prack(struct invite *inv, unsigned fork, struct str body, struct str body_type);
/* UPDATE in the dialog, or in an early one: `fork` counts for a client that was not answered. 0; -EINVAL: no such
 * dialog; -EBUSY: an UPDATE of ours has no answer yet there, or the dialog ends; -EMSGSIZE, -ENOMEM. Whether an
 * offer may be made now (RFC 3264, RFC 3311 5) is for our user to know. */
int invite_update(struct invite *inv, unsigned fork, struct str headers, struct str body,
		  struct str body_type);
/* Server: is one of our reliable 1xx without its PRACK, or still to be sent? Then nothing may be offered (RFC 3311 5.1). */
bool invite_prack_owed(const struct invite *inv);
/* ACK for the 2xx just received (INVITE_ANSWER, INVITE_REANSWER), with the answer to a late offer as
 * body or none. Kept and repeated for retransmitted 2xx. */
int invite_ack(struct invite *inv, struct str body, struct str body_type);
/* re-INVITE; with the session timer's fields. 0; -EBUSY while an INVITE of either direction is open in the dialog (14.1, 14.2: the core
 * itself answers 491 or 500 to the peer's overlapping ones); -EMSGSIZE. headers, body as above. */
int invite_reinvite(struct invite *inv, struct str headers, struct str body, struct str body_type);
/* After INVITE_REANSWER with 491: how long to wait before another attempt (14.1), in milliseconds. Random,
 * and longer for the side that made the Call-ID. */
uint32_t invite_glare_ms(struct invite *inv);
/* Ends it, whatever its state: as server before a final: that status (>= 300; 0: 480); as client before a
 * final: CANCEL, not before a 1xx, and a 2xx that crosses it is ACKed and BYEd; in the dialog: BYE
 * (as server only after the ACK or 64*T1, 15). `headers` go into it (Reason). No event follows; the
 * pointer is gone, the rest is done inside. */
void invite_end(struct invite *inv, unsigned status, struct str headers);

/* The dialog that an INVITE with Replaces or a REFER names (RFC 3891 3), as the one who receives it sees it: to_tag
 * ours, from_tag the peer's. Established ones, and early ones that we began (client). NULL: there is none (481).
 * *early: it is not established yet. */
struct sip_replaces;
struct invite *sip_find_invite(struct sip *s, const struct sip_replaces *r, bool *early);
/* The invite with this tag of ours, whoever its peer is; NULL: there is none. Tags cannot be guessed. */
struct invite *sip_find_tag(struct sip *s, struct str local_tag);
void *invite_arg(const struct invite *inv);
/* "To: sip:...@...;tag=": our URI in From of our requests from now on, display and URI in <> without tag: connected
 * identity (RFC 4916), only where the peer has INVITE_PEER_FROM_CHANGE. 0, -ENOMEM, -EINVAL. */
int invite_rename(struct invite *inv, struct str name_addr);
/* The session timer, for people: seconds (0: none), whether it is ours to refresh. */
uint32_t invite_session_s(const struct invite *inv, bool *ours);

/* For people and logs; slices live as long as the invite. */
struct str invite_call_id(const struct invite *inv);
struct str invite_local_tag(const struct invite *inv);
struct str invite_remote_tag(const struct invite *inv);
const char *invite_state_name(const struct invite *inv); /* "PROCEEDING", "CONFIRMED", ... */
size_t invite_memory(const struct invite *inv);          /* octets */

/* ---- other requests ---- */

extern const struct str sip_allow; /* the methods that may come in: the value of Allow */

/* Answers and forgets; `headers` as above. A 2xx to SUBSCRIBE or REFER carries our Contact. 0 or -EMSGSIZE
 * (500 was sent). Nothing is said where the peer has given up waiting (RFC 4320 4.2). */
int sip_request_reply(struct sip_request *r, const struct invite_reply *reply);
/* Forgets without an answer, which is what a 408 must become (RFC 4320 4.2): repetitions are absorbed. */
void sip_request_drop(struct sip_request *r);

/* The end of an exchange. */
struct exchange_event {
	unsigned status; /* 200-699; without msg 408: no answer in 64*T1, 503: transport */
	uint32_t cseq;   /* of our request */
	const struct sip_msg *msg; /* NULL: none came */
	const struct sip_core *core;
	struct addr source; /* where msg came from */
};

typedef void exchange_fn(void *arg, const struct exchange_event *e);

struct exchange_params {
	struct str method; /* any but INVITE, ACK, BYE, CANCEL */
	/* Outside dialogs; in one, all of this is known. */
	struct sip_targets targets;
	struct str ruri, from, to; /* as in struct invite_params */
	/* Goes into Contact, which SUBSCRIBE, NOTIFY, REFER and OPTIONS have; may be empty. */
	struct str contact_user;
	struct str headers, body, body_type;
	uint8_t max_forwards;
	exchange_fn *
		fn; /* called exactly once, never from inside, unless the core is freed before; NULL: nobody waits */
	void *arg;
};

/* Sends a request outside dialogs. NULL + errno: -ENOMEM, -EMSGSIZE. */
struct sip_exchange *sip_send(struct sip *s, const struct exchange_params *p);
/* In the dialog of an established invite. NULL + errno: -EBUSY (no dialog yet, or it ends), -ENOMEM,
 * -EMSGSIZE. A 481 or 408 to INFO ends the invite: `fn` is called, then INVITE_LOST. */
struct sip_exchange *invite_request(struct invite *inv, const struct exchange_params *p);
uint32_t sip_exchange_cseq(
	const struct sip_exchange *x); /* of the request; credentials make it another one */
/* The end is of no interest any more: fn is not called. */
void sip_exchange_leave(struct sip_exchange *x);

/* ---- subscriptions: the dialogs of SUBSCRIBE, and of REFER outside other dialogs (RFC 6665) ----
 * One end of such a dialog. How long it lives is for the user to know: it is there until
 * subscription_end(). */

/* The peer's request makes a dialog. Only within the callback that brought the request, and before its
 * answer, whose final status of 300 and more ends nothing by itself. NULL + errno: -ENOMEM, -EINVAL: no usable
 * Contact (400). */
struct subscription *subscription_accept(struct sip_request *r, const struct sip_msg *m,
					 const struct sip_core *core, const struct sip_hop *source);
/* Sends SUBSCRIBE or REFER. The dialog is with who is first to send a NOTIFY or a 2xx: what comes
 * from other forks gets 481. NULL + errno as sip_send(). */
struct subscription *subscription_send(struct sip *s, const struct exchange_params *p);
void subscription_set_arg(struct subscription *sub, void *arg); /* for its events */
/* In its dialog. NULL + errno: -EBUSY (no dialog yet), -ENOMEM, -EMSGSIZE. */
struct sip_exchange *subscription_request(struct subscription *sub,
					  const struct exchange_params *p);
/* Forgets the dialog, without a word on the wire; the pointer is gone. Exchanges in it come to their end by
 * themselves. */
void subscription_end(struct subscription *sub);
size_t subscription_memory(const struct subscription *sub); /* octets */

#endif
