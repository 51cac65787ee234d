/* SPDX-License-Identifier: Apache-2.0 */
/* Random and broken requests to the kernel engine, while packets run through it and others ask, too. What is wrong in
 * the kernel is seen in its log; what is wrong in its answers is seen here.
 *
 * A *round* is a network namespace of its own with four threads; the next begins when it has ended. Chance comes from
 * the seed, the number of the round and that of the thread: the same requests in the same order, though not at the same time. */
#ifndef SLUICE_VM_FUZZ_H
#define SLUICE_VM_FUZZ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "engine/tlv.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define IDS          48
#define PORTS        240 /* of ours, on each address */
#define FIRST_PORT   20000
#define PEERS        12 /* sockets that send media */
#define FIRST_PEER   30000
#define MESSAGE_MAX  16384

struct dice {
	uint64_t state;
};

uint64_t dice_roll(struct dice *d);
uint32_t dice_below(struct dice *d, uint32_t n);
bool dice_percent(struct dice *d, uint32_t percent);
void dice_fill(struct dice *d, void *p, size_t n);

struct tally {
	_Atomic uint64_t requests, taken, refused, dumped, events, sent, relayed;
	_Atomic uint64_t done[FLOW_CMD_MAX + 1]; /* of each command: with success */
	_Atomic uint32_t suites;                 /* of flows that were told: bits */
};

struct round {
	uint64_t seed;
	unsigned number;
	uint16_t family;
	uint64_t end_us;     /* when to stop, by the monotonic clock */
	u8 mark[8];          /* is in every key of a request that is whole, and nowhere else */
	struct tally *tally; /* of all rounds, shared by processes */
	atomic_bool over;
};

uint64_t now_us(void);
struct dice round_dice(const struct round *r, unsigned thread);
/* Says it with the seed, and ends the process with status 1. */
_Noreturn void wrong(const struct round *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- link.c: a socket to the engine ---- */
struct link {
	struct round *r;
	int fd;
	uint32_t seq;
	u8 asked[256]; /* the commands of the last ones, by their number */
	u8 in[65536] __attribute__((aligned(8)));
};

struct answer {
	int err;     /* 0 or -errno of an acknowledgement */
	u8 cmd;      /* 0: it was one */
	bool done;   /* the end of a dump */
	u8 *message; /* where it begins in link->in */
	size_t n;
};

void link_open(struct link *l, struct round *r);
void link_close(struct link *l);
/* -errno of sending it; netlink speaks of the rest in answers. */
int link_send(struct link *l, const void *p, size_t n);
/* Reads what is there, or waits for it, and looks whether it can be true. 0: nothing came; -ENOBUFS: some was lost. */
int link_read(struct link *l, int wait_ms);
/* The next message of what was read: true, and *a. */
bool link_next(struct link *l, size_t *at, struct answer *a);
void link_drain(struct link *l);

/* ---- ask.c: requests that are whole ---- */
/* `seq`: of the request, from 1: generations rise with it. */
void ask_flow(const struct round *r, struct dice *d, struct flow *f, uint32_t seq, bool with_mark);
/* Any request, into `o`, of `cap` octets of room. */
void ask_any(const struct round *r, struct dice *d, struct tlv_out *o, uint32_t seq,
	     bool with_mark);
void ask_key(const struct round *r, struct flow_crypto *c, u8 suite, u32 number, bool with_mark);

/* ---- mangle.c: and what becomes of them ---- */
/* Returns how many octets of `p` to send. */
size_t mangle(struct dice *d, u8 *p, size_t n, size_t cap);

/* ---- media.c: packets ---- */
void *media_run(void *round);

/* ---- good.c: what must work, whatever was asked before ---- */
void good_check(struct round *r);

#endif
