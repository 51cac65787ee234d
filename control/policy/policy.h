/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions, no I/O: which way a call goes, whether there is room for it, and what of one side's
 * message the other side gets to see. Pure functions over borrowed memory, but for the limits,
 * which are atomic and shared by all shards.
 *
 * The border rule: nothing crosses because nobody took it out. What crosses is written anew from
 * parsed parts by a row of the allow-list in header.c. Hosts never cross: identities get the host
 * that the other trunk knows (conf_trunk.domain). */
#ifndef SLUICE_POLICY_POLICY_H
#define SLUICE_POLICY_POLICY_H

#include "conf/conf.h"
#include "sip/field.h"

/* ---- limits: calls at once on each trunk and route ---- */

struct call_limits;

struct call_limits *call_limits_new(const struct conf *conf); /* NULL: no memory */
void call_limits_free(struct call_limits *l);
unsigned call_limits_trunk(const struct call_limits *l, unsigned trunk);
/* A place on the route and on both of its trunks: 0, or -EBUSY and nothing is taken. */
int call_limits_take(struct call_limits *l, const struct conf_route *r);
void call_limits_give(struct call_limits *l, const struct conf_route *r);

/* ---- routes ---- */

/* The first line of `calls:` from this trunk that has room; its place is taken and is given back by
 * call_limits_give(). 0, -EACCES: no line begins at this trunk, -EBUSY: all of them are full. */
int policy_route(const struct conf *c, unsigned trunk, struct call_limits *l,
		 const struct conf_route **out);

/* The way of a request that is no call: the first line from this trunk, whether there is room on it or not.
 * NULL: there is none. */
const struct conf_route *policy_way(const struct conf *c, unsigned trunk);

/* The line for a new target that a party on trunk `asker` names (Refer-To, or Contact of a 3xx), as if it called
 * there: where the host of the URI is a trunk's (its domain, its host, an address of its), the first line from
 * `asker` to that trunk, or from `caller` to it where a 3xx leaves the call on the trunk that it is on; else the
 * first line from `asker`. Its place is taken. 0, -EACCES, -EBUSY as policy_route(); -ENOENT: it names nobody. */
int policy_retarget(const struct conf *c, unsigned asker, unsigned caller,
		    const struct sip_uri *uri, struct call_limits *l,
		    const struct conf_route **out);

/* ---- what the other side sees ---- */

#define POLICY_MEMORY 8192 /* enough for everything below */

/* Slices of the memory given. */
struct policy_invite {
	struct str ruri, from, to; /* as struct invite_params wants them */
	struct str contact_user;
	struct str headers;
	struct str caller, callee; /* user parts, for people */
};

/* The INVITE toward `to` that follows from m. 0; -ENOENT: the request URI names nobody (404);
 * -EMSGSIZE. */
int policy_invite(const struct sip_msg *m, const struct sip_core *core, const struct conf_trunk *to,
		  struct buf *mem, struct policy_invite *out);
/* Header lines of the reply (status as the other side gets it) or of the BYE or CANCEL toward `to`
 * that follows from m; empty when m is NULL or they don't fit. */
struct str policy_reply_headers(const struct sip_msg *m, unsigned status,
				const struct conf_trunk *to, struct buf *mem);
struct str policy_end_headers(const struct sip_msg *m, struct buf *mem);

/* An INVITE of ours to a new party: the target of a transfer. */
struct policy_party {
	struct str caller; /* user part of the party that stays; empty or withheld: anonymous */
	bool withheld;
	struct str callee;
	const struct sip_msg *refer; /* Referred-By crosses; may be NULL */
	const struct sip_replaces
		*replaces; /* for a Replaces header, named as `to` sees it; NULL: none */
	/* A 3xx that is followed: the INVITE that it answers, of which crosses what policy_invite() would pass on
	 * (From too, unless `withheld`), and the 3xx. May be NULL. */
	const struct sip_msg *invite, *redirect;
	struct str
		redirector; /* user part of who sends the call on, for Diversion (RFC 5806); empty: none */
};
/* 0; -ENOENT: the callee is nobody; -EMSGSIZE. */
int policy_invite_party(const struct policy_party *p, const struct conf_trunk *to, struct buf *mem,
			struct policy_invite *out);
/* Header lines of a re-INVITE, an UPDATE or an answer to one toward `to` that follows from m: who is connected now
 * (P-Asserted-Identity, Privacy). Empty when m is NULL or says nothing. */
struct str policy_session_headers(const struct sip_msg *m, const struct conf_trunk *to,
				  struct buf *mem);
/* The From of a request of m's dialog has another URI than `known` (user part): connected identity (RFC 4916). The
 * name-addr for invite_rename() toward `to`; empty: the same, or withheld, or nobody. */
struct str policy_new_identity(const struct sip_msg *m, const struct sip_core *core,
			       struct str known, const struct conf_trunk *to, struct buf *mem);
/* Contact lines of a 3xx that is passed on to `to`: users of the Contacts in m at our place: `at` is what Contact of that
 * leg says ("203.0.113.10:5060"). */
struct str policy_redirect_headers(const struct sip_msg *m, struct str at, struct buf *mem);

/* The final status for a caller on `to` that follows from a callee's final status (300..699) and Reason: the
 * trunk's `failures`, else see reply.c. m may be NULL. */
unsigned policy_final(unsigned status, const struct sip_msg *m, const struct conf_trunk *to);
/* The same for 101..199; 0: not passed on. */
unsigned policy_progress(unsigned status);

/* ---- the same for OPTIONS, INFO, MESSAGE, NOTIFY, PUBLISH, REFER and SUBSCRIBE ---- */

/* What is asked, and of whom. */
struct policy_ask {
	const struct sip_msg *m;
	const struct sip_core *core;
	const struct conf_trunk *to;
	bool inside;   /* a dialog, which has its names */
	bool nameless; /* who asks has withheld his name: nothing that says it crosses */
	/* "Event: refer;id=N" names a REFER by its CSeq: the one that the other side knows; NULL or 0: none. */
	uint32_t (*refer_id)(const void *arg, uint32_t id);
	/* The dialog that Replaces in a Refer-To names, as the other side knows it: *out lives until policy_request()
	 * is back. false or NULL: it knows none, and the REFER is refused (403). */
	bool (*replaces)(const void *arg, const struct sip_replaces *in, struct sip_replaces *out);
	const void *refer_arg; /* of both */
};

/* Slices of the memory given. */
struct policy_request {
	struct str ruri, from, to, contact_user; /* outside dialogs */
	struct str headers;
	struct str body, body_type;
};

/* The request that follows from a->m. 0, or the status to refuse it with: 400, 403, 404, 415, 489, 513. */
unsigned policy_request(const struct policy_ask *a, struct buf *mem, struct policy_request *out);
/* What a refusal with that status owes (Accept, Allow-Events), as header lines; may be empty. */
struct str policy_refusal(enum sip_method method, unsigned status, struct buf *mem);
/* Status and header lines of the answer toward `to` that follows from one (200..699) to such a request. */
unsigned policy_answer_status(unsigned status);
struct str policy_answer(const struct sip_msg *m, const struct conf_trunk *to, struct buf *mem);

enum policy_body {
	POLICY_BODY_NONE,
	POLICY_BODY_SDP,
	POLICY_BODY_OTHER, /* 415 */
	POLICY_BODY_BAD    /* 400 */
};
/* What a body is to a call. *sdp: the session description in it, a slice of it, also out of a multipart body whose
 * other parts need not be understood (RFC 5621). `m` may be NULL. */
enum policy_body policy_body(struct str body, struct str type, const struct sip_msg *m,
			     struct str *sdp);
/* Can this request be answered with SDP (Accept)? false: 406. */
bool policy_accepts_sdp(const struct sip_msg *m);

#endif
