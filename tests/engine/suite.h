/* SPDX-License-Identifier: Apache-2.0 */
/* One suite for every relay engine: it knows the flow language and packets on the wire, nothing else.
 *
 * Words: a *case* is one process with ports and flow ids of its own, so that many run at once; a *lab* is two
 * networks, the engine between them, peers and strangers on both; a *host* is a place on one of the networks; a *call*
 * is one flow with a peer on each side; a *batch* is packets as they were sent, or as they are expected.
 *
 * A check that fails ends its case. At its end a case has read everything that it expected: whatever is
 * left at one of its sockets, a stranger's above all, is a failure (test_end()). And what the engine sends
 * to an address and port that no case has asked for is seen by watch.c. */
#ifndef SLUICE_ENGINE_SUITE_H
#define SLUICE_ENGINE_SUITE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine/tlv_priv.h"
#include "relay/flow.h"

#define MS 1000u /* in microseconds */
#define S  1000000u

/* ---- how an engine is spoken to ---- */

/* One connection. All functions return octets or 0, or -errno. A datagram of the flow language is one or more
 * messages; recv() gives one datagram at a time, 0 octets where the engine has closed the connection, -EAGAIN where
 * there is none after all. */
struct transport {
	int (*open)(void *arg); /* a descriptor for poll() */
	int (*send)(void *arg, int fd, const void *data, size_t n);
	ssize_t (*recv)(void *arg, int fd, void *data, size_t cap);
	void (*close)(int fd);
	void *arg;
	bool batches; /* several messages in a datagram, and one answer for all */
};

/* "seqpacket:PATH", "netlink", "netlink:NAMESPACE" (a file). -EINVAL: no such transport. */
int transport_find(const char *name, struct transport *tr);

/* ---- the lab ---- */

enum host {
	RELAY = 1,
	PEER = 10,   /* what the SDP says */
	SIGNAL = 11, /* where the signalling comes from, when that is another address */
	LISTED = 12, /* in the ACL, when there is one */
	MOVED = 13,  /* where a peer goes */
	FRESH = 14,  /* of whom the engine has never heard */
	STRANGER = 66
};

#define PORT_LOW   6144  /* the media ports of both networks */
#define PORT_HIGH  32767 /* below those that a kernel gives to its own sockets */
#define PORTS      36    /* of the engine, a case and side */
#define PORT_BULK  31000 /* from here on: for cases that need very many */
#define PEER_LOW   1100
#define PEER_PORTS 72 /* of the peers, a case and side */
#define CASES_MAX  ((PORT_BULK - PORT_LOW) / PORTS)

struct lab {
	struct transport tr;
	int ns[2]; /* namespaces of the peers */
	int home;  /* that of this program */
	const char *
		restart; /* a command that kills the engine and starts it again; NULL: there is none */
	u32 caps;
	u64 epoch;
};

struct flow_addr host(unsigned side, u8 family, enum host h, u16 port);
const char *addr_text(const struct flow_addr *a, char *out, size_t n);
bool addr_is(const struct flow_addr *a, const struct flow_addr *b); /* address and port */

/* ---- cases ---- */

struct test;
typedef void case_fn(struct test *t, const void *row);

enum case_flag {
	CASE_SLOW = 1,    /* waits for seconds: is begun early */
	CASE_ALONE = 2,   /* nothing else may run */
	CASE_RESTART = 4, /* calls test_restart() once */
	CASE_NOISE =
		8 /* sends more than a busy machine can carry: not beside those that look at times */
};

struct test_case {
	char name[80];
	u32 caps;  /* enum flow_cap: what the engine must have */
	u32 flags; /* enum case_flag */
	case_fn *fn;
	const void *row;
};

struct list {
	struct test_case c[CASES_MAX];
	unsigned n;
};

__attribute__((format(printf, 6, 7))) void list_add(struct list *l, u32 caps, u32 flags,
						    case_fn *fn, const void *row, const char *name,
						    ...);

/* What the process of a case ends with, besides 0 and 1. */
#define EXIT_SKIP  77
#define EXIT_STALL 75 /* it failed, but the machine stood still meanwhile */

void verbs_cases(struct list *l);
void dump_cases(struct list *l);
void values_cases(struct list *l);
void relay_cases(struct list *l);
void wire_cases(struct list *l);
void update_cases(struct list *l);
void rtcp_cases(struct list *l);
void mask_cases(struct list *l);
void rank_cases(struct list *l);
void probe_cases(struct list *l);
void lock_cases(struct list *l);
void rebind_cases(struct list *l);
void attack_cases(struct list *l);
void raw_cases(struct list *l);
void srtp_cases(struct list *l);
void srtp_attack_cases(struct list *l);
void rekey_cases(struct list *l);
void police_cases(struct list *l);
void dtmf_cases(struct list *l);
void punt_cases(struct list *l);
void stats_cases(struct list *l);
void trace_cases(struct list *l);
void fuzz_cases(struct list *l);
void restart_cases(struct list *l);

#define SOCKS_MAX 128
#define CALLS_MAX 32

struct sock;
struct client;
struct call;

struct test {
	const struct test_case *c;
	const struct lab *lab;
	unsigned index;
	int gate; /* to the parent: see test_restart() */
	u64 id;   /* the first of this case's flow ids; it has 4096 */
	u64 random;
	unsigned ids, locals[2], peers[2]; /* given away */
	struct sock *sock[SOCKS_MAX];
	unsigned n_socks;
	struct client *client; /* that which calls use */
	_Atomic u32 stall_us;  /* see stall.c */
};

/* Measures from now on for how long the machine lets nobody of this case run. What fails on a machine that stands
 * still may be its fault: the case is run once more. */
void stall_watch(struct test *t);
void test_slow(struct test *t, u32 us); /* the case saw it by itself */
#define STALL_US (40 * MS)

__attribute__((noreturn, format(printf, 4, 5))) void test_fail(struct test *t, const char *file,
							       int line, const char *fmt, ...);
__attribute__((noreturn, format(printf, 2, 3))) void test_skip(struct test *t, const char *fmt,
							       ...);
#define FAIL(t, ...) test_fail(t, __FILE__, __LINE__, __VA_ARGS__)
#define CHECK(t, what)                                                                             \
	do {                                                                                       \
		if (!(what))                                                                       \
			FAIL(t, "not so: %s", #what);                                              \
	} while (0)
#define CHECK_EQ(t, a, b)                                                                          \
	do {                                                                                       \
		long long a_ = (long long)(a), b_ = (long long)(b);                                \
		if (a_ != b_)                                                                      \
			FAIL(t, "%s is %lld, not %lld (%s)", #a, a_, b_, #b);                      \
	} while (0)
#define CHECK_RANGE(t, a, low, high)                                                               \
	do {                                                                                       \
		long long a_ = (long long)(a), l_ = (long long)(low), h_ = (long long)(high);      \
		if (a_ < l_ || a_ > h_)                                                            \
			FAIL(t, "%s is %lld, not %lld..%lld", #a, a_, l_, h_);                     \
	} while (0)

u32 test_random(struct test *t);
u64 test_id(struct test *t);
u16 test_port(struct test *t, unsigned side); /* an even port of the engine, and the one after it */
/* n ports of the peers in a row, the first even where n > 1. */
u16 test_peer_port(struct test *t, unsigned side, u16 n);
void test_restart(struct test *t); /* the engine is killed and started again */
void test_end(struct test *t);     /* everything was read, everything is given back */
u64 now_us(void);                  /* monotonic */
u64 wall_us(void);                 /* since 1970, as in struct packet */
void nap(u32 us);

/* ---- packets ---- */

#define PACKET_MAX 3000

struct packet {
	u8 data[PACKET_MAX];
	u32 len;
	struct flow_addr from;
	u8 tos, ttl;
	u64 at_us; /* the kernel's time of its arrival, since 1970 */
};

struct sock {
	int fd;
	unsigned side;
	struct flow_addr at;
	bool deaf; /* what comes is of no interest */
};

/* A UDP socket of the host on that side; port 0: any of this case's. */
struct sock *sock_open(struct test *t, unsigned side, u8 family, enum host h, u16 port);
int sock_raw(struct test *t,
	     unsigned side); /* IPv4 with its headers, for packets that no UDP socket sends */
void sock_send(struct test *t, struct sock *s, const struct flow_addr *to, const void *data, u32 n);
bool sock_recv(struct sock *s, struct packet *p, u32 wait_us);
struct packet *sock_expect(struct test *t, struct sock *s); /* within a second */
void sock_quiet(struct test *t, struct sock *s,
		u32 us);                     /* nothing there, and nothing comes for so long */
unsigned sock_drain(struct sock *s, u32 us); /* how many were there, until none came for so long */

struct batch {
	struct packet *p;
	unsigned n, cap;
};

struct packet *batch_add(struct batch *b);

/* ---- RTP and RTCP ---- */

struct stream {
	u32 ssrc, ts, step; /* step: timestamp units a packet */
	u16 seq;
	u8 pt;
	u16 size; /* octets of payload */
};

struct stream stream_new(struct test *t);     /* of any SSRC, from packet 100 on */
u32 rtp_write(u8 *p, const struct stream *s); /* octets */
void rtp_next(struct stream *s);              /* to the packet after it */
u16 rtp_seq(const u8 *p);
u32 rtp_ssrc(const u8 *p);
void put16(u8 *p, u16 v);
void put32(u8 *p, u32 v);
u32 get32(const u8 *p);

struct report { /* a report block */
	u32 ssrc, lsr, dlsr, jitter, highest;
	s32 lost;
	u8 fraction;
};
/* Packets of a compound, each returns its octets. ntp: the middle 32 bits. */
u32 rtcp_sr(u8 *p, u32 ssrc, u32 ntp, const struct report *r, unsigned n);
u32 rtcp_rr(u8 *p, u32 ssrc, const struct report *r, unsigned n);
u32 rtcp_sdes(u8 *p, u32 ssrc);
u32 rtcp_bye(u8 *p, u32 ssrc);
u32 rtcp_app(u8 *p, u32 ssrc);
u32 rtcp_fb(u8 *p, u8 pt, u8 fmt, u32 ssrc, u32 media, unsigned words);
u32 rtcp_xr(u8 *p, u32 ssrc);

/* ---- the flow language ---- */

#define EVENTS_MAX 512

struct event {
	struct tlv_event e; /* without its payload */
	u8 payload[FLOW_PAYLOAD_MAX];
	u64 at_us; /* when it was read, monotonic */
};

struct answer {
	int status;
	char reason[120];
	u32 seq;
	u8 cmd;
	bool there, done;
	struct tlv_report report; /* where there is one */
	bool has_report;
};

struct client {
	struct test *t;
	int fd;
	u32 seq, caps;
	u64 epoch;
	struct event *event, found; /* found: the one that was asked for last */
	unsigned n_events;
	u32 *in; /* FLOW_DATAGRAM_MAX octets each */
	struct tlv_out out;
	size_t n;       /* of in */
	const void *at; /* in `in`: the next answer */
	size_t left;    /* octets from there on */
};

struct client *client_open(struct test *t);  /* HELLO is done */
struct client *client_plain(struct test *t); /* nothing is */
void client_close(struct client *c);
/* Messages are written with c->out and client_begin(); client_send() sends what is there. */
u32 client_begin(struct client *c, u8 cmd); /* with NLM_F_ACK; its number */
void client_send(struct client *c);
/* The next datagram that is no event, within 5 s: false where the engine has hung up. */
bool client_read(struct client *c);
/* The answers in it, one after another. */
bool client_next(struct client *c, struct answer *a);
/* Writes n messages that have nothing but an id. */
void client_put_ids(struct client *c, u8 cmd, const u64 *id, unsigned n);
/* Sends and takes the one answer. */
struct answer client_ask(struct client *c);
struct answer client_hello(struct client *c, u32 version);
struct answer client_set(struct client *c, const struct flow *f);
struct answer client_del(struct client *c, u64 id);
struct answer client_get(struct client *c, u64 id);
struct answer client_key(struct client *c, u64 id, unsigned side, u8 digit, u32 ms);
struct answer client_datagram(struct client *c, u64 id, unsigned side, u8 component,
			      const struct flow_addr *to, const void *data, u32 n);
void client_subscribe(struct client *c);
/* Everything: fn for each flow (may be NULL); counters into `drops`. Returns the number of flows. */
struct drops {
	char name[128][40];
	u64 count[128];
	unsigned n, ports;
};
unsigned client_dump(struct client *c, struct drops *d,
		     void (*fn)(void *arg, const struct answer *a), void *arg);
u64 drops_of(const struct drops *d, const char *name); /* 0: none of that name */
u64 client_drops(struct client *c, const char *name);
/* The next event of this kind and flow; NULL: none came in time. */
struct event *client_event(struct client *c, u32 event, u64 id, u32 wait_us);
struct event *client_expect(struct client *c, u32 event, u64 id);

/* ---- calls ---- */

struct peer {
	struct sock *rtp, *rtcp;
	struct stream out;
	u64 sent, sent_rtcp; /* to the engine's ports, by call_send() and its like */
	u64 index;           /* SRTP: what is sent next, ROC * 2^16 + sequence number */
	u32 rtcp_index;
};

struct call {
	struct test *t;
	struct client *client;
	struct flow f;
	struct peer peer[2];
	/* Makes of what came to the peer of that side what was sent; NULL: it has to be the same. */
	void (*open)(void *arg, unsigned side, bool is_rtcp, struct packet *p);
	void *open_arg;
};

/* Both peers known by their SDP, mode STATIC, sockets open; nothing is set yet. */
struct call *call_new(struct test *t);
struct call *call_of(struct test *t, u8 family0, u8 family1);
/* Mode NAT on that side, its signalling from another address, and the SDP's address one that is never used. */
void call_nat(struct call *c, unsigned side);
/* Mode NAT on side 0, and three ranks of sources: the SDP's host, SIGNAL, and LISTED in the ACL. */
void call_ranks(struct call *c);
/* The engine's ports of that side are others from the next generation on; those of `from`. */
void call_other_port(struct call *c, unsigned side);
void call_take_port(struct call *c, unsigned side, const struct call *from);
void call_set(struct call *c); /* the next generation */
void call_set_at_once(struct call *c);
struct answer call_get(struct call *c);
void call_del(struct call *c);
/* To the engine's RTP (RTCP) port of that side. */
struct flow_addr call_port(const struct call *c, unsigned side);
struct flow_addr call_rtcp_port(const struct call *c, unsigned side);
/* n packets of the side's stream from its socket, `gap` apart; they are added to *b (may be NULL). */
void call_send(struct call *c, unsigned side, unsigned n, u32 gap_us, struct batch *b);
/* The same from any socket and of any stream. */
void call_send_from(struct call *c, unsigned side, struct sock *from, struct stream *s, unsigned n,
		    u32 gap_us, struct batch *b);
/* Exactly these, in order, come to the peer of `side` from our RTP port there, with the DSCP of that side. */
void call_expect(struct call *c, unsigned side, const struct batch *b);
void call_expect_at(struct call *c, unsigned side, struct sock *at, const struct batch *b);
void call_relay(struct call *c, unsigned from, unsigned n); /* both of the above */
void call_talk(struct call *c, unsigned n);                 /* both ways */
/* RTCP from the side's socket; comes to the peer of the other side as it is. */
void call_report(struct call *c, unsigned side, const void *data, u32 n);
void call_expect_report(struct call *c, unsigned side, const void *data, u32 n);
/* Waits until so many packets came in there, relayed or not. */
struct answer call_settle(struct call *c, unsigned side, unsigned component, u64 packets,
			  u64 dropped);
/* And the last of the dropped ones has this name. */
void call_dropped(struct call *c, unsigned side, unsigned component, u64 packets, u64 dropped,
		  const char *name);
/* The event LATCHED of that side came, or comes; no other one than `at`'s did. */
void call_latched(struct call *c, unsigned side, const struct sock *at);
void call_not_latched(struct call *c, unsigned side); /* none did since */
u8 call_state(struct call *c, unsigned side);
void call_wait_state(struct call *c, unsigned side, enum flow_state state);

/* ---- SRTP, by RFC 3711, 6188 and 7714, with OpenSSL alone ---- */

const char *suite_name(u8 suite);
unsigned suite_tag(u8 suite, bool rtcp);
unsigned suite_key_len(u8 suite);
unsigned suite_salt_len(u8 suite);
bool suite_aead(u8 suite);
/* Session keys from a master key that is made from `seed`. */
void srtp_keys(struct flow_crypto *k, u8 suite, u32 number, u64 seed);
void srtp_derive(struct flow_crypto *k, const u8 *master, const u8 *salt);
/* In place; the new length. -1: the tag is wrong. */
u32 srtp_seal(const struct flow_crypto *k, u8 *p, u32 n, u64 index, const u8 *mki, u8 mki_len);
int srtp_open(const struct flow_crypto *k, u8 *p, u32 n, u64 index);
u32 srtcp_seal(const struct flow_crypto *k, u8 *p, u32 n, u32 index);
int srtcp_open(const struct flow_crypto *k, u8 *p, u32 n, u32 *index);

#endif
