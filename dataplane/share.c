/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <rte_ethdev.h>
#include <rte_thash.h>
#include "port.h"

#define SPREAD (RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_L4_DST_ONLY)

void share_init(struct port *port, unsigned nth, unsigned workers)
{
	struct rte_eth_dev_info info;
	struct share *s = &port->share;
	*s = (struct share){ .workers = (uint8_t)workers, .first = (uint8_t)(nth % workers) };
	if (workers == 1 || (port->kind != PORT_PCI && port->kind != PORT_VDEV))
		return;
	if (rte_eth_dev_info_get(port->id, &info) ||
	    (info.flow_type_rss_offloads & SPREAD) != SPREAD || !info.reta_size ||
	    info.reta_size > SHARE_RETA_MAX || info.hash_key_size > SHARE_KEY_MAX)
		return;
	unsigned queues = RTE_MIN(RTE_MIN(info.max_rx_queues, info.max_tx_queues), QUEUES_MAX);
	port->n_queues = (uint16_t)RTE_MIN(queues, workers);
	s->reta_size = info.reta_size;
	s->key_len = info.hash_key_size ? info.hash_key_size : 40;
	s->rss = port->n_queues > 1;
}

/* Ports of media follow each other, and a side has each second one. A key whose bits are random spreads them; it is
 * no secret, as nobody chooses our ports. */
static void make_key(struct share *s)
{
	uint32_t x = 0x6d2b79f5;
	for (unsigned i = 0; i < s->key_len; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		s->key[i] = (uint8_t)(x >> 24);
	}
}

void share_configure(struct port *port, struct rte_eth_conf *conf)
{
	struct rte_eth_dev_info info;
	struct share *s = &port->share;
	if (!s->rss || rte_eth_dev_info_get(port->id, &info))
		return;
	make_key(s);
	uint64_t six = info.flow_type_rss_offloads & RTE_ETH_RSS_NONFRAG_IPV6_UDP;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf = (struct rte_eth_rss_conf){ .rss_key = s->key,
								.rss_key_len = s->key_len,
								.rss_hf = SPREAD | six };
}

void share_start(struct port *port)
{
	struct rte_eth_rss_reta_entry64 reta[SHARE_RETA_MAX / RTE_ETH_RETA_GROUP_SIZE] = { 0 };
	struct share *s = &port->share;
	if (!s->rss)
		return;
	for (unsigned i = 0; i < s->reta_size; i++) {
		unsigned group = i / RTE_ETH_RETA_GROUP_SIZE, at = i % RTE_ETH_RETA_GROUP_SIZE;
		s->reta[i] = (uint8_t)(i % port->n_queues);
		reta[group].mask |= 1ULL << at;
		reta[group].reta[at] = s->reta[i];
	}
	if (rte_eth_dev_rss_reta_update(port->id, reta, s->reta_size))
		s->rss = false;
}

unsigned share_reader(const struct share *s, unsigned queue)
{
	return (s->first + queue) % s->workers;
}

unsigned share_sender(const struct port *port, unsigned worker)
{
	const struct share *s = &port->share;
	return (worker + s->workers - s->first) % s->workers % port->n_queues;
}

unsigned share_owner(const struct port *port, uint16_t rtp_port)
{
	const struct share *s = &port->share;
	if (s->workers == 1)
		return 0;
	if (!s->rss) /* sides have even ports */
		return (rtp_port >> 1) % s->workers;
	uint32_t tuple = (uint32_t)rtp_port << 16; /* what follows the port is 0 and adds nothing */
	uint32_t hash = rte_softrss(&tuple, 1, s->key);
	return share_reader(s, s->reta[hash % s->reta_size]);
}

bool share_crowded(const struct port *port)
{
	return port->n_queues < port->share.workers;
}
