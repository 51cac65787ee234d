/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "fuzz.h"

#define HEAD (NLMSG_HDRLEN + GENL_HDRLEN)

void link_open(struct link *l, struct round *r)
{
	int on = 1;

	l->r = r;
	l->seq = 0;
	memset(l->asked, 0, sizeof(l->asked));
	l->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (l->fd < 0)
		wrong(r, "no netlink socket: %s", strerror(errno));
	/* An error would else bring the request back, with its keys. */
	setsockopt(l->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(l->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
}

void link_close(struct link *l)
{
	close(l->fd);
}

int link_send(struct link *l, const void *p, size_t n)
{
	atomic_fetch_add(&l->r->tally->requests, 1);
	return send(l->fd, p, n, MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* ---- what is told ---- */

/* HELLO, DEL and DUMP are answered by a message of their own, the others by an acknowledgement: one is counted. */
static bool has_answer(u8 cmd)
{
	return cmd == FLOW_CMD_HELLO || cmd == FLOW_CMD_DEL || cmd == FLOW_CMD_DUMP;
}

static void count_ack(struct link *l, const struct nlmsghdr *nh)
{
	u8 cmd = l->asked[nh->nlmsg_seq % sizeof(l->asked)];

	if (nh->nlmsg_type == NLMSG_DONE)
		atomic_fetch_add(&l->r->tally->done[FLOW_CMD_DUMP], 1);
	else if (cmd <= FLOW_CMD_MAX && !has_answer(cmd))
		atomic_fetch_add(&l->r->tally->done[cmd], 1);
}

static void judge_error(struct link *l, struct answer *a, const struct nlmsghdr *nh)
{
	int32_t err;

	if (nh->nlmsg_len < NLMSG_HDRLEN + sizeof(err))
		wrong(l->r, "a short error");
	memcpy(&err, (const u8 *)nh + NLMSG_HDRLEN, sizeof(err));
	if (err > 0 || err < -4095)
		wrong(l->r, "error %d", err);
	a->err = err;
	if (nh->nlmsg_type == NLMSG_ERROR)
		atomic_fetch_add(err ? &l->r->tally->refused : &l->r->tally->taken, 1);
	if (!err)
		count_ack(l, nh);
}

static void judge_flow(struct link *l, const struct tlv_msg *m)
{
	struct tlv_report report;
	const char *why = "";

	if (tlv_get_report(m, &report, &why))
		wrong(l->r, "a report that cannot be read: %s", why);
	for (unsigned i = 0; i < 2; i++)
		if (report.flow.side[i].in.suite >= FLOW_SUITE_COUNT ||
		    report.flow.side[i].out.suite >= FLOW_SUITE_COUNT)
			wrong(l->r, "a report with an unknown suite");
		else
			atomic_fetch_or(&l->r->tally->suites,
					1u << report.flow.side[i].in.suite |
						1u << report.flow.side[i].out.suite);
	atomic_fetch_add(&l->r->tally->dumped, 1);
}

static void judge_event(struct link *l, const struct tlv_msg *m)
{
	struct tlv_event e;
	const char *why = "";

	if (tlv_get_event(m, &e, &why))
		wrong(l->r, "an event that cannot be read: %s", why);
	atomic_fetch_add(&l->r->tally->events, 1);
}

static void judge_message(struct link *l, struct answer *a)
{
	const void *at = a->message;
	size_t left = a->n;
	struct tlv_msg m;

	if (tlv_next(&at, &left, &m) != 1)
		wrong(l->r, "attributes that cannot be read, in an answer of command %u", a->cmd);
	if (a->cmd == FLOW_CMD_EVENT)
		judge_event(l, &m);
	else if (m.attr[FLOW_A_SIDE0])
		judge_flow(l, &m);
	const struct nlmsghdr *nh = (const void *)a->message;
	if (has_answer(a->cmd) && !(nh->nlmsg_flags & NLM_F_MULTI))
		atomic_fetch_add(&l->r->tally->done[a->cmd], 1);
}

bool link_next(struct link *l, size_t *at, struct answer *a)
{
	const struct nlmsghdr *nh = (const void *)(l->in + *at);

	*a = (struct answer){ .message = l->in + *at, .n = nh->nlmsg_len };
	if (!nh->nlmsg_len)
		return false;
	*at += NLMSG_ALIGN(nh->nlmsg_len);
	a->done = nh->nlmsg_type == NLMSG_DONE;
	if (nh->nlmsg_type == NLMSG_ERROR || a->done)
		judge_error(l, a, nh);
	else
		a->cmd = ((const struct genlmsghdr *)(a->message + NLMSG_HDRLEN))->cmd;
	return true;
}

/* `n` octets are in l->in, and room for the header of length 0 behind them that says so. */
static void judge(struct link *l, size_t n)
{
	size_t at = 0;

	if (memmem(l->in, n, l->r->mark, sizeof(l->r->mark)))
		wrong(l->r, "octets of a key in an answer");
	while (at < n) {
		const struct nlmsghdr *nh = (const void *)(l->in + at);
		size_t start = at;
		struct answer a;
		if (n - at < NLMSG_HDRLEN || nh->nlmsg_len < NLMSG_HDRLEN || nh->nlmsg_len > n - at)
			wrong(l->r, "a message of a wrong length");
		if (nh->nlmsg_type >= NLMSG_MIN_TYPE &&
		    (nh->nlmsg_type != l->r->family || nh->nlmsg_len < HEAD))
			wrong(l->r, "a message of type %u and %u octets", nh->nlmsg_type,
			      nh->nlmsg_len);
		if (link_next(l, &at, &a) && a.cmd)
			judge_message(l, &a);
		if (at <= start)
			wrong(l->r, "a message of no length");
	}
}

int link_read(struct link *l, int wait_ms)
{
	struct pollfd pfd = { l->fd, POLLIN, 0 };

	if (wait_ms && poll(&pfd, 1, wait_ms) <= 0)
		return 0;
	ssize_t n = recv(l->fd, l->in, sizeof(l->in) - NLMSG_HDRLEN, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if ((size_t)n > sizeof(l->in) - NLMSG_HDRLEN)
		wrong(l->r, "a datagram of %zd octets", n);
	memset(l->in + NLMSG_ALIGN((size_t)n), 0, NLMSG_HDRLEN);
	judge(l, (size_t)n);
	return 1;
}

void link_drain(struct link *l)
{
	for (unsigned i = 0; i < 64; i++)
		if (!link_read(l, 0))
			break;
}
