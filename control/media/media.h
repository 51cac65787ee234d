/* SPDX-License-Identifier: Apache-2.0 */
/* Media policy: SDP in, SDP out, flows declared to the engine. The call never sees ports, codecs or
 * flows; media never sees dialogs. RFC 3264, 4566/8866, 3605 (a=rtcp), 5761 (rtcp-mux).
 *
 * A session has two legs, 0 (caller) and 1 (callee). What goes out is written from scratch: own o=,
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

/* ---- one for each call ---- */

struct media;

enum media_event {
	MEDIA_LATCHED,  /* leg: its media is relayed from now on */
	MEDIA_CONFLICT, /* leg: two sources claim it; nothing is relayed from it */
	MEDIA_SILENCE   /* both legs were silent for conf.media.silence (hold-silence while held) */
};

struct media_options {
	struct arena *arena;     /* of the call; the session lives in it */
	const struct conf *conf; /* the call's snapshot */
	const struct conf_trunk *trunk[2];
	void (*event)(void *arg, enum media_event e, unsigned leg, const struct addr *source);
	void *arg;
};

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
 * counts. Errors as above; -EINVAL: no offer is open. */
int media_answer(struct media *m, unsigned leg, struct str sdp, const struct addr *sig,
		 struct buf *out);
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
	u64 flow_id;
	unsigned flow_side;
};
unsigned media_info(const struct media *m, unsigned leg, struct media_leg_info *out, unsigned max);

/* Final counters of the first stream, as the engine gave them with DEL. */
struct media_report {
	bool valid; /* the engine answered */
	struct flow_stats rtp[2], rtcp[2];
};
/* Removes the flows, rests the ports. The session is unusable at once; done (may be NULL) comes
 * once, later, and the arena must live until then. */
void media_end(struct media *m, void (*done)(void *arg, const struct media_report *r), void *arg);
/* The end of the shard: forgets the session, ended or not, without a word to the engine (its flows
 * stay) and without a callback. The arena may go at once. */
void media_drop(struct media *m);

#endif
