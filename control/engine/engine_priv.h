/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_ENGINE_ENGINE_PRIV_H
#define SLUICE_ENGINE_ENGINE_PRIV_H

#include "engine/engine.h"

/* Well below FLOW_DATAGRAM_MAX, so that the answers (a DEL's is the longest) fit into one too. */
#define ENGINE_DATAGRAM 32768
#define ENGINE_MESSAGE  4096 /* octets of the longest request, and of its answer */

enum engine_state {
	ENGINE_DOWN,    /* the retry timer runs */
	ENGINE_OPENING, /* the transport connects */
	ENGINE_HELLO,   /* waiting for the answer to HELLO */
	ENGINE_DUMPING, /* requests are taken; what the engine holds is being compared */
	ENGINE_UP
};

enum request_kind {
	REQUEST_STATUS, /* HELLO, SET, SUBSCRIBE */
	REQUEST_SILENT, /* SET that nobody waits for, DTMF: there is no answer */
	REQUEST_REPORT, /* DEL, GET */
	REQUEST_DUMP,
	REQUEST_TRACE
};

typedef void request_reply(struct engine *e, const struct tlv_msg *m, int status);

/* All wait equally long, so the order in which they were sent is the order of their timeouts. */
struct request {
	struct request *next, **pprev;
	uint64_t deadline;
	u32 seq;
	enum request_kind kind;
	void *arg;
	union {
		engine_done *done;
		engine_report *report;
		struct engine_dump dump;
		struct engine_trace trace;
	};
	request_reply *own; /* of the client itself, instead of the above */
};

/* What the transport did not take yet. */
struct datagram {
	struct datagram *next;
	size_t n;
	u8 data[];
};

#define ENGINE_OTHER_RELEASE "it is of another release than sluiced: install both from one"

struct engine {
	struct loop *loop;
	struct log *log;
	struct engine_transport transport;
	struct engine_user user;
	enum engine_state state;
	u32 caps, seq;
	u64 own_epoch, peer_epoch; /* peer's: of the last connection; 0: there was none */
	u64 id_base;               /* shard and random part of our flow ids */
	u32 id_count;
	bool fresh;     /* the engine on this connection is another than on the last */
	bool refused;   /* its version is not ours: was logged */
	bool served;    /* it was up on the last connection */
	bool said_gone; /* was logged; until the next up() */
	int why;        /* it was gone last: -errno */
	int broken;     /* sending failed: to be handled from the loop */
	u8 shard;
	struct request *head, **tail, *spare;
	struct datagram *queue, **queue_tail;
	size_t queued;  /* octets */
	uint64_t moved; /* when the transport took some of it last */
	struct tlv_out out;
	size_t expected; /* octets of answers to what is in `out` */
	struct loop_task flush;
	struct timer retry, timeout;
	u32 mem[ENGINE_DATAGRAM / 4];
};

/* ---- request.c ---- */

void request_init(struct engine *e);
void request_fini(struct engine *e);
void request_reset(struct engine *e);
/* A request is begun: the message is open in e->out for put functions. NULL + *rc. */
struct request *request_begin(struct engine *e, u8 cmd, u16 flags, int *rc);
/* Ends the message and puts the request on the list. `answer`: octets to expect. */
int request_end(struct engine *e, struct request *r, size_t answer);
void request_append(struct engine *e, struct request *r); /* its time begins */
void request_take(struct engine *e, struct request *r);
/* The end of a request: its owner hears of it. */
void request_answer(struct engine *e, struct request *r, int status,
		    const struct tlv_report *report, const struct tlv_msg *m);
void request_drop_all(struct engine *e, int status);

/* ---- client.c ---- */

/* Closes the connection (if it isn't closed already) and starts again later. */
void engine_break(struct engine *e, int why);

/* ---- transports: connected or -errno, without a word to the engine ---- */

int seqpacket_connect(struct seqpacket *s, struct engine *e);
int genl_connect(struct genl *g, struct engine *e);

/* reconcile.c: from the transport's "connected" to up(). */
void reconcile_begin(struct engine *e);

#endif
