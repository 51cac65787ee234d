/* SPDX-License-Identifier: Apache-2.0 */
/* A DPDK port as one side: AF_XDP on an interface, memif, a ring, a PCI device. There is no kernel behind it, so frames
 * are built here and ARP is answered here. IPv4; one queue; it polls, so it wants a core of its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <rte_arp.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_pause.h>
#include <rte_udp.h>
#include <bpf/libbpf.h>
#include <xdp/libxdp.h>
#include "io.h"
#include "netns.h"

#define MEMORY    "-m512" /* MiB for both sides */
#define MBUFS     16384
#define CACHE     256
#define RING      2048
#define ARP_EVERY 100000000u /* ns */
#define LOOK      10000000u  /* ns: how often the device's own losses are read */
#define HEADERS   (RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr))
#define ARG(s)    ((char *)(uintptr_t)(s)) /* EAL takes char ** and writes to none */

struct port {
	struct io io;
	uint16_t id;
	bool open, resolved;
	struct io_options o;
	uint32_t ours; /* network order */
	struct rte_ether_addr mac, peer;
	struct rte_mempool *pool;
	uint64_t asked, looked, missed;
	struct rte_mbuf *held[IO_BURST]; /* whose data the caller reads */
	unsigned n_held;
};

static void cpus_print(char *out, size_t size)
{
	cpu_set_t set;
	size_t n = (size_t)snprintf(out, size, "--lcores=0@(");
	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	bool first = true;
	for (unsigned i = 0; i < CPU_SETSIZE && n + 8 < size; i++) {
		if (!CPU_ISSET(i, &set))
			continue;
		n += (size_t)snprintf(out + n, size - n, "%s%u", first ? "" : ",", i);
		first = false;
	}
	snprintf(out + n, size - n, "%s)", first ? "0" : "");
}

/* EAL makes a directory for what is shared between processes. Here nothing is; it stays empty. */
static void leave_no_directory(void)
{
	char dir[256];
	snprintf(dir, sizeof(dir), "%s", rte_eal_get_runtime_dir());
	rmdir(dir);
	char *slash = strrchr(dir, '/');
	if (slash && slash != dir) {
		*slash = '\0';
		rmdir(dir); /* only when no other DPDK program uses it */
	}
}

/* Once for the process. Nothing is shared with other DPDK programs, and no PCI device is touched that was not
 * named. What libbpf and libxdp try first and do without is nobody's affair. */
static int eal_start(void)
{
	char cpus[1024], prefix[64];
	char *arg[] = { ARG("sluice-bench"),      cpus,        prefix,
			ARG("--no-huge"),         ARG(MEMORY), ARG("--no-shconf"),
			ARG("--no-telemetry"),    ARG("-a"),   ARG("ffff:ff:1f.7"),
			ARG("--log-level=error"), NULL };
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	if (rte_lcore_count()) /* it is up: of the other side */
		return 0;
	setrlimit(RLIMIT_MEMLOCK, &all); /* older kernels count AF_XDP's packets against it */
	libbpf_set_print(NULL);
	libxdp_set_print(NULL);
	cpus_print(cpus, sizeof(cpus));
	snprintf(prefix, sizeof(prefix), "--file-prefix=sluice-bench-%d", (int)getpid());
	if (rte_eal_init((int)(sizeof(arg) / sizeof(*arg)) - 1, arg) < 0) {
		fprintf(stderr, "DPDK does not start: %s\n", rte_strerror(rte_errno));
		return -EIO;
	}
	leave_no_directory();
	return 0;
}

static int find_port(struct port *p)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(p->o.device, ","), p->o.device);
	return rte_eth_dev_get_port_by_name(name, &p->id);
}

static int start_port(struct port *p)
{
	struct rte_eth_conf conf = { 0 };
	uint16_t rx = RING, tx = RING;
	int socket = rte_eth_dev_socket_id(p->id);
	char name[32];
	snprintf(name, sizeof(name), "bench-%u", p->id);
	p->pool = rte_pktmbuf_pool_create(name, MBUFS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					  socket < 0 ? SOCKET_ID_ANY : socket);
	if (!p->pool)
		return -ENOMEM;
	int err = rte_eth_dev_configure(p->id, 1, 1, &conf);
	if (!err)
		err = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &rx, &tx);
	if (!err)
		err = rte_eth_rx_queue_setup(p->id, 0, rx, (unsigned)socket, NULL, p->pool);
	if (!err)
		err = rte_eth_tx_queue_setup(p->id, 0, tx, (unsigned)socket, NULL);
	if (!err)
		err = rte_eth_dev_start(p->id);
	p->open = !err;
	return err ? err : rte_eth_macaddr_get(p->id, &p->mac);
}

static void send_one(struct port *p, struct rte_mbuf *m)
{
	if (rte_eth_tx_burst(p->id, 0, &m, 1) != 1)
		rte_pktmbuf_free(m);
}

static void ask(struct port *p, uint32_t whom)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(p->pool);
	struct rte_ether_hdr *eth = m ? (struct rte_ether_hdr *)rte_pktmbuf_append(m, 60) : NULL;
	if (!eth)
		return; /* asked again soon */
	struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(eth + 1);
	memset(eth, 0, 60);
	memset(&eth->dst_addr, 0xff, sizeof(eth->dst_addr));
	eth->src_addr = p->mac;
	eth->ether_type = htons(RTE_ETHER_TYPE_ARP);
	arp->arp_hardware = htons(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = htons(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = RTE_ETHER_ADDR_LEN;
	arp->arp_plen = 4;
	arp->arp_opcode = htons(RTE_ARP_OP_REQUEST);
	arp->arp_data.arp_sha = p->mac;
	arp->arp_data.arp_sip = p->ours;
	arp->arp_data.arp_tip = whom;
	send_one(p, m);
}

/* Takes the mbuf. */
static void on_arp(struct port *p, struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(eth + 1);
	if (m->data_len < sizeof(*eth) + sizeof(*arp) || arp->arp_data.arp_tip != p->ours) {
		rte_pktmbuf_free(m);
		return;
	}
	if (!p->resolved && !p->o.mac) {
		p->peer = arp->arp_data.arp_sha;
		p->resolved = true;
	}
	if (arp->arp_opcode != htons(RTE_ARP_OP_REQUEST)) {
		rte_pktmbuf_free(m);
		return;
	}
	eth->dst_addr = eth->src_addr;
	eth->src_addr = p->mac;
	arp->arp_opcode = htons(RTE_ARP_OP_REPLY);
	arp->arp_data.arp_tha = arp->arp_data.arp_sha;
	arp->arp_data.arp_tip = arp->arp_data.arp_sip;
	arp->arp_data.arp_sha = p->mac;
	arp->arp_data.arp_sip = p->ours;
	send_one(p, m);
}

static struct rte_mbuf *build(struct port *p, const struct io_packet *in)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(p->pool);
	if (!m)
		return NULL;
	uint8_t *head = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(HEADERS + in->len));
	if (!head) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)head;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	*eth = (struct rte_ether_hdr){ p->peer, p->mac, htons(RTE_ETHER_TYPE_IPV4) };
	*ip = (struct rte_ipv4_hdr){ .version_ihl = RTE_IPV4_VHL_DEF,
				     .total_length = htons(
					     (uint16_t)(HEADERS - RTE_ETHER_HDR_LEN + in->len)),
				     .fragment_offset = htons(RTE_IPV4_HDR_DF_FLAG),
				     .time_to_live = 64,
				     .next_proto_id = IPPROTO_UDP,
				     .src_addr = p->ours };
	memcpy(&ip->dst_addr, in->peer.ip, 4);
	*udp = (struct rte_udp_hdr){ htons((uint16_t)(p->o.ours.port + in->local)),
				     htons(in->peer.port),
				     htons((uint16_t)(sizeof(*udp) + in->len)), 0 };
	memcpy(udp + 1, in->data, in->len);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
	return m;
}

static unsigned port_send(struct io *io, const struct io_packet *in, unsigned n)
{
	struct port *p = (struct port *)io;
	struct rte_mbuf *m[IO_BURST];
	unsigned have = 0, sent = 0;
	if (!p->resolved) {
		uint32_t whom;
		uint64_t now = io_now();
		memcpy(&whom, in->peer.ip, 4);
		if (now - p->asked > ARP_EVERY) {
			p->asked = now;
			ask(p, whom);
		}
		return 0;
	}
	for (unsigned i = 0; i < n; i++) {
		m[have] = build(p, &in[i]);
		have += m[have] != NULL;
	}
	for (unsigned tries = 0; sent < have && tries < 8; tries++)
		sent += rte_eth_tx_burst(p->id, 0, m + sent, (uint16_t)(have - sent));
	if (sent < have)
		rte_pktmbuf_free_bulk(m + sent, have - sent);
	return sent;
}

/* Is it UDP for us? Then where its payload is. */
static bool parse(const struct port *p, struct rte_mbuf *m, struct io_packet *out)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);
	if (m->data_len < HEADERS || eth->ether_type != htons(RTE_ETHER_TYPE_IPV4) ||
	    ip->version_ihl != RTE_IPV4_VHL_DEF || ip->next_proto_id != IPPROTO_UDP ||
	    ip->dst_addr != p->ours)
		return false;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	unsigned local = (unsigned)ntohs(udp->dst_port) - p->o.ours.port,
		 len = ntohs(udp->dgram_len);
	if (local >= p->o.ports || len < sizeof(*udp) ||
	    len > m->data_len - RTE_ETHER_HDR_LEN - sizeof(struct rte_ipv4_hdr))
		return false;
	*out = (struct io_packet){ .data = (uint8_t *)(udp + 1),
				   .len = len - (unsigned)sizeof(*udp),
				   .local = (uint16_t)local,
				   .peer = { .family = 4, .port = ntohs(udp->src_port) } };
	memcpy(out->peer.ip, &ip->src_addr, 4);
	return true;
}

static unsigned port_recv(struct io *io, struct io_packet *out)
{
	struct port *p = (struct port *)io;
	struct rte_mbuf *m[IO_BURST];
	unsigned found = 0;
	if (p->n_held)
		rte_pktmbuf_free_bulk(p->held, p->n_held);
	p->n_held = 0;
	unsigned n = rte_eth_rx_burst(p->id, 0, m, IO_BURST);
	uint64_t now = n ? io_now() : 0;
	for (unsigned i = 0; i < n; i++) {
		struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m[i], struct rte_ether_hdr *);
		if (m[i]->data_len >= RTE_ETHER_HDR_LEN &&
		    eth->ether_type == htons(RTE_ETHER_TYPE_ARP)) {
			on_arp(p, m[i]);
		} else if (parse(p, m[i], &out[found])) {
			out[found++].time = now;
			p->held[p->n_held++] = m[i];
		} else {
			rte_pktmbuf_free(m[i]);
		}
	}
	return found;
}

/* A packet that came while nobody looked would be late by that much: it does not sleep. */
static void port_wait(struct io *io, uint64_t until)
{
	struct port *p = (struct port *)io;
	struct rte_eth_stats stats;
	uint64_t now = io_now();
	rte_pause();
	if (until && now - p->looked < LOOK)
		return;
	p->looked = now;
	if (rte_eth_stats_get(p->id, &stats))
		return;
	uint64_t missed = stats.imissed + stats.rx_nombuf;
	p->io.overflows += missed - p->missed;
	p->missed = missed;
}

static void port_close(struct io *io)
{
	struct port *p = (struct port *)io;
	if (p->n_held)
		rte_pktmbuf_free_bulk(p->held, p->n_held);
	if (p->open) {
		rte_eth_dev_stop(p->id);
		rte_eth_dev_close(p->id);
	}
	rte_mempool_free(p->pool);
	free(p);
}

static const struct io_ops ops = { port_send, port_recv, port_wait, port_close };

static int open_device(struct port *p)
{
	int back, err = netns_enter(p->o.netns, &back);
	if (err)
		return err;
	err = rte_dev_probe(p->o.device);
	if (!err)
		err = find_port(p);
	if (!err)
		err = start_port(p);
	netns_leave(back);
	if (err)
		fprintf(stderr, "%s: %s\n", p->o.device, rte_strerror(-err));
	return err;
}

int io_dpdk_open(struct io **out, const struct io_options *o)
{
	if (o->ours.family != 4) {
		fprintf(stderr, "%s: DPDK devices are for IPv4 here\n", o->device);
		return -EAFNOSUPPORT;
	}
	struct port *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->io.ops = &ops;
	p->o = *o;
	memcpy(&p->ours, o->ours.ip, 4);
	p->resolved = o->mac != NULL;
	int err = o->mac && rte_ether_unformat_addr(o->mac, &p->peer) ? -EINVAL : eal_start();
	if (!err)
		err = open_device(p);
	if (err)
		port_close(&p->io);
	else
		*out = &p->io;
	return err;
}
