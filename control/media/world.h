/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of this folder: a shard with its configuration, an engine that relays nothing, and
 * one call between "pbx" (leg 0) and "carrier" (leg 1), on a virtual loop. */
#ifndef SLUICE_MEDIA_WORLD_H
#define SLUICE_MEDIA_WORLD_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/test.h"
#include "engine/peer.h"
#include "media/media_priv.h"

struct world {
	struct loop *loop;
	struct peer peer;
	struct conf *conf;
	struct media_shard *ms;
	struct arena *arena;
	struct media *m;
	struct addr sig[3];
	char text[16384]; /* what came out last */
	/* what the callbacks said */
	int status;
	unsigned committed, ended, events, canceled;
	enum media_event event;
	unsigned event_leg;
	char digit;
	uint32_t duration_ms;
	struct addr event_source;
	struct media_report report;
};

/* `extra` is put into the YAML text of the trunks carrier; NULL: nothing. */
struct world *world_new(const char *carrier, const char *rest);
/* `outside`: more of that network, ", key: value". */
struct world *world_new_on(const char *carrier, const char *rest, const char *outside);
void world_free(struct world *w);
int world_setup(void **state);
int world_teardown(void **state);
void world_new_call(struct world *w);
void world_end_call(struct world *w);

struct addr at(const char *ip, u16 port);
/* As media_offer() and media_answer(); what comes out is in w->text, and is read back into
 * w->ms->in. */
int offer(struct world *w, unsigned leg, const char *sdp);
int answer(struct world *w, unsigned leg, const char *sdp);
int answer_fork(struct world *w, unsigned leg, unsigned fork, const char *sdp);
/* media_make_offer(), media_repeat(), media_answer_here() in the same way; `other`: 16384 octets or NULL. */
int make(struct world *w, unsigned leg);
int repeat(struct world *w, unsigned leg);
int here(struct world *w, unsigned leg, const char *sdp, char *other);
struct conf_trunk *rules(struct world *w, unsigned leg); /* of the leg's trunk, to be changed */
const struct conf_trunk *world_trunk(struct world *w, const char *name);
/* Formats of a line that was read back: "8 0 101". */
void expect_formats(struct world *w, unsigned line, const char *want);
/* The map of a side of the first flow: "97>111 8". */
void expect_map(struct world *w, unsigned side, const char *want);
unsigned in_use(struct world *w); /* port pairs of both networks */
void commit(struct world *w);     /* and lets the loop run */
void run(struct world *w, unsigned ms);
/* A whole exchange that must succeed. */
void exchange(struct world *w, unsigned leg, const char *offer_sdp, const char *answer_sdp);
const struct sdp_media *line_of(struct world *w, unsigned i); /* of w->text */
const struct flow *the_flow(struct world *w, unsigned i);     /* i-th the engine has; must exist */
uint64_t version_in(const char *text);

#define A_HEAD                                                                                     \
	"v=0\r\no=alice 11 22 IN IP4 10.0.0.20\r\ns=secret\r\nc=IN IP4 10.0.0.20\r\nt=0 0\r\n"
#define B_HEAD                                                                                     \
	"v=0\r\no=bob 33 44 IN IP4 203.0.113.20\r\ns=other\r\nc=IN IP4 203.0.113.20\r\nt=0 0\r\n"
#define EVENTS  "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
#define A_AUDIO "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\n" EVENTS "a=ptime:20\r\n"
#define B_AUDIO "m=audio 6000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n" EVENTS

#endif
