/* SPDX-License-Identifier: Apache-2.0 */
/* Which worker does what. A queue of a device is read by one worker; the directions of a side of a flow belong to
 * one worker, its *owner*, by the side's RTP port. A packet that another one receives is handed to the owner, see
 * worker.c.
 *
 * A device that spreads by the destination port alone (RSS, L4 destination) is told how, so that the owner's queue
 * is where the packets come in and none is handed over. A device that does not is as good as the kernel's or its
 * own spreading makes it: all is right, at the cost of handing packets over. */
#ifndef SLUICE_DP_SHARE_H
#define SLUICE_DP_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#define WORKERS_MAX    8
#define SHARE_RETA_MAX 512
#define SHARE_KEY_MAX  64

struct port;
struct rte_eth_conf;

/* Of a port. Written while it is opened. */
struct share {
	uint8_t workers; /* of all */
	uint8_t first;   /* the worker that reads queue 0 */
	bool rss;
	uint16_t reta_size;
	uint8_t key_len;
	uint8_t key[SHARE_KEY_MAX] __rte_aligned(4); /* read by fours */
	uint8_t reta[SHARE_RETA_MAX];                /* bucket -> queue */
};

/* `nth` port of those there are; devices that are not the kernel's get as many queues as workers can use, where
 * they spread by destination port. Before port_setup(). */
void share_init(struct port *port, unsigned nth, unsigned workers);
void share_configure(struct port *port, struct rte_eth_conf *conf);
void share_start(struct port *port); /* the device is started */

/* Worker that reads this queue. */
unsigned share_reader(const struct share *s, unsigned queue);
/* Queue that a worker sends on: one that it reads, if there is one. */
unsigned share_sender(const struct port *port, unsigned worker);
/* Worker that owns the side with this RTP port. */
unsigned share_owner(const struct port *port, uint16_t rtp_port);
/* May two workers send on one of its queues? */
bool share_crowded(const struct port *port);

#endif
