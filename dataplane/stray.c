/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <rte_ring.h>
#include "filter.h"
#include "stray.h"

#define RING_SIZE 256
#define AT_ONCE   32

struct stray {
	int fd;
	u16 port; /* DPDK's number */
	struct rte_ring *ring;
	struct rte_mempool *pool;
	struct loop *loop;
	struct loop_fd sock;
	void (*wake)(void *arg);
	void *arg;
};

/* Nothing comes up before the filter is in place: the protocol counts from bind() on. */
static int open_socket(struct stray *s, const struct ports *ports, const struct port *port)
{
	struct sockaddr_ll here = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL),
				    .sll_ifindex = (int)port->ifindex };
	int one = 1;
	s->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	int err = filter_fragments(ports, port, s->fd);
	if (err)
		return err;
	setsockopt(s->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	return bind(s->fd, (struct sockaddr *)&here, sizeof(here)) ? -errno : 0;
}

int stray_open(struct ports *ports, struct port *port)
{
	char name[RTE_RING_NAMESIZE];
	struct stray *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	port->stray = s;
	s->fd = -1;
	s->port = port->id;
	s->pool = ports->pool;
	snprintf(name, sizeof(name), "stray%u", port->id);
	s->ring = rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return s->ring ? open_socket(s, ports, port) : -ENOMEM;
}

void stray_close(struct stray *s)
{
	void *m;
	if (!s)
		return;
	while (s->ring && rte_ring_dequeue(s->ring, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(s->ring);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

/* Level-triggered: the rest comes with the next round. Without room a fragment is lost as on any interface. */
static void on_frame(void *arg, uint32_t events)
{
	struct stray *s = arg;
	unsigned n = 0;
	(void)events;
	while (n < AT_ONCE) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(s->pool);
		ssize_t len =
			m ? read(s->fd, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m)) : -1;
		if (len <= 0) {
			rte_pktmbuf_free(m);
			break;
		}
		m->port = s->port;
		m->data_len = (uint16_t)len;
		m->pkt_len = (uint32_t)len;
		n++;
		if (rte_ring_enqueue(s->ring, m))
			rte_pktmbuf_free(m);
	}
	if (n)
		s->wake(s->arg);
}

int stray_attach(struct stray *s, struct loop *loop, void (*wake)(void *arg), void *arg)
{
	s->loop = loop;
	s->wake = wake;
	s->arg = arg;
	s->sock = (struct loop_fd){ s->fd, EPOLLIN, on_frame, s };
	return loop_fd_add(loop, &s->sock);
}

void stray_detach(struct stray *s)
{
	if (s && s->sock.ready)
		loop_fd_del(s->loop, &s->sock);
}

unsigned stray_take(struct stray *s, struct rte_mbuf **m, unsigned n)
{
	return rte_ring_empty(s->ring) ? 0 : rte_ring_dequeue_burst(s->ring, (void **)m, n, NULL);
}
