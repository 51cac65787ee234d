/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of ours other than INVITE and what belongs to it, and subscriptions (RFC 6665). */
#ifndef SLUICE_SIP_EXCHANGE_PRIV_H
#define SLUICE_SIP_EXCHANGE_PRIV_H

#include "sip/dialog_priv.h"

/* ---- requests of ours but INVITE and its kin: exchange.c ---- */

/* The end of a request in a dialog that the usage has sent for itself, if the dialog is still there. */
typedef void dialog_fn(struct dialog *d, const struct exchange_event *e, const struct incoming *in);

struct sip_exchange {
	struct sip *sip;
	struct ctrans *ct;
	struct dialog *dialog;              /* NULL: outside, or the dialog is gone */
	struct sip_exchange *next, **pprev; /* of the dialog */
	exchange_fn *fn;                    /* NULL: nobody waits */
	dialog_fn *done;                    /* NULL: not of the usage */
	void *arg;
	struct login *login; /* of one without a dialog */
	uint64_t deadline;   /* of the whole, over all targets */
	uint32_t cseq;
	uint32_t patience_ms;
	uint8_t method; /* enum sip_method */
	uint8_t n_targets, target;
	bool begins; /* the dialog */
	bool heard;  /* a response came from this target */
	bool ended;  /* it is told of its end */
	struct sip_hop targets[];
};

/* In a dialog, whose CSeq is counted; `lines` are those of the usage. NULL + errno. */
struct sip_exchange *exchange_in_dialog(struct sip *s, struct dialog *d,
					const struct exchange_params *p, struct str lines);
/* Is there one of this method in the dialog, without an answer? */
bool exchange_waits(const struct dialog *d, enum sip_method m);
/* The dialog is another from now on. */
void exchange_move(struct dialog *from, struct dialog *to);
/* The request that begins a dialog of ours. NULL + errno. */
struct sip_exchange *exchange_begin(struct sip *s, struct dialog *d,
				    const struct exchange_params *p);
/* The dialog is gone: its exchanges go on without it. */
void exchange_orphan(struct dialog *d);
/* Tells the user that this target answered (status 0) or failed. */
void target_told(struct sip *s, const struct sip_hop *to, unsigned status, const struct sip_msg *m);

/* ---- subscriptions: subscription.c ---- */

struct subscription {
	struct dialog dialog;
	struct sip *sip;
	struct arena *arena;
	void *arg;
	uint8_t busy; /* upcalls that are running */
	bool dead;    /* free it when they return */
};

void subscription_in_dialog(struct subscription *sub, const struct incoming *in);
/* The answer to the request that begins it, or to one in it. */
void subscription_answered(struct subscription *sub, const struct incoming *in, bool begins);

#endif
