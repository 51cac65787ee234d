/* SPDX-License-Identifier: GPL-2.0-only */
/* sluice.ko: the relay of dataplane/relay/ inside the kernel. This header is what its parts are to each other; the
 * flow language is relay/flow.h, the rules of the relay are relay/relay.h, and how it travels is in README.md.
 *
 * Three nouns, as everywhere in sluice: the *table* finds a path by local address and port; a *rule* is a flow as control
 * set it, immutable; a *direction* is what was learned of one component (RTP, RTCP) that comes in on one side. A *path*
 * is a direction and what the kernel needs to send it on; a *flow* has four of them.
 *
 * Who may do what:
 *   writers       verbs and the life of a namespace: process context, under sluice_net.lock
 *   readers       the hooks: softirq, under rcu_read_lock(); table_find() gives a path that is there until rcu_read_unlock()
 *   directions    each side of a flow has a spinlock for its two paths (RTCP that shares the RTP port is the other one's, and
 *                 RTCP is judged by where RTP comes from). Taken by spin_lock_bh(); that of side 0 before that of side 1.
 *                 rule, dir, held and keys of a path are looked at under it alone. Nothing is sent and
 *                 nothing is told under it.
 *   the end       dead is set under both locks, the table forgets the flow, one grace period later it is freed, in batches. Who needs it
 *                 for longer (a cipher that answers later, the ticker) has a reference. */
#ifndef SLUICE_KMOD_SLUICE_H
#define SLUICE_KMOD_SLUICE_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/dst_cache.h>
#include <net/net_namespace.h>
#include "compat.h"
#include "relay/relay.h"

/* Every packet that is not relayed, and is not left to the stack, ends under one name: those of relay.h, then these. Names that
 * sluice-dp has, too, mean the same. */
#define SLUICE_DROPS(X)                                                                                                \
	X(RX_IP_OPTIONS, "rx_ip_options", "IPv4 options")                                                              \
	X(RX_UDP_LENGTH, "rx_udp_length", "UDP length does not fit the packet")                                        \
	X(RX_UDP_CHECKSUM, "rx_udp_checksum", "UDP checksum is wrong")                                                 \
	X(RX_TTL, "rx_ttl", "its hops are used up: flows that lead to each other end so")                              \
	X(RX_MEMORY, "rx_memory", "no memory to look at it")                                                           \
	X(NO_FLOW, "no_flow", "no flow has this address and port, which is for media alone (parameter ports)")         \
	X(PUNT_FULL, "punt_full", "STUN or DTLS for control, which took no more of it")                                \
	X(HELD_LOST, "held_lost", "kept for a source that was not chosen")                                             \
	X(HELD_ENDED, "held_ended", "kept for a source when its flow ended or changed")                                \
	X(FLOW_ENDED, "flow_ended", "in the cipher when its flow ended or changed")                                    \
	X(NO_ROUTE, "no_route", "no route, or our address is not this namespace's")                                    \
	X(TX_MEMORY, "tx_memory", "no memory to send it with longer headers")                                          \
	X(TX_REFUSED, "tx_refused", "the kernel took it, and a firewall, a queue or its length let it go no further")

enum sluice_drop {
	SLUICE_DROP_BEFORE_FIRST = RELAY_DROP_COUNT - 1,
#define X(id, name, text) SLUICE_DROP_##id,
	SLUICE_DROPS(X)
#undef X
	SLUICE_DROP_COUNT
};

/* Counters that are no drops, told as work.NAME. */
#define SLUICE_COUNTERS(X)                                                                                             \
	X(packets_in, "media packets received")                                                                        \
	X(packets_out, "media packets sent")                                                                           \
	X(punted, "STUN and DTLS packets handed to control")                                                           \
	X(keys_taken, "telephone-event packets told to control and not relayed")                                       \
	X(keys_made, "telephone-event packets made while nothing was relayed that way")                                \
	X(segmented, "packets that came in together (GRO) and were taken apart")                                       \
	X(cipher_later, "packets whose cipher answered later")                                                         \
	X(events_lost, "events that found no room on their way to control")

struct sluice_counters { /* of one CPU */
	u64 drop[SLUICE_DROP_COUNT];
#define X(name, text) u64 name;
	SLUICE_COUNTERS(X)
#undef X
};

struct sluice_key;

/* One generation of a flow. Owned by the flow; its keys are counted. */
struct sluice_rule {
	struct flow flow; /* without key material: that is wiped when the keys are made */
	struct sluice_key *in[2], *out[2]; /* by side; NULL: none */
	struct sluice_key *old[2];         /* what came before in[] */
};

struct sluice_held;

struct sluice_path {
	struct relay_dir dir;
	struct sluice_flow *flow;  /* constant */
	struct sluice_path *rtp;   /* of the same side; this one where it is RTP. Constant */
	const struct sluice_rule *rule;
	struct sluice_held *held;  /* packets of unproven sources; NULL most of the time */
	/* Jobs in the order in which their packets came, while the first of them is to answer later; how many in both. */
	struct list_head opening, sealing;
	u32 n_jobs;
	bool flushing;             /* earlier packets are being sent, without the lock: what comes meanwhile waits here */
	struct sk_buff *waiting, *waiting_last;
	struct dst_cache dst;      /* routes to where it sends: each CPU's own, with the addresses that it is of */
	struct list_head ticking;  /* sluice_net.ticking, with a reference on the flow; empty: not in it */
};

struct sluice_flow {
	struct sluice_path path[2][2]; /* [side][component] */
	spinlock_t lock[2];            /* by side */
	struct relay_srtp *srtp;       /* of the four directions, [2 * side + component]; NULL: none ever needed it */
	struct sluice_rule *rule;      /* the writer's: what the paths have */
	struct sluice_net *sn;
	struct table_port *port[2][2]; /* the writer's: where the table has the paths; NULL: nowhere */
	refcount_t refs;               /* the table's one is given back after the grace period */
	bool dead;                     /* written under both locks */
	u64 created_us, due_us;        /* due_us: when to look whether it is idle; the writer's */
	struct list_head retired;
};

struct sluice_net {
	struct net *net;
	struct mutex lock;     /* writers */
	struct xarray flows;   /* by id */
	u32 n_flows;           /* while there is one the module has a reference */
	bool hooked;
	struct nf_hook_ops hook[2];
	struct table_port __rcu **page[256]; /* by the high octet of the port; pages of 256 chains, made when needed */
	struct sluice_counters __percpu *counters;
	spinlock_t tick_lock;  /* ticking; taken under a side's lock or without */
	struct list_head ticking;
	u32 n_ticking;
	atomic_t held_octets; /* memory of packets that are kept for a source */
	struct delayed_work tick; /* every 10 ms while something ticks */
	struct delayed_work idle; /* every 100 ms while there are flows, and once more */
#define SLUICE_IDLE_JIFFIES (HZ / 10)
	struct xarray clients; /* by netlink port id: who said HELLO; marked: who wants events */
	u64 epoch;
	atomic_t alive;        /* flows that are not freed yet */
	spinlock_t retire_lock; /* of what follows */
	struct list_head retired;  /* flows for the next grace period */
	struct list_head retiring; /* for that which is under way */
	bool reaping;              /* there is one */
	struct rcu_work reaper;
};

static inline u64 sluice_now_us(void)
{
	return ktime_to_us(ktime_get());
}

#define sluice_count(sn, what)     this_cpu_inc((sn)->counters->what)
#define sluice_drop(sn, reason)    this_cpu_inc((sn)->counters->drop[reason])

/* ---- main.c: parameters of the module ---- */
extern unsigned int sluice_max_flows;      /* of a namespace */
extern unsigned int sluice_max_user_flows; /* of all that sluice_net_is_users() */
extern bool sluice_srtp;                   /* the kernel has the ciphers; for good from the start on */
extern unsigned int sluice_drain;          /* 1: no new flows, 2: those that are there end */

/* ---- net.c: a namespace ---- */
struct sluice_net *sluice_net_of(struct net *net);
int sluice_net_register(void);
void sluice_net_unregister(void);
void sluice_net_clear_all(void); /* ends the flows of all namespaces */
/* Whose root is root of a user namespace alone. Anybody may make those, and as many as he likes: what they have is bounded
 * together. */
static inline bool sluice_net_is_users(const struct sluice_net *sn)
{
	return sn->net->user_ns != &init_user_ns;
}

/* One flow's memory, until it is freed. False: there is none for such a namespace. */
bool sluice_net_take_place(struct sluice_net *sn);
void sluice_net_give_place(struct sluice_net *sn);
/* Writer: a flow that is in no table goes into all of them, with the first one the hooks come up. -EADDRINUSE, -ENOMEM and the
 * like: it is in none. */
int sluice_net_add(struct sluice_net *sn, struct sluice_flow *f);
/* Writer: takes it out and retires it. Who wants to look at it after that has a reference. */
void sluice_net_remove(struct sluice_net *sn, struct sluice_flow *f);

/* ---- netlink.c: the family, requests; verbs.c: what they do; read.c, report.c: attributes; event.c ---- */
int netlink_register(void);
void netlink_unregister(void); /* no requests from here on */

/* What control is told, by value but for the payload, which is borrowed. */
struct sluice_note {
	u64 flow_id;
	u32 gen, event, side;
	struct flow_addr source;
	u32 key_ms;
	u8 key, component;
	const u8 *payload;
	u32 len;
	struct flow_resume resume;
};
/* To all that subscribed. Any context, no lock held. False: somebody did not get it (counted). */
bool event_send(struct sluice_net *sn, const struct sluice_note *n);
void event_due(struct sluice_flow *f);           /* writer: it is new, or its rule is */
void event_idle_work(struct work_struct *work);  /* sluice_net.idle */

/* ---- table.c: RCU ---- */
struct sluice_path *table_find4(const struct sluice_net *sn, __be32 addr, __be16 port);
struct sluice_path *table_find6(const struct sluice_net *sn, const struct in6_addr *addr, __be16 port);
/* Writer: publishes the paths at the addresses of `rule` and takes back those that it does not have any more.
 * -EADDRINUSE, -ENOSPC (too many addresses have that port), -ENOMEM change nothing. */
int table_set(struct sluice_net *sn, struct sluice_flow *f, const struct sluice_rule *rule);
void table_clear(struct sluice_net *sn, struct sluice_flow *f);
void table_free(struct sluice_net *sn);

/* ---- flow.c: their life ---- */
/* ERR_PTR: -ENOMEM, -EDQUOT: no place; rule stays the caller's then. */
struct sluice_flow *flow_new(struct sluice_net *sn, struct sluice_rule *rule);
/* Makes what the rule needs and the flow did not have yet: state of SRTP. 0 or -ENOMEM. */
int flow_expect(struct sluice_flow *f, const struct sluice_rule *rule);
/* The next generation, after flow_expect(); the old rule is freed. */
void flow_renew(struct sluice_flow *f, struct sluice_rule *rule);
void flow_retire(struct sluice_flow *f); /* it is in no table any more: dead, and freed after a grace period */
void flow_put(struct sluice_flow *f);    /* any context */
void flow_reap_work(struct work_struct *work); /* sluice_net.reaper */
int flow_caches_make(void);
void flow_caches_free(void); /* after all that was retired is freed */
struct sluice_rule *rule_new(void);
/* Makes its keys, or takes those of `before` (NULL: none) that are the same. Wipes the material. 0, -EINVAL, -EOPNOTSUPP, -ENOMEM. */
int rule_keys(struct sluice_rule *r, const struct sluice_rule *before);
void rule_free(struct sluice_rule *r); /* NULL is fine */

/* ---- hook.c: packets as they come in ---- */
int hooks_up(struct sluice_net *sn);    /* with the first flow; enables the joining of fragments, too */
void hooks_down(struct sluice_net *sn); /* after the last one */
/* May a flow have this port? Parameter ports of the module; without it any. */
bool hook_port_is_media(u16 port);

/* ---- path.c: one packet on one path ---- */
/* A UDP datagram to one of our ports: linear, its checksum right, skb->data at the UDP payload, the IP and UDP
 * headers in front; ip_summed is CHECKSUM_PARTIAL, or CHECKSUM_NONE where it came without a checksum. `ttl` as for
 * tx_send(). rcu_read_lock() and BH disabled. Takes the skb. */
void path_packet(struct sluice_path *path, struct sk_buff *skb, const struct flow_addr *src, u8 ttl);
/* Process context, both sides' locks held, dir.srtp as the new rule needs it. path_renew() does relay_dir_update() and
 * sets path->rule. What was held is counted and put into `gone`, which the caller frees without locks. */
void path_renew(struct sluice_path *path, const struct sluice_rule *rule, u64 now_us, struct sk_buff_head *gone);
void path_forget(struct sluice_path *path, struct sk_buff_head *gone);
/* Process context, no lock held but the writers' mutex. What leaves by side s leaves by a path of side !s: that is `path`.
 * -EOPNOTSUPP: that side takes no events; -EBUSY: too many keys wait. */
int path_play(struct sluice_path *path, u8 key, u32 ms);
/* to NULL or of family 0: where the media goes. -EHOSTUNREACH, -ENOMEM */
int path_send(struct sluice_path *path, const struct flow_addr *to, const void *data, u32 len);
void path_tick_work(struct work_struct *work); /* sluice_net.tick */

/* ---- drops.c: their names and texts, for DUMP ---- */
const char *sluice_drop_name(unsigned int drop);
const char *sluice_drop_text(unsigned int drop);

/* ---- tx.c ---- */
/* Gives the datagram new headers and a route and lets it go: skb->data at the payload, the skb linear and nobody else's.
 * CHECKSUM_NONE: it has no checksum, which over IPv4 stays so. Of the plan: dst, from, dscp. `path` for its route.
 * rcu_read_lock() and BH disabled, no lock held. `ttl`: what it had where it comes from this host, else 0. Takes the skb. */
void tx_send(struct sluice_path *path, struct sk_buff *skb, const struct relay_plan *plan, u8 ttl);

/* ---- key.c: the cipher of SRTP, RFC 3711, 6188, 7714 ---- */
/* Before all else; process context, may sleep. 0: the kernel has the ciphers of all suites; -EOPNOTSUPP: it has not; -ENOMEM. */
int sluice_keys_begin(void);
/* The kernel has a key_get() and a key_put() of its own.
 * Process context, may sleep. Keys are wiped when the last owner puts them, any context. -EINVAL: a suite that does not
 * exist; -EOPNOTSUPP: the kernel has not the ciphers; -ENOMEM. */
int sluice_key_new(const struct flow_crypto *material, struct sluice_key **out);
struct sluice_key *sluice_key_get(struct sluice_key *key);
void sluice_key_put(struct sluice_key *key); /* NULL is fine */
/* When the module goes, or could not begin, and nobody makes keys any more: waits for all jobs and for all keys to be freed. */
void sluice_keys_end(void);

struct sluice_job {
	struct sluice_key *key; /* counted by the job */
	struct relay_crypt how;
	struct sk_buff *skb;    /* linear, its octets nobody else's, skb->data at the payload; seal: with tail room for KEY_OVERHEAD */
	/* Softirq or BH disabled. 0: right; -EBADMSG: the tag is wrong, and the packet as it was; else the cipher failed */
	void (*done)(struct sluice_job *job, int err);
	bool sealing;
	/* path.c's own */
	struct sluice_path *path; /* with a reference on its flow */
	struct flow_addr src;
	struct relay_plan plan;
	u64 now_us;
	u32 gen; /* of the rule when it began */
	u8 ttl;
	bool guessed; /* its index was guessed once more */
	bool answered;
	int err;      /* then: the answer */
	struct list_head line; /* sluice_path.opening or .sealing */
};
#define KEY_OVERHEAD 20
/* With room for the key's requests. GFP_ATOMIC; NULL without memory. Freed by job_free(), not the skb. All but key is to be
 * filled in. */
struct sluice_job *job_new(struct sluice_key *key);
void job_free(struct sluice_job *job);
/* 0, -EBADMSG and the like: done, job->done is not called; skb has its new length. -EINPROGRESS: job->done comes later, never
 * from inside job_run(); job and skb are its own from then on. Softirq or BH disabled. May be called under a side's lock, and
 * again with the same job when it is done; another key takes another job. */
int job_run(struct sluice_job *job);

#endif
