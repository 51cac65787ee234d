/* SPDX-License-Identifier: Apache-2.0 */
/* The client of a relay engine, one for each shard: the six verbs of the flow language
 * (dataplane/relay/flow.h) as calls that answer later. Which engine it is (sluice-dp over a unix
 * socket, the kernel module over generic netlink) is the transport's affair.
 *
 * Everything runs on the shard's thread. Callbacks come from the loop, never from inside a call.
 * Requests made in one round of the loop leave in one datagram. Each request is answered exactly
 * once: by the engine, or by -ENOTCONN when it is gone, or -ETIMEDOUT after 2 s,
 * which begin when the transport has taken all that it was asked with, as long as it takes some. */
#ifndef SLUICE_ENGINE_ENGINE_H
#define SLUICE_ENGINE_ENGINE_H

#include "base/log.h"
#include "base/loop.h"
#include "engine/tlv.h"

struct engine;

/* How datagrams of the flow language travel. seqpacket.c is one, the scenario tests have another.
 */
struct engine_transport {
	/* Begins to connect; says so by engine_connected(). Called again, by the client's timer,
	 * after engine_gone(). */
	void (*open)(void *arg, struct engine *e);
	int (*send)(void *arg, const void *p,
		    size_t n); /* 0; -EAGAIN: keep it and wait for engine_ready() */
	void (*close)(void *arg);
	/* For people, literals. What it connects to; what is to be done where it does not, by -errno.
	 * Both may be NULL. */
	const char *(*name)(void *arg);
	const char *(*hint)(void *arg, int why);
	void *arg;
};

struct engine_user {
	/* The engine is there and speaks our version. `fresh`: it has none of our flows (it was
	 * restarted, or is new to us): set every live flow again. */
	void (*up)(void *arg, bool fresh);
	void (*down)(void *arg); /* gone; reconnecting goes on by itself, every 100 ms */
	void (*event)(void *arg, const struct tlv_event *e);
	/* A flow that the engine has at connect and that known() denies: of another shard, or left
	 * by an earlier life of control; then its ports are in use until it is deleted. Comes
	 * before up(); requests are taken by then. */
	bool (*known)(void *arg, u64 flow_id);
	void (*orphan)(void *arg, const struct tlv_report *r);
	void *arg;
};

struct engine_options {
	struct loop *loop;
	struct log *log;
	struct engine_transport transport;
	struct engine_user user;
	u8 shard;
};

struct engine *engine_new(const struct engine_options *o); /* NULL + errno */
void engine_free(struct engine *e); /* pending requests are answered with -ECANCELED */
bool engine_is_up(const struct engine *e);
const char *engine_name(const struct engine *e);  /* "sluice-dp": a literal */
const char *engine_cause(const struct engine *e); /* why it is not up, and what to do: a literal */
u32 engine_caps(const struct engine *e);

/* A flow id that was never given before, by this process or an earlier one (shard, random, count).
 */
u64 engine_new_id(struct engine *e);
/* Was it given by this client (lately: within 2^24 ids)? */
bool engine_gave_id(const struct engine *e, u64 id);

typedef void engine_done(void *arg, int status);
/* `r` is borrowed; NULL unless status is 0. */
typedef void engine_report(void *arg, int status, const struct tlv_report *r);

/* `done` may be NULL: then the engine does not answer at all. *f is read before the call returns. 0, or
 * -ENOTCONN, -ENOMEM (then no callback). */
int engine_set(struct engine *e, const struct flow *f, engine_done *done, void *arg);
int engine_del(struct engine *e, u64 id, engine_report *done, void *arg);
int engine_get(struct engine *e, u64 id, engine_report *done, void *arg);
/* Plays a key (RFC 4733 event 0-15) to a side of a flow. 0, or -ENOTCONN, -ENOMEM. */
int engine_dtmf(struct engine *e, u64 id, unsigned side, u8 event, u32 duration_ms);
/* Sends a packet to a side, from our port; see SEND in flow.h. 0, or -ENOTCONN, -ENOMEM, -EMSGSIZE. */
int engine_send(struct engine *e, const struct tlv_send *s);
/* Forget the answer to whatever was asked with this arg; for owners that die first. */
void engine_forget(struct engine *e, void *arg);

struct engine_dump {
	void (*flow)(void *arg, const struct tlv_report *r);
	void (*drop)(void *arg, const char *name, u64 count, const char *text);
	void (*port)(void *arg, const char *network, const char *driver, const char *why);
	void (*done)(void *arg, int status);
	void *arg;
};
/* Every flow of the engine (of all shards), its named counters and devices; members may be NULL but
 * done. */
int engine_dump(struct engine *e, const struct engine_dump *d);

struct engine_trace {
	void (*frame)(void *arg, const struct tlv_frame *f); /* borrowed; oldest first */
	void (*done)(void *arg, int status); /* -ENOENT: nothing is known of this flow */
	void *arg;
};
/* Packet heads that the engine has kept of a flow. */
int engine_trace(struct engine *e, u64 id, const struct engine_trace *t);

/* ---- for transports ---- */
void engine_connected(struct engine *e);
void engine_gone(struct engine *e, int why); /* -errno */
void engine_ready(struct engine *e);         /* send() will take data again */
void engine_receive(struct engine *e, const void *p, size_t n);
/* Has a request waited for longer than usual? Then more than one datagram may be there to read. */
bool engine_is_late(const struct engine *e);

/* sluice-dp: a SOCK_SEQPACKET unix socket. `path` is copied. NULL + errno. Free after
 * engine_free(). */
struct seqpacket;
struct seqpacket *seqpacket_new(struct loop *loop, struct log *log, const char *path);
void seqpacket_free(struct seqpacket *s);
struct engine_transport seqpacket_transport(struct seqpacket *s);

/* sluice.ko: generic netlink, in the namespace of the thread that runs the loop. The kernel asks for CAP_NET_ADMIN with
 * each request, of the thread that sends. Free after engine_free(). */
struct genl;
struct genl *genl_new(struct loop *loop, struct log *log); /* NULL + errno */
void genl_free(struct genl *g);
struct engine_transport genl_transport(struct genl *g);

/* Whichever of the two is there. */
enum engine_kind {
	ENGINE_NONE, /* or: any */
	ENGINE_DPDK,
	ENGINE_KERNEL,
	ENGINE_KINDS
};

struct engine_pick { /* of all shards together: one of them leads, the others take what it took */
	_Atomic int kind;
};

struct either_options {
	struct loop *loop;
	struct log *log;
	const char *path;         /* of sluice-dp's socket */
	struct engine_pick *pick; /* lives longer */
	bool leads;
};

struct either;
struct either *either_new(const struct either_options *o); /* NULL + errno */
void either_free(struct either *x); /* after engine_free(); NULL is allowed */
/* ENGINE_NONE: the one that is there. */
struct engine_transport either_transport(struct either *x, enum engine_kind want);

#endif
