/* SPDX-License-Identifier: Apache-2.0 */
/* The only codec of the flow language (dataplane/relay/flow.h): struct flow and its kin to and from
 * netlink attributes. Used by control and by sluice-dp's agent. Pure functions over memory that
 * the caller owns; every length is checked, nothing is trusted. libnl does the attribute walking.
 */
#ifndef SLUICE_ENGINE_TLV_H
#define SLUICE_ENGINE_TLV_H

#include <netlink/attr.h>
#include "relay/flow.h"

/* A datagram being written: messages one after another. */
struct tlv_out {
	void *p;       /* aligned to 4 */
	size_t n, cap; /* n: octets ready to be sent */
	size_t msg;    /* where the message being written begins */
	bool full;     /* something did not fit; tlv_end() takes the message back */
};

/* One message read from a datagram. attr[] points into the datagram; NULL: absent. */
struct tlv_msg {
	u32 seq;
	u8 cmd, version;
	u16 flags; /* NLM_F_* */
	bool done; /* NLMSG_DONE: the end of a dump */
	struct nlattr *attr[FLOW_A_MAX + 1];
};

/* What an engine reports of one flow. */
struct tlv_report {
	struct flow flow;         /* id, gen, idle_ms, sides as they were set */
	struct flow_stats rtp[2]; /* by the side they came in on */
	struct flow_stats rtcp[2];
	u64 age_ms;
};

struct tlv_event {
	u64 flow_id;
	u32 gen;
	u32 event; /* enum flow_event */
	u32 side;
	struct flow_addr source; /* LATCHED, PUNT */
	u32 duration_ms;         /* DTMF */
	u8 digit;                /* DTMF: RFC 4733 event 0-15 */
	u8 component;            /* PUNT: the port that it came to */
	u32 n;                   /* PUNT: octets of payload, which is borrowed */
	const u8 *payload;
	struct flow_resume resume; /* INDEX: parts that changed */
};

/* FLOW_CMD_SEND. payload is borrowed. */
struct tlv_send {
	u64 flow_id;
	u32 side, n;
	const u8 *payload;
	struct flow_addr to; /* family 0: where that side's media goes */
	u8 component;        /* 0: from our RTP port, 1: from that of RTCP */
};

/* FLOW_CMD_DTMF */
struct tlv_dtmf {
	u64 flow_id;
	u32 side;
	u32 duration_ms; /* 0: the engine's choice */
	u8 digit;
};

/* The head of a packet, in the answers to FLOW_CMD_TRACE. */
struct tlv_frame {
	u64 time_us;     /* since 1970 */
	u32 len;         /* octets of the IP packet */
	u8 side;         /* 0, 1 */
	u8 out;          /* 1: it left by that side */
	u8 n_head;       /* octets of head */
	const char *why; /* name of the drop, in the message; NULL: it was relayed */
	u8 head[FLOW_HEAD_MAX];
};

void tlv_out_init(struct tlv_out *o, void *mem, size_t cap);
/* A message is begun, filled by put functions, ended. Ending one that did not fit takes it back,
 * clears `full` and returns -EMSGSIZE: send what is there and write it again. */
void tlv_begin(struct tlv_out *o, u8 cmd, u16 nlm_flags, u32 seq);
void tlv_begin_done(struct tlv_out *o, u32 seq); /* NLMSG_DONE with attributes */
int tlv_end(struct tlv_out *o);

void tlv_put_u8(struct tlv_out *o, int type, u8 v);
void tlv_put_u32(struct tlv_out *o, int type, u32 v);
void tlv_put_u64(struct tlv_out *o, int type, u64 v);
void tlv_put_str(struct tlv_out *o, int type, const char *s);
void tlv_put_flow(struct tlv_out *o, const struct flow *f); /* ID GEN IDLE KIND SIDE0 SIDE1 */
/* The same without keys and RESUME, and the counters. */
void tlv_put_report(struct tlv_out *o, const struct tlv_report *r);
void tlv_put_event(struct tlv_out *o, const struct tlv_event *e);
void tlv_put_frame(struct tlv_out *o, const struct tlv_frame *f);
void tlv_put_dtmf(struct tlv_out *o, const struct tlv_dtmf *d);
void tlv_put_send(struct tlv_out *o, const struct tlv_send *s);
/* One named counter, one device: called inside tlv_nest_begin(o, FLOW_A_DROPS or FLOW_A_PORTS). */
size_t tlv_nest_begin(struct tlv_out *o, int type);
void tlv_nest_end(struct tlv_out *o, size_t nest);
void tlv_put_drop(struct tlv_out *o, const char *name, u64 count,
		  const char *why); /* why: may be NULL */
void tlv_put_port(struct tlv_out *o, const char *network, const char *driver, const char *why);

/* Takes the next message off (*p, *n); *p is aligned to 4. 1: *m is filled; 0: no more; -EBADMSG:
 * the datagram is malformed from here on. Types are checked against the policy: wrong sizes are
 * -EBADMSG. Versions and commands that are not known are the caller's to refuse. */
int tlv_next(const void **p, size_t *n, struct tlv_msg *m);
u8 tlv_u8(const struct tlv_msg *m, int type, u8 absent);
u32 tlv_u32(const struct tlv_msg *m, int type, u32 absent);
u64 tlv_u64(const struct tlv_msg *m, int type, u64 absent);
const char *tlv_str(const struct tlv_msg *m, int type); /* NULL: absent. Always NUL-terminated. */
/* 0, or -EINVAL with *why naming the attribute (a string literal). Bounds of every field are
 * checked here: id and generation not 0, local and remote of one family, prefix lengths,
 * ptime 1..240, clock 1000..384000, DSCP < 64, payload types < 128 and listed once, ports != 0
 * (RTCP: 0 is none), those of telephone-event not 0, which is PCMU; event clock as the other one.
 * keys as long as their suite says, no MKI in CRYPTO_OUT.
 * `sig` and ACL entries of the other family are legal: they never match. All
 * unused octets of *f are 0, so that two flows can be compared as memory. */
int tlv_get_flow(const struct tlv_msg *m, struct flow *f, const char **why);
int tlv_get_report(const struct tlv_msg *m, struct tlv_report *r, const char **why);
int tlv_get_event(const struct tlv_msg *m, struct tlv_event *e, const char **why);
int tlv_get_dtmf(const struct tlv_msg *m, struct tlv_dtmf *d, const char **why);
/* Also -EMSGSIZE: the packet is too long. */
int tlv_get_send(const struct tlv_msg *m, struct tlv_send *s, const char **why);
int tlv_get_frame(const struct tlv_msg *m, struct tlv_frame *f, const char **why);
/* Calls fn for every element of FLOW_A_DROPS. */
void tlv_each_drop(const struct tlv_msg *m,
		   void (*fn)(void *arg, const char *name, u64 count, const char *why), void *arg);
void tlv_each_port(const struct tlv_msg *m,
		   void (*fn)(void *arg, const char *network, const char *driver, const char *why),
		   void *arg);

#endif
