/* SPDX-License-Identifier: Apache-2.0 */
/* Media policy: SDP in, SDP out, flows declared to the engine. The call never sees ports, codecs or
 * flows; media never sees dialogs. RFC 3264, 4566/8866, 3605 (a=rtcp), 5761 (rtcp-mux).
 *
 * A session has two legs, 0 (caller) and 1 (callee), and for a while a third, which is to take the place of one
 * of them. Each leg is told what the other one said, in its own words: its own payload types (the engine maps
 * them), in the order and without the codecs that its trunk wants. What goes out is written from scratch: own o=,
 * s=-, own c= and ports, only payload types and attributes that we know; nothing of the other side
 * leaks. One thread (the shard's). */
#ifndef SLUICE_MEDIA_MEDIA_H
#define SLUICE_MEDIA_MEDIA_H

#include "base/arena.h"
#include "base/buf.h"
#include "conf/conf.h"
#include "engine/engine.h"

/* ---- one for each shard: ports and the engine ---- */

struct media_shard;

struct media_shard_options {
	struct loop *loop;
	struct log *log;
	const struct conf *conf; /* the shard holds a reference while it lives */
	struct engine_transport transport;
	uint8_t shard, n_shards; /* each shard owns every n-th slice of a network's ports */
};

struct media_shard *media_shard_new(const struct media_shard_options *o); /* NULL + errno */
void media_shard_free(
	struct media_shard *ms); /* sessions must have ended; flows stay in the engine */
struct engine *media_engine(struct media_shard *ms);

/* Port pairs of a network: free, in use by sessions, resting (30 s after use), orphaned. */
struct media_ports {
	unsigned total, used, resting, orphaned;
};
void media_port_usage(const struct media_shard *ms, unsigned network, struct media_ports *out);
/* Compares the pairs in use with those of live sessions. What differs is an error: it is logged and mended. How many
 * pairs that were. It is also done every minute. */
unsigned media_ports_audit(struct media_shard *ms);

/* ---- one for each call ---- */

struct media;

enum media_event {
	MEDIA_LATCHED,  /* leg: its media is relayed from now on */
	MEDIA_CONFLICT, /* leg: two sources claim it; nothing is relayed from it */
	MEDIA_SILENCE,  /* both legs were silent for conf.media.silence (hold-silence while held) */
	MEDIA_DTMF /* leg: a key was pressed there (RFC 4733), where the other leg's trunk wants to hear of it by
			 * INFO: it is not relayed then. Comes once for each, at its end */
};

struct media_news {
	enum media_event event;
	unsigned leg;
	const struct addr *source; /* LATCHED */
	char digit;                /* DTMF: 0-9 * # A-D */
	uint32_t duration_ms;
};

struct media_options {
	struct arena *arena;     /* of the call; the session lives in it */
	const struct conf *conf; /* the call's snapshot */
	const struct conf_trunk *trunk[2];
	void (*event)(void *arg, const struct media_news *n);
	void *arg;
};

#define MEDIA_THIRD 2 /* the leg that is to take another's place */

/* What a session with one stream takes of the arena. */
size_t media_room(void);
struct media *media_new(struct media_shard *ms,
			const struct media_options *o); /* NULL: no memory */

/* An offer arrived on `leg` from signalling source `sig`: *out gets the offer for the other leg.
 * Ports are reserved, the engine is told to watch for early sprayers; nothing is relayed yet.
 *   -EBADMSG          not SDP that can be understood
 *   -ENOTSUP          nothing in it that we can carry (488)
 *   -ENOBUFS          no ports left (503)
 *   -EBUSY            an offer is open already
 *   -EMSGSIZE, -ENOMEM
 * On an error nothing has changed. */
int media_offer(struct media *m, unsigned leg, struct str sdp, const struct addr *sig,
		struct buf *out);
/* The answer arrived on `leg` (the other one than the offer's): *out gets the answer for the
 * offerer. May come again while the exchange is open (18x of several forks, then 2xx): the last one
 * counts. Where the offer was an answer to one of ours, nobody waits for this one: *out stays as it is. Each fork has
 * its own media: sdp empty: what this fork has answered before (-EBADMSG: it has not).
 * Ports and, in the engine, SSRCs towards the offerer stay what they are. Errors as above; -EINVAL: no offer is
 * open. */
int media_answer(struct media *m, unsigned leg, unsigned fork, struct str sdp,
		 const struct addr *sig, struct buf *out);

/* ---- each leg on its own terms ---- */

/* An offer of ours to `leg`, for which nobody asked: all that the other side can do as far as it is known (what
 * `leg`, or the leg that MEDIA_THIRD replaces, was told last, sendrecv where it was held by that leg alone), else
 * the codecs of the trunks' configuration, audio only. Opens an exchange. `leg` answers it: give the answer to
 * media_offer(), which checks it against this offer and makes of it the offer for the other side; the exchange
 * goes on with that one. Errors as media_offer(). */
int media_make_offer(struct media *m, unsigned leg, struct buf *out);
/* After media_offer(): does the offer that it wrote say anything that the leg it is for was not told before (o=
 * aside)? If not, nobody need be asked: media_answer_known() stands for its answer: 0, or as media_answer(). What the
 * offerer is told then is what media_repeat() says once it is settled. Where it is news all the same, that is owed to
 * the other leg from then on. */
bool media_offer_is_news(const struct media *m);
int media_answer_known(struct media *m);
/* Answers an offer of `leg` here, without the other side: what both could do before and `leg` offers now, with
 * the complement of its direction. Nothing is open before or after it; where an offer of the other side is open
 * and unanswered (early dialogs), this offer counts as another answer to that one too, and *other (may be NULL)
 * gets the new answer for it. Errors as media_offer(); -ENOTSUP: nothing in common with the other side. */
int media_answer_here(struct media *m, unsigned leg, struct str sdp, const struct addr *sig,
		      struct buf *out, struct buf *other);
/* Does `leg` owe its view of the session to an older description than what holds now: must it be offered
 * again (media_make_offer())? For instance when it answered with less than the other one may send. */
bool media_owes_offer(const struct media *m, unsigned leg);
/* `leg` has accepted an offer that was given up in the meantime: it believes in another session than the one that holds,
 * and is owed an offer; no m= line of it may be missing there. */
void media_stray(struct media *m, unsigned leg, struct str sdp);
/* What `leg` was told last once more, to the letter (a session refresh). -EINVAL: nothing was settled. */
int media_repeat(struct media *m, unsigned leg, struct buf *out);
/* Is that what `leg` said last, o= aside? Then answer by media_repeat(). */
bool media_is_same(const struct media *m, unsigned leg, struct str sdp);

/* A third leg, which is to take the place of `replaces` (0 or 1); in what goes on with it, the other one is the
 * other side. Offers of the other one are for it, too, where nothing was ever settled (a redirected call). Media goes on as it was until an exchange with it is committed. -EBUSY: there is one. */
int media_add_leg(struct media *m, unsigned replaces, const struct conf_trunk *trunk);
/* It came to nothing: its ports are given back, an open exchange with it is forgotten; what was pushed for it is
 * undone by the next commit. */
void media_drop_leg(struct media *m);
/* After an exchange with it was settled: it is leg `replaces` from now on. The ports of that one rest. Between the two no
 * other exchange can be opened: -EBUSY. */
void media_take_leg(struct media *m);

/* Plays a key to `leg` as RFC 4733. 0; -ENOTSUP: it has agreed to no telephone-event; -EINVAL: no key; -ENOTCONN. */
int media_dtmf(struct media *m, unsigned leg, char digit, uint32_t duration_ms);

/* This text, which was written for `leg`, has been sent to it: the next one that says anything else has a higher version in
 * o= (RFC 3264 8). What is written and never sent does not count. */
void media_said(struct media *m, unsigned leg, struct str sdp);
/* The dialog of `leg` was that of `from_leg` in another session: its o= goes on (RFC 3264 8). Before anything is written
 * for it. */
void media_copy_origin(struct media *m, unsigned leg, const struct media *from, unsigned from_leg);

/* The exchange is settled (2xx): the next offer may come. Early answers may be committed before. */
void media_settle(struct media *m);
/* The open offer was refused: back to what was agreed before. Ports of a first offer are released
 * only by media_end(). */
void media_reject(struct media *m);

/* Pushes the flows as the last answer left them; done(arg, 0) after the engine's ack, done(arg,
 * -errno) if it refuses or is not there. At most one commit at a time: a second one before done()
 * takes the place of the first, whose done is called with -ECANCELED. Never calls back from inside.
 */
void media_commit(struct media *m, void (*done)(void *arg, int status), void *arg);

bool media_is_held(const struct media *m); /* either side is sendonly, recvonly or inactive */

/* What a person wants to know of one leg's stream; slices and names live as long as the session. */
struct media_leg_info {
	const char *kind;  /* "audio" */
	const char *codec; /* "PCMA/8000" as answered first */
	struct addr local, remote;
	const char *direction; /* "sendrecv" */
	const char *srtp;      /* the suite, "AES_CM_128_HMAC_SHA1_80"; "": not encrypted */
	u64 flow_id;
	unsigned flow_side;
};
unsigned media_info(const struct media *m, unsigned leg, struct media_leg_info *out, unsigned max);

/* Final counters of the first stream, as the engine gave them with DEL. */
struct media_report {
	bool valid; /* the engine answered */
	struct flow_stats rtp[2], rtcp[2];
	double mos[2]; /* what the other side heard of this one, see mos.h; 0: not known */
};
/* Removes the flows, rests the ports. The session is unusable at once; done (may be NULL) comes
 * once, later, and the arena must live until then. */
void media_end(struct media *m, void (*done)(void *arg, const struct media_report *r), void *arg);
/* The end of the shard: forgets the session, ended or not, without a word to the engine (its flows
 * stay) and without a callback. The arena may go at once. */
void media_drop(struct media *m);

#endif
