/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_errno.h>
#include <rte_memzone.h>
#include "eal.h"
#include "mute.h"
#include "port.h"
#include "punt.h"
#include "stray.h"
#include "xdp/steer.h"

#define DESCRIPTORS 2048 /* 0.4 s of 100 calls: a virtual machine stands still that long */
#define QUEUE_MBUFS 4096 /* fill ring 2048 (the AF_XDP driver insists), completion and send rings */
#define SPARE_MBUFS 4096 /* bursts under way, held packets, fragments */
#define POOL_CACHE  256

_Static_assert(NETWORKS_MAX <= STEER_ADDRESSES, "each address needs its row in the program");

u64 port_mac_pack(const void *octets)
{
	u64 mac = 0;
	memcpy(&mac, octets, 6);
	return mac;
}

/* Checksums are the device's where it makes or checks them all. */
static void choose_offloads(struct port *port, struct rte_eth_conf *conf)
{
	const u64 rx = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	const u64 tx = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	struct rte_eth_dev_info info;
	if (rte_eth_dev_info_get(port->id, &info))
		return;
	if ((info.rx_offload_capa & rx) == rx)
		conf->rxmode.offloads |= rx;
	port->sums = (info.tx_offload_capa & tx) == tx;
	if (port->sums)
		conf->txmode.offloads |= tx;
}

int port_setup(struct ports *p, struct port *port)
{
	struct rte_eth_conf conf = { 0 };
	struct rte_ether_addr mac;
	share_init(port, (unsigned)(port - p->port), p->n_workers);
	share_configure(port, &conf);
	choose_offloads(port, &conf);
	int err = rte_eth_dev_configure(port->id, port->n_queues, port->n_queues, &conf);
	for (uint16_t q = 0; !err && q < port->n_queues; q++)
		err = rte_eth_rx_queue_setup(port->id, q, DESCRIPTORS, SOCKET_ID_ANY, NULL,
					     p->pool);
	for (uint16_t q = 0; !err && q < port->n_queues; q++)
		err = rte_eth_tx_queue_setup(port->id, q, DESCRIPTORS, SOCKET_ID_ANY, NULL);
	if (!err)
		err = rte_eth_dev_start(port->id);
	if (!err)
		share_start(port);
	if (!err)
		err = rte_eth_macaddr_get(port->id, &mac);
	if (!err)
		port->mac = port_mac_pack(&mac);
	if (!err && !port->mtu && rte_eth_dev_get_mtu(port->id, &port->mtu))
		port->mtu = RTE_ETHER_MTU;
	return err;
}

/* A device that the kernel does not have: PCI (EAL has probed it) or any virtual device of DPDK.
 * What is not media goes to the kernel through a TAP with the network's address. */
static int open_own(struct ports *p, struct port *port, struct log *log)
{
	char name[128];
	int err = 0;
	size_t n = strcspn(port->spec, ",");
	if (n >= sizeof(name))
		return -ENAMETOOLONG;
	memcpy(name, port->spec, n);
	name[n] = '\0';
	if (port->kind == PORT_VDEV)
		err = rte_eal_hotplug_add("vdev", name, port->spec[n] ? port->spec + n + 1 : "");
	if (err || rte_eth_dev_get_port_by_name(name, &port->id)) {
		snprintf(port->why, sizeof(port->why), "DPDK has no such device: %s", eal_said());
		return err ? err : -ENODEV;
	}
	port->open = true;
	port->n_queues = 1;
	err = port_setup(p, port);
	if (!err)
		err = punt_open(p, port, log);
	if (err)
		snprintf(port->why, sizeof(port->why), "%s", eal_said());
	rte_eth_promiscuous_enable(port->id); /* the TAP may be given another hardware address */
	snprintf(port->driver, sizeof(port->driver), "%s %.48s%s",
		 port->kind == PORT_PCI ? "PCI" : "DPDK device", name,
		 port->sums ? " (makes checksums)" : "");
	return err;
}

static int open_interface(struct ports *p, struct port *port, enum conf_engine how,
			  const char *program, struct log *log)
{
	int err = port_interface(port);
	if (err) {
		log_error(log, "port", "%s: there is no such interface: %s", port->spec,
			  strerror(-err));
		return err;
	}
	err = -EOPNOTSUPP;
	if (how == CONF_ENGINE_PACKET)
		snprintf(port->why, sizeof(port->why), "because the configuration asks for it");
	else
		err = port_open_xdp(p, port, program);
	if (err && how == CONF_ENGINE_XDP) {
		log_error(log, "port",
			  "%s: XDP was refused: %s. Set media.device to auto or af_packet.",
			  port->spec, port->why);
		return err;
	}
	if (!err)
		return 0;
	if (how != CONF_ENGINE_PACKET) {
		char reason[sizeof(port->why)];
		memcpy(reason, port->why, sizeof(reason));
		snprintf(port->why, sizeof(port->why), "because XDP was refused: %.160s", reason);
	}
	err = port_open_packet(p, port);
	if (err)
		log_error(log, "port", "%s: neither AF_XDP nor AF_PACKET: %s", port->spec,
			  port->why);
	return err;
}

/* Networks with the same port string share one port. NULL: too many ports. */
static struct port *port_of(struct ports *p, const char *spec)
{
	for (unsigned i = 0; i < p->n; i++)
		if (strcmp(p->port[i].spec, spec) == 0)
			return &p->port[i];
	if (p->n == PORTS_MAX)
		return NULL;
	struct port *port = &p->port[p->n++];
	*port = (struct port){ .spec = spec, .link = -1 };
	for (int q = 0; q < QUEUES_MAX; q++)
		port->fd[q] = -1;
	port->kind = eal_is_pci(spec)                ? PORT_PCI
		     : strncmp(spec, "net_", 4) == 0 ? PORT_VDEV
						     : PORT_AF_XDP;
	return port;
}

int ports_add(struct ports *p, struct port *port, const struct conf_network *c,
	      const struct addr *a)
{
	unsigned i = ports_place(a->ip, a->family);
	if (!port || p->n_networks == NETWORKS_MAX)
		return -E2BIG;
	if (ports_network(p, a->ip, a->family))
		return -EADDRINUSE;
	struct network *n = &p->network[p->n_networks];
	*n = (struct network){ .conf = c,
			       .port = port,
			       .family = a->family,
			       .index = (u8)p->n_networks,
			       .main = a == &c->address,
			       .vlan = (u16)c->vlan,
			       .ifindex = port->ifindex,
			       .media_lo = c->media_lo,
			       .media_hi = c->media_hi };
	memcpy(n->ip, a->ip, a->family == 6 ? 16 : 4);
	while (p->place[i])
		i = (i + 1) % PLACES;
	p->place[i] = (u8)++p->n_networks;
	return 0;
}

static int collect_one(struct ports *p, const struct conf_network *c)
{
	struct port *port = port_of(p, c->port);
	int err = ports_add(p, port, c, &c->address);
	if (!err && c->address6.family)
		err = ports_add(p, port, c, &c->address6);
	for (unsigned i = 0; i < c->n_media && !err; i++)
		err = ports_add(p, port, c, &c->media[i]);
	return err;
}

static int collect(struct ports *p, const struct conf *conf, struct log *log)
{
	for (unsigned i = 0; i < conf->n_networks; i++) {
		const struct conf_network *c = &conf->networks[i];
		int err = collect_one(p, c);
		if (err == -E2BIG)
			log_error(log, "port", "%s: at most %d ports and %d addresses are possible",
				  c->name, PORTS_MAX, NETWORKS_MAX);
		else if (err)
			log_error(log, "port", "%s: another network has the same address", c->name);
		if (err)
			return err;
	}
	return 0;
}

/* One packet a page, and the page is filled to the last octet. The AF_XDP driver gives the kernel
 * as much memory as packets times their size, and a zero copy device needs each packet within a
 * page; but DPDK without huge pages moves an object that would cross a page to the next one, and
 * the kernel would not get all of them. Sizes and alignment that leave no gaps satisfy all three.
 */
#define PAGE        4096
#define PAGE_ROOM   (PAGE - OBJECT_HEAD - sizeof(struct rte_mbuf))
#define OBJECT_HEAD RTE_ALIGN_CEIL(sizeof(struct rte_mempool_objhdr), RTE_MEMPOOL_ALIGN)

static unsigned packets_for(const char *spec, unsigned workers)
{
	if (eal_is_pci(spec) || strncmp(spec, "net_", 4) == 0)
		return QUEUE_MBUFS * workers; /* at most a queue each */
	return QUEUE_MBUFS * port_interface_queues(spec);
}

unsigned ports_memory(const struct conf *conf)
{
	unsigned n = SPARE_MBUFS * conf->media.workers;
	for (unsigned i = 0; i < conf->n_networks; i++)
		n += packets_for(conf->networks[i].port, conf->media.workers);
	return n / (1024 * 1024 / PAGE) + 64; /* rings, sockets' rings, tables */
}

static int make_pool(struct ports *p, struct log *log)
{
	struct rte_pktmbuf_pool_private room = { .mbuf_data_room_size = PAGE_ROOM };
	unsigned n = SPARE_MBUFS * p->n_workers;
	for (unsigned i = 0; i < p->n; i++)
		n += packets_for(p->port[i].spec, p->n_workers);
	const struct rte_memzone *mz = rte_memzone_reserve_aligned(
		"packets", (size_t)n * PAGE, SOCKET_ID_ANY, RTE_MEMZONE_IOVA_CONTIG, PAGE);
	if (mz)
		p->pool = rte_mempool_create_empty(
			"packets", n, sizeof(struct rte_mbuf) + PAGE_ROOM, POOL_CACHE, sizeof(room),
			SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_SPREAD);
	/* Last in, first out: the same few packets stay in the processor's cache. */
	if (p->pool && !rte_mempool_set_ops_byname(p->pool, "stack", NULL)) {
		rte_pktmbuf_pool_init(p->pool, &room);
		int got =
			rte_mempool_populate_iova(p->pool, mz->addr, mz->iova, mz->len, NULL, NULL);
		rte_mempool_obj_iter(p->pool, rte_pktmbuf_init, NULL);
		if (got == (int)n)
			return 0;
	}
	log_error(log, "port", "no memory for %u packets: %s", n, rte_strerror(rte_errno));
	return -ENOMEM;
}

int ports_open(struct ports *p, const struct conf *conf, enum conf_engine how, struct log *log)
{
	char program[64];
	*p = (struct ports){ .mute = -1, .n_workers = conf->media.workers };
	int err = collect(p, conf, log);
	if (!err)
		err = make_pool(p, log);
	if (err)
		return err;
	int file = steer_file(program, sizeof(program));
	if (file < 0)
		return file;
	bool muted = false;
	for (unsigned i = 0; i < p->n && !err; i++) {
		struct port *port = &p->port[i];
		eal_forget();
		if (port->kind == PORT_AF_XDP) {
			err = open_interface(p, port, how, program, log);
			muted |= port->kind == PORT_AF_PACKET;
		} else {
			err = open_own(p, port, log);
			if (err)
				log_error(log, "port", "%s: %s", port->spec, port->why);
		}
	}
	for (unsigned i = 0; i < p->n_networks; i++)
		if (!p->network[i].ifindex) /* a TAP of its own says otherwise */
			p->network[i].ifindex = p->network[i].port->ifindex;
	close(file);
	if (!err)
		p->mute = mute_open(p, muted, log);
	return err;
}

void ports_close(struct ports *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		struct port *port = &p->port[i];
		if (port->open) {
			rte_eth_dev_stop(port->id);
			rte_eth_dev_close(port->id);
		}
		/* After the device: the driver detaches whatever it finds, except what a link
		 * holds. */
		if (port->link >= 0)
			close(port->link);
		punt_close(port->punt);
		stray_close(port->stray);
	}
	if (p->mute >= 0)
		close(p->mute);
	rte_mempool_free(p->pool);
}

static bool ephemeral_ports(unsigned *lo, unsigned *hi)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	bool ok = f && fscanf(f, "%u %u", lo, hi) == 2;
	if (f)
		fclose(f);
	return ok;
}

/* A UDP socket of this host that did not choose its port would get one of these, and its answers
 * would come to us. */
static void warn_ephemeral(const struct conf_network *c, struct log *log)
{
	unsigned lo, hi;
	if (!ephemeral_ports(&lo, &hi) || c->media_lo > hi || c->media_hi < lo)
		return;
	log_warn(log, "port",
		 "%s: media ports %u-%u overlap those that the kernel gives to other sockets, "
		 "%u-%u: "
		 "answers to DNS and the like would be taken for media. Change one of the two "
		 "(sysctl net.ipv4.ip_local_port_range)",
		 c->name, c->media_lo, c->media_hi, lo, hi);
}

static void print_addresses(const struct conf_network *c, char *out, size_t size)
{
	char one[ADDR_STR_MAX];
	struct buf b;
	buf_init(&b, out, size - 1);
	buf_fmt(&b, "%s", addr_print(&c->address, one));
	if (c->address6.family)
		buf_fmt(&b, ", %s", addr_print(&c->address6, one));
	for (unsigned i = 0; i < c->n_media; i++)
		buf_fmt(&b, ", %s", addr_print(&c->media[i], one));
	if (c->vlan)
		buf_fmt(&b, ", VLAN %u,", c->vlan);
	out[b.n] = '\0';
}

void ports_tell(const struct ports *p, struct log *log)
{
	for (unsigned i = 0; i < p->n_networks; i++) {
		const struct network *n = &p->network[i];
		char text[1024];
		if (!n->main)
			continue;
		print_addresses(n->conf, text, sizeof(text));
		log_notice(log, "port", "%s: %s%s%s; media %s UDP %u-%u", n->conf->name,
			   n->port->driver, n->port->why[0] ? ", " : "", n->port->why, text,
			   n->media_lo, n->media_hi);
		warn_ephemeral(n->conf, log);
	}
}
