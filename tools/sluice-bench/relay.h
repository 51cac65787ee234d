/* SPDX-License-Identifier: Apache-2.0 */
/* The relay under test, as far as it is told what to do: calls are set up and taken down. A driver is one
 * struct relay_ops; everything else is the same for all. */
#ifndef SLUICE_BENCH_RELAY_H
#define SLUICE_BENCH_RELAY_H

#include "call.h"
#include "hist.h"

struct relay;

struct relay_ops {
	const char *name;  /* as in --relay NAME=WHERE */
	const char *where; /* what WHERE is, for --help; NULL: there is none */
	int (*open)(struct relay *r);
	/* All n calls, as many at a time as the protocol bears; each one's time (ns) is added to `each`. side[].ours, local
	 * and keys are filled in; relay, and whatever key the relay chose, when it is done. 0 or -errno, said. */
	int (*setup)(struct relay *r, struct call *calls, unsigned n, struct hist *each);
	int (*teardown)(struct relay *r, struct call *calls, unsigned n);
	void (*close)(struct relay *r); /* also after open() failed; may be NULL, as open may */
};

struct relay_options {
	const char *spec;     /* NAME or NAME=WHERE */
	const char *netns;    /* where its control is spoken to; NULL: here */
	struct addr media[2]; /* its address on either side; port: the first one for media */
	unsigned ports;       /* so many from there on (for drivers that choose them) */
	uint8_t suite[2];
	unsigned ptime; /* ms, as SDP tells */
	bool nat;       /* our address is told as a private one, behind what SIP would come from */
};

struct relay {
	const struct relay_ops *ops;
	const char *where;
	struct relay_options o;
	unsigned serial; /* of calls ever set up */
	void *own;
};

/* 0 or -errno, said on stderr. Close it in either case. */
int relay_open(struct relay *r, const struct relay_options *o);
void relay_close(struct relay *r);
void relay_help(void); /* the drivers, on stdout */

extern const struct relay_ops relay_sluice, relay_rtpengine, relay_legs, relay_direct;

#endif
