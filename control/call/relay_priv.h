/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are no calls: request.c decides what becomes of them, relay.c passes one on and its answer
 * back, watch.c keeps the two dialogs of a subscription together. */
#ifndef SLUICE_RELAY_PRIV_H
#define SLUICE_RELAY_PRIV_H

#include "call/call_priv.h"

struct watch;

/* ---- relay.c ---- */

/* A request to be passed on. */
struct relay_in {
	struct sip_request *request;
	const struct sip_msg *msg;
	const struct sip_core *core;
	const struct sip_hop *source; /* of one outside dialogs */
	struct conf *conf;
	const struct conf_trunk *from, *to;
	/* The dialog that it goes on in; both NULL: none. */
	struct invite *inv;
	struct subscription *sub;
	struct watch *watch;        /* that it belongs to, or NULL */
	const struct call *call;    /* whose dialogs it crosses, or NULL */
	struct call_refers *refers; /* of the pair of dialogs that it crosses, or NULL */
	unsigned leg;               /* of that pair, or side of the watch: where it came from */
};

/* Answers it, now or later. */
void relay_pass(struct calls *cs, const struct relay_in *in);
void relay_refuse(struct calls *cs, const struct relay_in *in, unsigned status);
void relay_free_all(struct calls *cs);

/* ---- watch.c ---- */

/* A subscription that crosses the border: side 0 is who subscribed, or who asked by REFER; side 1 who
 * tells. */
struct watch_side {
	struct watch *watch;
	struct subscription *sub; /* NULL: none yet, or over */
	const struct conf_trunk *trunk;
	uint8_t index;
};

struct watch {
	struct watch *next, **pprev;
	struct calls *calls;
	struct conf *conf;
	struct watch_side side[2];
	struct timer timer; /* nobody has refreshed it, or told its end */
	struct call_refers refers;
	unsigned relays; /* under way in it */
	bool told;       /* how long it lasts, by a NOTIFY */
};

/* What an exchange in it was about. */
struct watch_asked {
	uint8_t method;  /* enum sip_method */
	bool begins;     /* the subscription */
	bool terminated; /* NOTIFY says so */
};

/* With the watcher's dialog. NULL + errno: -EBUSY there are too many, -EINVAL no usable Contact, -ENOMEM. */
struct watch *watch_new(struct calls *cs, const struct relay_in *in);
/* It has been answered. */
void watch_answered(struct watch *w, const struct watch_asked *asked,
		    const struct exchange_event *e);
/* Another relay in it; one less: w may be gone then. */
void watch_enter(struct watch *w);
void watch_leave(struct watch *w);
/* Forgets both dialogs. */
void watch_end(struct watch *w);
void watch_free_all(struct calls *cs);
void watch_request(void *side, struct subscription *sub, const struct subscription_event *e);

#endif
