/* SPDX-License-Identifier: Apache-2.0 */
/* dp_bench [rounds [case]]: what a worker's stages cost for an RTP packet. Whole rounds of the worker run, as in sluice-dp,
 * between two rings in place of devices: bursts of 32 packets of 172 octets, each of another direction, in random
 * order, sources learned, policing and statistics on. One line for each stage of each case: nanoseconds and cycles of
 * a packet in the median burst. `all` is everything but the rings. Exit status 1 when a packet was not relayed. */
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include "base/loop.h"
#include "eal.h"
#include "engine/tlv.h"
#include "worker_priv.h"

#define NETWORKS      16
#define FIRST         1024u
#define PORTS         64000u /* directions of a network */
#define REMOTES       250
#define MANY          1000000u
#define FEW           10000u
#define HEADERS       42
#define RTP_OCTETS    172
#define SRTP_OCTETS   192
#define REMOTE_PORT   20000
#define ROUND_PACKETS 1000000u

enum stage {
	PARSE,
	RELAY,
	CIPHER,
	REST,
	ALL,
	STAGES
};

static const char *const stage_names[] = { "parse", "relay", "cipher", "rest", "all" };

struct bench {
	struct conf conf;
	struct conf_network network[NETWORKS];
	struct ports ports;
	struct media_table table;
	struct loop *loop;
	struct log *log;
	struct neigh *neigh;
	struct workers *workers;
	struct worker *w;
	struct rte_ring *in, *out;
	struct rule_maker *rules;
	struct dp_flow **flow;
	u32 n_flows, cap_flows;
	u32 *order;                /* of directions: 2 * flow + side */
	u8 (*sealed)[SRTP_OCTETS]; /* by flow */
	u16 seq;
	u64 now_us, idle_us; /* the worker's clock: a direction has a packet each 20 ms */
	u8 payload[RTP_OCTETS - 12];
	void *datagram;
	u64 lost;
	u32 *sample[STAGES]; /* cycles, one each burst */
	u32 n_samples, cap_samples;
};

/* ---- the world: networks, directions, flows ---- */

static struct flow_addr local_of(u32 d)
{
	return (struct flow_addr){ .ip = { 10, (u8)(d / PORTS), 0, 1 },
				   .port = (u16)(FIRST + d % PORTS),
				   .family = 4 };
}

static struct flow_addr remote_of(u32 d)
{
	return (struct flow_addr){ .ip = { 10, (u8)(d / PORTS), 1, (u8)(1 + d % REMOTES) },
				   .port = REMOTE_PORT,
				   .family = 4 };
}

static struct flow_crypto key_of(u32 f, u8 suite)
{
	struct flow_crypto k = { .suite = suite, .number = 1 };
	for (unsigned i = 0; suite != FLOW_SUITE_NONE && i < 16; i++) {
		k.rtp_key[i] = (u8)(f >> 8 * (i % 4)) ^ (u8)(i * 29);
		k.rtcp_key[i] = (u8)~k.rtp_key[i];
		k.rtp_auth[i] = k.rtcp_auth[i] = (u8)i;
	}
	return k;
}

/* Side 1 has SRTP, where there is any, under one key both ways. */
static struct flow flow_of(u32 f, u8 suite)
{
	struct flow flow = { .id = f + 1, .gen = 1 };
	for (u32 i = 0; i < 2; i++) {
		struct flow_side *s = &flow.side[i];
		s->local = local_of(2 * f + i);
		s->remote = remote_of(2 * f + i);
		s->clock = 8000;
		s->ptime = 20;
		s->dtmf_in = s->dtmf_out = FLOW_PT_NONE;
		s->n_ptmap = 1;
		s->flags = FLOW_SIDE_RTCP_MUX;
		s->rate = 1u << 30; /* counted, and never exceeded */
		s->burst = 1u << 20;
	}
	flow.side[1].in = flow.side[1].out = key_of(f, suite);
	return flow;
}

static void add_flow(struct bench *b, u32 f, u8 suite)
{
	struct flow flow = flow_of(f, suite);
	struct tlv_out o;
	struct tlv_msg m;
	struct rule *rule;
	const char *why = NULL;
	tlv_out_init(&o, b->datagram, FLOW_DATAGRAM_MAX);
	tlv_begin(&o, FLOW_CMD_SET, 0, 1);
	tlv_put_flow(&o, &flow);
	if (tlv_end(&o))
		exit(2);
	const void *p = o.p;
	size_t n = o.n;
	if (tlv_next(&p, &n, &m) != 1 || rule_read(&rule, &m, &why) ||
	    rule_finish(b->rules, rule, NULL, &why)) {
		fprintf(stderr, "flow %u: %s\n", f, why ? why : "refused");
		exit(2);
	}
	b->flow[f] = flow_new(b->table.flows, rule);
	if (!b->flow[f] || media_table_set(&b->table, b->flow[f], rule))
		exit(2);
	b->flow[f]->rule = rule;
}

static void drop_flows(struct bench *b)
{
	for (u32 f = 0; f < b->n_flows; f++) {
		for (unsigned i = 0; i < 4; i++)
			path_forget(b->w, &b->flow[f]->path[i / 2][i % 2]);
		media_table_clear(&b->table, b->flow[f]);
		rule_free(b->flow[f]->rule);
		flow_free(b->flow[f]);
	}
	b->n_flows = 0;
}

static void shuffle(struct bench *b, u32 n)
{
	u64 x = 88172645463325252ull;
	for (u32 i = n - 1; i && i < n; i--) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		u32 j = (u32)((x >> 32) * (i + 1) >> 32), t = b->order[i];
		b->order[i] = b->order[j];
		b->order[j] = t;
	}
}

/* The kernel knows nothing of these neighbours: they are told by hand. */
static void add_hops(struct bench *b)
{
	for (u32 k = 0; k < NETWORKS; k++) {
		for (u32 r = 0; r < REMOTES; r++) {
			struct flow_addr a = remote_of(k * PORTS + r);
			struct hop_key key = hop_key(k, a.ip);
			neigh_want(b->neigh, &key);
			struct hop *hop = neigh_find(b->neigh, &key);
			if (!hop)
				exit(2);
			atomic_store(&hop->link, HOP_KNOWN | 0x020000000002ull);
		}
	}
}

/* ---- packets ---- */

static void write_headers(struct rte_mbuf *m, u32 d, u32 len)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (void *)(eth + 1);
	struct rte_udp_hdr *udp = (void *)(ip + 1);
	struct flow_addr from = remote_of(d), to = local_of(d);
	eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	*ip = (struct rte_ipv4_hdr){ .version_ihl = 0x45,
				     .total_length = rte_cpu_to_be_16((u16)(28 + len)),
				     .time_to_live = 60,
				     .next_proto_id = IPPROTO_UDP };
	memcpy(&ip->src_addr, from.ip, 4);
	memcpy(&ip->dst_addr, to.ip, 4);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	*udp = (struct rte_udp_hdr){ .src_port = rte_cpu_to_be_16(from.port),
				     .dst_port = rte_cpu_to_be_16(to.port),
				     .dgram_len = rte_cpu_to_be_16((u16)(8 + len)) };
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
	m->data_len = (u16)(HEADERS + len);
	m->pkt_len = m->data_len;
}

static void write_rtp(const struct bench *b, u8 *p, u32 d)
{
	u32 ts = rte_cpu_to_be_32(b->seq * 160u), ssrc = rte_cpu_to_be_32(d * 2654435761u + 1);
	u16 seq = rte_cpu_to_be_16(b->seq);
	p[0] = 0x80;
	p[1] = 0;
	memcpy(p + 2, &seq, 2);
	memcpy(p + 4, &ts, 4);
	memcpy(p + 8, &ssrc, 4);
	memcpy(p + 12, b->payload, sizeof(b->payload));
}

static u32 sealed_len(u8 suite)
{
	return suite == FLOW_SUITE_AEAD_AES_128_GCM ? RTP_OCTETS + 16 : RTP_OCTETS + 10;
}

/* ---- measuring ---- */

struct case_of {
	const char *name;
	u8 suite;
	u8 sides; /* bit 0: packets from side 0; bit 1: from side 1 */
};

static void fill(struct bench *b, const struct case_of *c, const u32 *d, struct rte_mbuf **m)
{
	if (rte_pktmbuf_alloc_bulk(b->ports.pool, m, BURST))
		exit(2);
	for (unsigned i = 0; i < BURST; i++) {
		u8 *payload = rte_pktmbuf_mtod_offset(m[i], u8 *, HEADERS);
		bool secure = c->suite != FLOW_SUITE_NONE && d[i] % 2;
		u32 len = secure ? sealed_len(c->suite) : RTP_OCTETS;
		if (secure)
			memcpy(payload, b->sealed[d[i] / 2], len);
		else
			write_rtp(b, payload, d[i]);
		write_headers(m[i], d[i], len);
	}
	rte_ring_enqueue_bulk(b->in, (void **)m, BURST, NULL);
}

/* What left is what came in; what was sealed is kept to be opened later. */
static void empty(struct bench *b, const struct case_of *c, const u32 *d)
{
	struct rte_mbuf *m[BURST];
	unsigned n = rte_ring_dequeue_burst(b->out, (void **)m, BURST, NULL);
	b->lost += BURST - n;
	for (unsigned i = 0; i < n; i++)
		if (n == BURST && c->suite != FLOW_SUITE_NONE && d[i] % 2 == 0)
			memcpy(b->sealed[d[i] / 2], rte_pktmbuf_mtod_offset(m[i], u8 *, HEADERS),
			       sealed_len(c->suite));
	rte_pktmbuf_free_bulk(m, n);
}

static void sample(struct bench *b, const struct dp_stats *was, u64 all)
{
	const struct dp_stats *s = &b->w->stats;
	u64 rings = s->cycles_rx - was->cycles_rx + s->cycles_tx - was->cycles_tx;
	u64 cycles[] = { [PARSE] = s->cycles_parse - was->cycles_parse,
			 [RELAY] = s->cycles_relay - was->cycles_relay,
			 [CIPHER] = s->cycles_cipher - was->cycles_cipher,
			 [ALL] = all - rings };
	cycles[REST] = cycles[ALL] - cycles[PARSE] - cycles[RELAY] - cycles[CIPHER];
	for (unsigned i = 0; i < STAGES; i++)
		b->sample[i][b->n_samples] = (u32)cycles[i];
	b->n_samples++;
}

/* One packet of each direction. */
static void pass(struct bench *b, const struct case_of *c, u32 n, bool counts)
{
	struct rte_mbuf *m[BURST];
	b->seq++;
	b->now_us += 20000;
	for (u32 at = 0; at + BURST <= n; at += BURST) {
		fill(b, c, &b->order[at], m);
		struct dp_stats was = b->w->stats;
		u64 t0 = rte_rdtsc();
		b->idle_us = worker_now_us(); /* part of the price */
		worker_round(b->w, b->now_us);
		u64 all = rte_rdtsc() - t0;
		if (counts && b->n_samples < b->cap_samples)
			sample(b, &was, all);
		empty(b, c, &b->order[at]);
	}
}

static int by_value(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;
	return (x > y) - (x < y);
}

static void print(struct bench *b, const char *name, u32 n)
{
	for (unsigned s = 0; s < STAGES; s++) {
		qsort(b->sample[s], b->n_samples, sizeof(u32), by_value);
		double cycles = b->sample[s][b->n_samples / 2] / (double)BURST;
		if (s != CIPHER || cycles > 4)
			printf("stage.%s_%u %s ns_per_packet %.1f, %.0f cycles\n", name, n,
			       stage_names[s], cycles * 1e9 / (double)rte_get_tsc_hz(), cycles);
	}
	b->n_samples = 0;
	fflush(stdout);
}

static void list(struct bench *b, u8 sides, u32 *n)
{
	*n = 0;
	for (u32 f = 0; f < b->n_flows; f++)
		for (u32 side = 0; side < 2; side++)
			if (sides >> side & 1)
				b->order[(*n)++] = 2 * f + side;
	shuffle(b, *n);
}

/* What side 1 sends is what side 0 was relayed as before. */
static void seal(struct bench *b, const struct case_of *c)
{
	const struct case_of sealing = { "", c->suite, 1 };
	u32 n;
	list(b, sealing.sides, &n);
	pass(b, &sealing, n, false);
	list(b, c->sides, &n);
}

/* A second after the sources were learned, and past the packets of which each head is kept. */
static void learned(struct bench *b, u32 n)
{
	b->now_us += 1500000;
	for (u32 i = 0; i < n; i++) {
		struct dp_flow *f = b->flow[b->order[i] / 2];
		f->path[b->order[i] % 2][RELAY_RTP].dir.rtp.received +=
			TRACE_FIRST + i % TRACE_EVERY;
	}
}

static void measure(struct bench *b, const struct case_of *c, unsigned rounds)
{
	bool opens = c->sides == 2;
	u32 n;
	list(b, c->sides, &n);
	if (opens)
		seal(b, c);
	pass(b, c, n, false);
	learned(b, n);
	for (unsigned i = 0; i < 2; i++) {
		if (opens)
			seal(b, c);
		pass(b, c, n, false);
	}
	for (u32 i = 0; i < rounds * ROUND_PACKETS / n; i++) {
		if (opens)
			seal(b, c);
		pass(b, c, n, true);
	}
	print(b, c->name, n);
}

static void run(struct bench *b, u32 flows, const struct case_of *c, unsigned n_cases,
		unsigned rounds)
{
	for (b->n_flows = 0; b->n_flows < flows; b->n_flows++)
		add_flow(b, b->n_flows, c->suite);
	for (unsigned i = 0; i < n_cases; i++)
		measure(b, &c[i], rounds);
	drop_flows(b);
}

/* ---- setting up ---- */

static void make_ports(struct bench *b)
{
	b->ports = (struct ports){ .n = 1, .n_workers = 1, .mute = -1 };
	struct port *port = &b->ports.port[0];
	*port = (struct port){ .spec = "net_ring",
			       .kind = PORT_VDEV,
			       .n_queues = 1,
			       .ifindex =
				       if_nametoindex("lo"), /* whose neighbours nobody asks for */
			       .link = -1 };
	for (int q = 0; q < QUEUES_MAX; q++)
		port->fd[q] = -1;
	b->in = rte_ring_create("in", 1024, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	b->out = rte_ring_create("out", 1024, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	b->ports.pool = rte_pktmbuf_pool_create("packets", 4095, 256, 0, 2048, SOCKET_ID_ANY);
	if (!b->in || !b->out || !b->ports.pool)
		exit(2);
	int id = rte_eth_from_rings("bench", &b->in, 1, &b->out, 1, 0);
	port->id = (uint16_t)id;
	if (id < 0 || port_setup(&b->ports, port))
		exit(2);
	for (unsigned i = 0; i < NETWORKS; i++) {
		struct flow_addr a = local_of(i * PORTS);
		b->network[i] = (struct conf_network){ .name = "net",
						       .address.family = 4,
						       .index = i,
						       .media_lo = FIRST,
						       .media_hi = 65535 };
		memcpy(b->network[i].address.ip, a.ip, 4);
		if (ports_add(&b->ports, port, &b->network[i], &b->network[i].address))
			exit(2);
	}
}

static void open_all(struct bench *b, unsigned rounds)
{
	b->log = log_new(2, LOG_LEVEL_ERROR);
	b->loop = loop_new();
	if (!b->log || !b->loop || eal_start(&b->conf, 128, b->log))
		exit(2);
	make_ports(b);
	b->rules = rule_maker_new(&b->ports);
	b->datagram = malloc(FLOW_DATAGRAM_MAX);
	b->flow = calloc(MANY / 2, sizeof(*b->flow));
	b->order = calloc(MANY, sizeof(*b->order));
	b->sealed = calloc(FEW, sizeof(*b->sealed));
	b->cap_samples = rounds * (ROUND_PACKETS / BURST);
	for (unsigned s = 0; s < STAGES; s++)
		b->sample[s] = calloc(b->cap_samples, sizeof(u32));
	for (unsigned i = 0; i < sizeof(b->payload); i++)
		b->payload[i] = (u8)(i * 37);
	if (!b->rules || !b->datagram || !b->flow || !b->order || !b->sealed ||
	    media_table_open(&b->table, NETWORKS, 1) ||
	    neigh_open(&b->neigh, &b->ports, b->table.rcu, b->loop, b->log))
		exit(2);
	struct worker_parts parts = { &b->ports, &b->table, b->neigh, b->log, -1 };
	if (workers_new(&b->workers, &parts))
		exit(2);
	b->w = b->workers->w[0];
	b->now_us = worker_now_us();
	rte_rcu_qsbr_thread_register(b->table.rcu, 0);
	rte_rcu_qsbr_thread_online(b->table.rcu, 0);
	add_hops(b);
}

static void tell_lost(const struct bench *b)
{
	fprintf(stderr, "%llu packets were not relayed\n", (unsigned long long)b->lost);
	for (unsigned i = 0; i < DP_DROP_COUNT; i++)
		if (b->w->stats.drop[i])
			fprintf(stderr, "%s %llu\n", dp_drop_name(i),
				(unsigned long long)b->w->stats.drop[i]);
}

int main(int argc, char **argv)
{
	static struct bench b;
	static const struct case_of plain[] = { { "rtp", FLOW_SUITE_NONE, 3 } };
	static const struct case_of cm[] = {
		{ "rtp_to_srtp_aes_cm", FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, 1 },
		{ "srtp_to_rtp_aes_cm", FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, 2 },
	};
	static const struct case_of gcm[] = {
		{ "rtp_to_srtp_aes_gcm", FLOW_SUITE_AEAD_AES_128_GCM, 1 },
		{ "srtp_to_rtp_aes_gcm", FLOW_SUITE_AEAD_AES_128_GCM, 2 },
	};
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 9;
	if (!rounds)
		rounds = 1;
	const char *only = argc > 2 ? argv[2] : "";
	open_all(&b, rounds);
	if (strstr("rtp 10000", only))
		run(&b, FEW / 2, plain, 1, rounds);
	if (strstr("rtp 1000000", only))
		run(&b, MANY / 2, plain, 1, rounds);
	if (strstr("aes_cm", only))
		run(&b, FEW, cm, 2, rounds);
	if (strstr("aes_gcm", only))
		run(&b, FEW, gcm, 2, rounds);
	if (b.lost)
		tell_lost(&b);
	return b.lost != 0;
}
