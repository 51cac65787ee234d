/* SPDX-License-Identifier: Apache-2.0 */
/* A core on a virtual clock. Its peer is either the test itself, with messages written by hand, or
 * another world at the end of a wire that loses, doubles and delays. */
#ifndef SLUICE_SIP_WORLD_TEST_H
#define SLUICE_SIP_WORLD_TEST_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/test.h"
#include "sip/invite_priv.h"

#define SENT_MAX  512
#define EVENT_MAX 64

struct sent {
	char *text; /* with NUL and SIP_PAD */
	size_t len;
	uint64_t at;
	struct addr to;
	struct sip_hop hop;
};

struct seen {
	enum invite_event_type type;
	unsigned status, fork;
	uint8_t lost;
	bool reliable;
	uint64_t at;
	char body[64];
};

struct world {
	struct loop *loop;
	bool own_loop;
	struct sip *sip;
	struct addr self, far; /* ours, and the one that we talk to */
	struct sip_hop far_hop;
	struct world *peer; /* NULL: the test */
	/* What becomes of a message on the wire: its delay in ms, or negative: lost. NULL: 1 ms. */
	int (*wire)(struct world *w, const char *text);
	int copies; /* of each message that is not lost */
	void *wire_arg;
	struct sent sent[SENT_MAX];
	unsigned n_sent;
	struct seen seen[EVENT_MAX];
	unsigned n_seen;
	struct invite *inv; /* the last that came or was sent; NULL after its last event */
	struct sip_request *req;
	unsigned n_invites, n_requests;
	struct {
		enum sip_method method;
		char body[64];
		bool inside;      /* a dialog */
	} got;                    /* the last request */
	struct subscription *sub; /* the last that was accepted or sent */
	bool accept;              /* makes a dialog of SUBSCRIBE and REFER */
	struct {
		unsigned n,
			status; /* of the answers to our requests; the last status, 0 without message: */
		bool silent;
		uint32_t cseq;
		char body[64];
	} done;
	/* What our user does; NULL: nothing. */
	struct invite_terms terms; /* of what call() sends, and of what comes in */
	void (*on_invite)(struct world *w, struct invite *inv);
	void (*on_event)(struct world *w, struct invite *inv, const struct invite_event *e);
	uint8_t transport; /* of what is injected and called; and its connection, the only one that lives */
	uint32_t conn;
	bool tcp_allowed;
	bool unknown; /* peer_of() knows nobody */
	int send_rc;
	size_t in_flight;
};

struct world *world_new(void);
/* Two worlds that talk to each other. Free `b` with `a`. */
void world_pair(struct world **a, struct world **b);
/* What was sent and seen so far. */
void world_forget(struct world *w);
void world_free(struct world *w);
/* No transaction, no dialog. */
void assert_empty(struct world *w);
/* Ends the invite there is, sees that nothing is left over after it, and frees. */
void world_finish(struct world *w);
/* The same of two, by a wire that loses nothing any more. */
void world_finish_pair(struct world *a, struct world *b);
uint64_t counter_of(struct world *w, const char *name);

/* ---- by hand ---- */

/* From the far end, or from elsewhere. */
void inject(struct world *w, const char *text);
void inject_from(struct world *w, const char *text, const struct addr *from);
void injectf(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What was sent as number i (negative: from the end), read again. */
const char *sent(struct world *w, int i);
bool sent_is(struct world *w, int i, const char *start);
/* How many of what was sent begin so. */
unsigned count_sent(struct world *w, const char *start);
/* Value of the first such field in what was sent as i, "" when it is not there. Overwritten by the
 * ninth call after. */
const char *field(struct world *w, int i, const char *name);
const char *param_of(struct world *w, int i, const char *name, const char *param);
/* Answers the request that was sent as i, with this To tag; lines: further ones with CRLF. */
void answer(struct world *w, int i, unsigned status, const char *tag, const char *lines,
	    const char *body);
/* A request from far outside of dialogs: Via branch, From tag "far", Call-ID "c1". */
void request(struct world *w, const char *method, const char *branch, unsigned cseq,
	     const char *lines, const char *body);
/* The same in the dialog that the response sent as i has made, with our tag from it. */
void request_in(struct world *w, int i, const char *method, const char *branch, unsigned cseq,
		const char *lines, const char *body);
void advance(struct world *w, uint64_t ms);

/* Parameters of a request to far; its end is noted in w->done. */
struct exchange_params exchange_to_far(struct world *w, const char *method);

/* ---- our user ---- */

struct invite *call(struct world *w);
int reply(struct world *w, unsigned status, const char *body);
/* Number of events, and the last one. */
const struct seen *last_seen(struct world *w);
unsigned count_seen(struct world *w, enum invite_event_type type);
#define assert_seen(w, i, t, s)                                                                    \
	do {                                                                                       \
		assert_true((w)->n_seen > (i));                                                    \
		assert_int_equal((w)->seen[i].type, (t));                                          \
		assert_int_equal((w)->seen[i].status, (s));                                        \
	} while (0)

/* The times, from the first of them, at which messages that begin so were sent. */
void assert_times(struct world *w, const char *start, const unsigned *ms, unsigned n);

#endif
