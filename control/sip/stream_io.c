/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "sip/stream_priv.h"

#define READS   4 /* before other descriptors have their turn */
#define OUT_MIN 2048

/* ---- out ---- */

int conn_events(struct conn *c)
{
	uint32_t events = (c->eof ? 0 : EPOLLIN) | (c->blocked ? EPOLLOUT : 0);

	if (c->state == CONN_DIALING)
		events = EPOLLOUT;
	return events == c->fd.events ? 0 : loop_fd_mod(c->stream->o.loop, &c->fd, events);
}

static struct str to_send(struct conn *c)
{
	if (c->tls)
		return tls_take(c->tls);
	if (!c->out)
		return STR_NONE;
	return (struct str){ c->out + c->out_at, c->out_n - c->out_at };
}

static void sent(struct conn *c, size_t n)
{
	if (c->tls)
		tls_taken(c->tls, n);
	else
		c->out_at += n;
	c->stalled = loop_now(c->stream->o.loop);
}

static void release(struct conn *c)
{
	free(c->out);
	c->out = NULL;
	c->out_at = c->out_n = c->out_cap = 0;
}

static void all_sent(struct conn *c)
{
	if (!c->tls && c->out)
		release(c);
	if (c->state == CONN_UP && c->eof && !c->owed)
		conn_shut(c, STREAM_PEER);
	if (c->state == CONN_SHUT && !c->fin && !c->owed && !to_send(c).n) {
		c->fin = true;
		shutdown(c->fd.fd, SHUT_WR);
	}
	if (c->state == CONN_SHUT && c->fin && c->eof)
		conn_kill(c, STREAM_OURSELVES);
}

void conn_flush(struct conn *c)
{
	bool was_blocked = c->blocked;
	struct str data;

	if (c->state == CONN_DIALING)
		return;
	c->blocked = false;
	while (!c->blocked && (data = to_send(c)).n) {
		ssize_t n = send(c->fd.fd, data.p, data.n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			sent(c, (size_t)n);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
			c->blocked = true;
		} else if (errno != EINTR) {
			conn_kill(c, STREAM_RESET);
			return;
		}
	}
	if (c->blocked && !was_blocked) {
		c->stalled = loop_now(c->stream->o.loop);
		conn_arm(c);
	}
	if (!c->blocked)
		all_sent(c);
	if (c->state != CONN_DEAD)
		conn_events(c);
}

/* Plain octets wait here; moved down before it grows. */
static int append(struct conn *c, struct str data)
{
	size_t cap = c->out_cap ? c->out_cap : OUT_MIN;
	char *out;

	if (c->out_cap - c->out_n < data.n && c->out_at) {
		memmove(c->out, c->out + c->out_at, c->out_n - c->out_at);
		c->out_n -= c->out_at;
		c->out_at = 0;
	}
	if (c->out_cap - c->out_n < data.n) {
		while (cap - c->out_n < data.n)
			cap *= 2;
		out = realloc(c->out, cap);
		if (!out)
			return -ENOMEM;
		c->out = out;
		c->out_cap = cap;
	}
	memcpy(c->out + c->out_n, data.p, data.n);
	c->out_n += data.n;
	return 0;
}

static bool is_shaking(const struct conn *c)
{
	return c->state == CONN_DIALING || c->state == CONN_SHAKING;
}

/* What it waits for is bounded: who does not read is no loss. */
static int put(struct conn *c, struct str data)
{
	bool plain = !c->tls || is_shaking(c);
	size_t waiting = plain ? c->out_n - c->out_at : to_send(c).n;
	size_t max = c->stream->o.send_buffer;
	int rc;

	if ((c->state == CONN_SHUT && !conn_owes(c)) || c->state == CONN_DEAD)
		return -ENOTCONN;
	/* TLS adds to what was let in, so that more than the bound may wait. */
	if (waiting > max || data.n > max - waiting) {
		conn_kill(c, STREAM_SEND_BUFFER);
		return -ENOBUFS;
	}
	rc = plain ? append(c, data) : tls_write(c->tls, data.p, data.n);
	if (rc < 0) {
		conn_kill(c, rc == -ENOMEM ? STREAM_MEMORY : STREAM_TLS_FAILED);
		return rc;
	}
	stream_dirty(c);
	return 0;
}

static bool is_final(struct str data)
{
	return data.n > 8 && memcmp(data.p, "SIP/2.0 ", 8) == 0 && data.p[8] >= '2';
}

int conn_queue(struct conn *c, struct str data)
{
	int rc = put(c, data);

	if (rc < 0)
		return rc;
	c->used = true;
	c->active = loop_now(c->stream->o.loop);
	if (c->owed && is_final(data))
		c->owed--;
	if (c->state == CONN_SHUT && !c->owed && c->tls)
		tls_close(c->tls);
	return 0;
}

/* ---- in: messages ---- */

bool conn_wants_answer(const char *msg, size_t len)
{
	return len > 4 && memcmp(msg, "SIP/", 4) != 0 && memcmp(msg, "ACK ", 4) != 0;
}

static void message(struct conn *c, char *msg, size_t len)
{
	struct stream *s = c->stream;
	struct sip_hop from = c->hop;

	c->spoke = true;
	c->owed += conn_wants_answer(msg, len);
	stream_count(s, STREAM_MESSAGES);
	s->o.receive(s->o.arg, &from, msg, len);
}

static void garbage(struct conn *c, char *msg, size_t len, int error)
{
	struct stream *s = c->stream;
	struct sip_hop from = c->hop;

	c->owed += conn_wants_answer(msg, len);
	s->o.garbage(s->o.arg, &from, msg, len, error);
	conn_shut_answered(c, STREAM_FRAMING);
}

/* A message that begins behind another one has its own time. */
static void note_pending(struct conn *c, bool whole)
{
	uint64_t now = loop_now(c->stream->o.loop);

	if (whole)
		c->active = now;
	if (!frame_pending(c->frame))
		c->pending = 0;
	else if (whole || !c->pending)
		c->pending = now;
	conn_arm(c);
}

/* Any callback may end the connection. */
static void take_messages(struct conn *c)
{
	bool whole = false;
	enum frame_got got;
	char *msg;
	size_t len;
	int error;

	while (c->state == CONN_UP &&
	       (got = frame_next(c->frame, &msg, &len, &error)) != FRAME_MORE) {
		whole = true;
		if (got == FRAME_MESSAGE) {
			message(c, msg, len);
		} else if (got == FRAME_LOST) {
			garbage(c, msg, len, error);
		} else {
			stream_count(c->stream, STREAM_PINGS);
			put(c, STR("\r\n"));
		}
	}
	if (c->state == CONN_UP)
		note_pending(c, whole);
}

/* The peer has said its last: what we asked will not be answered, but it may wait for our answers. */
static void at_end(struct conn *c)
{
	c->eof = true;
	if (is_shaking(c)) {
		conn_kill(c, STREAM_PEER);
	} else if (c->state == CONN_UP && !c->owed) {
		conn_shut(c, STREAM_PEER);
	} else if (c->state == CONN_UP) {
		stream_forget(c);
		stream_gone(c);
		c->pending = 0;
		conn_start(c, CONN_UP);
	}
	if (c->state != CONN_DEAD)
		conn_flush(c);
}

/* ---- in: octets ---- */

/* Octets that were read, or 0: the kernel has no more, or the connection is over. */
static size_t read_some(struct conn *c, char *to, size_t room)
{
	ssize_t n;

	do
		n = recv(c->fd.fd, to, room, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return (size_t)n;
	if (n == 0)
		at_end(c);
	else if (errno != EAGAIN && errno != EWOULDBLOCK)
		conn_kill(c, STREAM_RESET);
	return 0;
}

/* True: there may be more. */
static bool read_plain(struct conn *c)
{
	size_t room, n;
	char *to = frame_room(c->frame, &room);

	if (!to) {
		conn_kill(c, STREAM_MEMORY);
		return false;
	}
	n = read_some(c, to, room);
	if (n == 0)
		return false;
	frame_filled(c->frame, n);
	take_messages(c);
	return n == room;
}

static void take_plain(struct conn *c)
{
	while (c->state == CONN_UP) {
		size_t room, n;
		char *to = frame_room(c->frame, &room);

		if (!to) {
			conn_kill(c, STREAM_MEMORY);
			return;
		}
		n = tls_read(c->tls, to, room);
		if (n == 0)
			return;
		frame_filled(c->frame, n);
		take_messages(c);
	}
}

/* The handshake is done: is it who it should be? */
static void tls_is_up(struct conn *c)
{
	struct stream *s = c->stream;
	enum stream_verdict v = STREAM_TAKEN;
	int rc = 0;

	if (c->accepted)
		v = s->o.verify(s->o.arg, &c->hop, c->tls);
	if (v == STREAM_REFUSED) {
		conn_kill(c, STREAM_TLS_NAME);
		return;
	}
	c->proven = v == STREAM_PROVEN;
	conn_start(c, CONN_UP);
	if (c->out)
		rc = tls_write(c->tls, c->out + c->out_at, c->out_n - c->out_at);
	release(c);
	if (rc < 0)
		conn_kill(c, STREAM_MEMORY);
}

static void tls_is_lost(struct conn *c)
{
	char text[ADDR_STR_MAX];

	log_info(c->stream->o.log, "sip", "TLS with %s: %s", addr_print(&c->hop.addr, text),
		 tls_why(c->tls));
	conn_flush(c); /* the alert */
	conn_kill(c, STREAM_TLS_FAILED);
}

static bool read_tls(struct conn *c)
{
	struct stream *s = c->stream;
	size_t n = read_some(c, s->wire, sizeof(s->wire));
	enum tls_state state;

	if (n == 0)
		return false;
	state = tls_feed(c->tls, s->wire, n);
	if (c->state == CONN_SHAKING && state == TLS_UP)
		tls_is_up(c);
	if (c->state == CONN_DEAD)
		return false;
	stream_dirty(c);
	take_plain(c);
	if (c->state != CONN_DEAD && state == TLS_FAILED)
		tls_is_lost(c);
	else if (c->state != CONN_DEAD && state == TLS_CLOSED && !c->eof)
		at_end(c);
	return n == sizeof(s->wire);
}

/* After our last word: what still comes is thrown away until the peer's FIN. */
static bool read_nothing(struct conn *c)
{
	return read_some(c, c->stream->wire, sizeof(c->stream->wire)) > 0;
}

static void read_ready(struct conn *c)
{
	bool more = true;

	for (unsigned i = 0; i < READS && more && !c->eof && c->state != CONN_DEAD; i++) {
		if (c->state == CONN_SHUT)
			more = read_nothing(c);
		else
			more = c->tls ? read_tls(c) : read_plain(c);
	}
}

void conn_up(struct conn *c)
{
	conn_start(c, c->tls ? CONN_SHAKING : CONN_UP);
	conn_events(c);
	stream_dirty(c);
}

void conn_ready(void *arg, uint32_t events)
{
	struct conn *c = arg;

	if (c->state == CONN_DIALING) {
		conn_dialled(c);
		return;
	}
	if (events & EPOLLOUT)
		conn_flush(c);
	if (c->state == CONN_DEAD)
		return;
	if (c->eof && events & (EPOLLHUP | EPOLLERR))
		conn_kill(c, STREAM_RESET);
	else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		read_ready(c);
}
