// SPDX-License-Identifier: Apache-2.0
/* Netlink of NFQUEUE by hand: each packet gets "accept", one by one, so that the kernel goes on with it in this thread. */
#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include "packets.h"

struct queue {
	int fd;
	u16 number;
	unsigned cpu, n;
	atomic_bool ended;
	pthread_t thread;
};

struct message {
	struct nlmsghdr head;
	struct nfgenmsg of;
	struct nlattr attr;
	u8 value[16];
};

static void say(struct queue *q, u16 type, u16 attr, const void *value, u16 n)
{
	struct message m = { .head = { .nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | type,
				       .nlmsg_flags = NLM_F_REQUEST },
			     .of = { .version = NFNETLINK_V0, .res_id = htons(q->number) },
			     .attr = { .nla_type = attr, .nla_len = (u16)(NLA_HDRLEN + n) } };

	m.head.nlmsg_len = (u32)(NLMSG_LENGTH(sizeof(m.of)) + NLA_HDRLEN + NLA_ALIGN(n));
	memcpy(m.value, value, n);
	if (send(q->fd, &m, m.head.nlmsg_len, 0) < 0)
		err(2, "NFQUEUE");
}

static void accept_packet(struct queue *q, const struct nlmsghdr *head)
{
	const struct message *m = (const void *)head;
	struct nfqnl_msg_verdict_hdr verdict = { .verdict = htonl(NF_ACCEPT) };

	/* The kernel puts the head of the packet first. */
	if (head->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET) ||
	    m->attr.nla_type != NFQA_PACKET_HDR)
		errx(2, "NFQUEUE: message %x", head->nlmsg_type);
	memcpy(&verdict.id, m->value, sizeof(verdict.id));
	say(q, NFQNL_MSG_VERDICT, NFQA_VERDICT_HDR, &verdict, sizeof(verdict));
	q->n++;
}

static void stay_on(unsigned cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		err(2, "sched_setaffinity");
}

static void *let_go(void *arg)
{
	struct queue *q = arg;
	struct pollfd ready = { .fd = q->fd, .events = POLLIN };
	_Alignas(struct nlmsghdr) u8 in[8192];

	stay_on(q->cpu);
	while (!q->ended) {
		if (poll(&ready, 1, 20) != 1)
			continue;
		ssize_t n = recv(q->fd, in, sizeof(in), 0);
		if (n >= (ssize_t)sizeof(struct message) - 16)
			accept_packet(q, (const void *)in);
	}
	return NULL;
}

struct queue *queue_open(u16 number, unsigned cpu)
{
	struct nfqnl_msg_config_cmd bind_it = { .command = NFQNL_CFG_CMD_BIND };
	struct nfqnl_msg_config_params heads = { .copy_range = htonl(0),
						 .copy_mode = NFQNL_COPY_META };
	struct queue *q = calloc(1, sizeof(*q));
	int size = 4 << 20;

	if (!q)
		err(2, "a queue");
	*q = (struct queue){ .number = number, .cpu = cpu };
	q->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (q->fd < 0)
		err(2, "NFQUEUE");
	setsockopt(q->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	say(q, NFQNL_MSG_CONFIG, NFQA_CFG_CMD, &bind_it, sizeof(bind_it));
	say(q, NFQNL_MSG_CONFIG, NFQA_CFG_PARAMS, &heads, sizeof(heads));
	stay_on(!cpu);
	if (pthread_create(&q->thread, NULL, let_go, q))
		errx(2, "a thread");
	return q;
}

unsigned queue_close(struct queue *q)
{
	unsigned n;

	q->ended = true;
	pthread_join(q->thread, NULL);
	n = q->n;
	close(q->fd);
	free(q);
	return n;
}
