/* SPDX-License-Identifier: Apache-2.0 */
/* Random phones around one sluice shard: each phone is a SIP core of our own with a user that does
 * what comes to its mind; between them and the shard lies a network that delays, reorders, loses and
 * repeats. The shard is that of the scenarios. One seed is one game, the same each time it is
 * played. */
#ifndef SLUICE_RANDOM_H
#define SLUICE_RANDOM_H

#include "../scenario/scenario.h"
#include "sdp/sdp.h"

struct game;
struct phone;
struct leg;
struct border;
struct forked;

/* ---- dice.c ---- */

struct dice {
	uint64_t state;
};

uint32_t dice_below(struct dice *d, uint32_t n); /* [0, n), n > 0 */
bool dice_percent(struct dice *d, uint32_t percent);
/* The number of one of them, by weight. */
unsigned dice_weigh(struct dice *d, const uint8_t *weights, unsigned n);
uint32_t dice_delay(struct dice *d); /* milliseconds, from at once to half a minute */

/* ---- terms.c: a configuration and a network ---- */

struct terms {
	unsigned loss, copies; /* percent */
	uint32_t delay_ms, jitter_ms;
	unsigned laggards;    /* percent of packets that take up to two seconds more */
	uint32_t play_ms;     /* how long the phones do as they like */
	unsigned calls;       /* that they begin */
	unsigned dead;        /* percent: a phone dies on the way */
	bool drain;           /* a shutdown before the end */
	bool forks;           /* the carrier is two phones behind a proxy */
	bool engine_trouble;  /* it refuses, is slow, goes away */
	uint32_t patience_ms; /* in the end, for everything to be over */
	char conf[4096];      /* YAML */
};

void terms_roll(struct terms *t, struct dice *d);

/* ---- sdp.c: what phones say about media ---- */

#define CODECS 6

struct self { /* one phone's descriptions in one dialog */
	unsigned id, version, n_media;
	uint64_t said; /* a hash */
	uint16_t port;
	uint8_t codecs; /* bits */
	uint8_t dir;
	bool video;
};

void self_init(struct self *s, struct dice *d, uint16_t port);
void self_change(struct self *s, struct dice *d);
void self_offer(struct self *s, const struct phone *p, struct buf *b);
/* 0, or -ENOTSUP where nothing in it can be done. */
int self_answer(struct self *s, const struct phone *p, struct str offer, struct buf *b);

/* ---- phone.c ---- */

#define PHONES   4
#define SDP_ROOM 2048

enum owed {
	OWED_ACK = 1 << 0,   /* for a 2xx of theirs */
	OWED_REPLY = 1 << 1, /* to an INVITE or re-INVITE of theirs */
	OWED_PRACK = 1 << 2,
	OWED_REFRESH = 1 << 3 /* of the session timer */
};

enum by { /* what brought their offer */
	BY_INVITE,
	BY_UPDATE,
	BY_RELIABLE, /* 18x */
	BY_2XX
};

struct leg { /* an invite, as its phone sees it */
	struct leg *next;
	struct phone *phone;
	struct invite *inv; /* NULL: over */
	struct timer act;
	struct self self;
	uint8_t owed; /* enum owed */
	bool server, up;
	bool offered;       /* by us, and not answered yet */
	bool got;           /* an offer of theirs waits for our answer */
	uint8_t by;         /* enum by */
	bool settled;       /* the first exchange is over */
	bool unacked;       /* our 2xx */
	unsigned unsure;    /* reliable 18x of ours without a PRACK */
	bool late;          /* our INVITE had no offer, and has no final reply */
	bool updates;       /* the open offer is in our UPDATE */
	bool retries;       /* a re-INVITE that met another one */
	unsigned fork;      /* that wants a PRACK */
	struct addr remote; /* where our media goes; port 0: not known */
	uint16_t rtp_seq;
	size_t n_offer, n_answer;
	char offer[SDP_ROOM];  /* theirs */
	char answer[SDP_ROOM]; /* ours to it; the same in every reply */
};

struct owing { /* a request that waits for its answer */
	struct owing *next;
	struct phone *phone;
	struct leg *leg;             /* NULL: outside dialogs */
	struct sip_request *request; /* NULL: it has its answer */
	struct timer timer;
	uint8_t method;
	bool offer; /* the leg's open offer is in it */
};

struct phone {
	struct game *game;
	const char *name;
	struct addr addr, sluice;
	unsigned network; /* of sluice */
	struct sip_network net;
	struct sip *sip;
	struct invite_terms terms;
	struct leg *legs;
	struct owing *owing;
	bool dead;
};

void phone_init(struct game *g, struct phone *p);
void phone_free(struct phone *p);
void phone_call(struct phone *p);
void phone_call_to(struct phone *p, struct str ruri, struct str headers);
void phone_stop(struct phone *p); /* hangs up everything */

/* ---- acts.c: what a phone does in one leg ---- */
void leg_act(void *leg);
void leg_soon(struct leg *l);
void leg_hang_up(struct leg *l);

/* ---- reply.c: what it answers ---- */
void leg_take_offer(struct leg *l, struct str body, enum by by);
void leg_ring(struct leg *l);
void leg_accept(struct leg *l);
void leg_refuse(struct leg *l, unsigned status);
void leg_refuse_somehow(struct leg *l);
void leg_acknowledge(struct leg *l);
void leg_prack(struct leg *l);
void owing_answer(void *owing);

/* ---- voice.c: media ---- */
void voice_learn(struct leg *l, struct str sdp);
void voice_send(struct leg *l); /* some packets, and perhaps a key */

/* ---- transfer.c: REFER, Replaces, 3xx ---- */
struct str transfer_target(struct phone *p,
			   struct buf *b); /* a URI to call, or to send others to */
void transfer_ask(struct leg *l);          /* sends REFER */
void transfer_follow(struct phone *p, const struct sip_msg *m);
void transfer_notify(struct leg *l);
void transfer_take_over(struct phone *p); /* INVITE with Replaces */

/* ---- net.c ---- */

struct packet {
	struct packet *next, **pprev;
	struct game *game;
	struct phone *from, *to; /* NULL: the shard */
	struct timer timer;
	size_t n;
	char text[];
};

void net_free(struct game *g);
/* NULL: the shard. */
void net_carry(struct game *g, struct phone *from, struct phone *to, struct str data);
int net_from_phone(void *phone, const struct sip_hop *to, struct str data);
int net_from_shard(void *game, const struct sip_hop *to, struct str data);

/* ---- game.c ---- */

enum without { /* what phones may be forbidden to do */
	WITHOUT_RELIABLE = 1 << 0,
	WITHOUT_UPDATE = 1 << 1,
	WITHOUT_SESSION = 1 << 2,
	WITHOUT_TRANSFER = 1 << 3,
	WITHOUT_REPLACES = 1 << 4,
	WITHOUT_REDIRECT = 1 << 5,
	WITHOUT_FORKS = 1 << 6,
	WITHOUT_LATE = 1 << 7,
	WITHOUT_ENGINE = 1 << 8
};

struct rules {
	unsigned max_actions, without, verbose;
	bool direct; /* two phones and no sluice: the SIP core with itself */
};

struct game {
	struct world *w;
	struct script script;
	struct loop *loop;
	struct dice dice;
	struct terms terms;
	struct phone phone[PHONES];
	struct rules rules;
	unsigned n_phones, serial, actions;
	struct timer next_call, trouble, death, drain;
	struct packet *packets;
	uint8_t lost[1024]; /* how often a datagram was lost, by its hash */
	struct border *border;
	struct forked *forks;
	bool stopped, over;
	uint64_t seed;
	char why[1024]; /* what went wrong first */
};

struct totals {
	uint64_t calls, answered, messages, actions;
};

/* Plays one seed; false: it failed, and *why says how. */
bool game_play(uint64_t seed, const struct rules *r, struct totals *t);
void game_fail(struct game *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool game_without(const struct game *g, enum without what);
/* May another random action be done? */
bool game_acts(struct game *g);
unsigned long long game_ms(const struct game *g);

#endif
