/* SPDX-License-Identifier: Apache-2.0 */
/* How long anybody may take. A connection has one timer: it is moved only to fire earlier, and when it
 * fires too early it is set again, so that a busy connection costs no timer work. */
#include "sip/stream_priv.h"

#define LINGER_MS    2000  /* for the peer's FIN after ours */
#define HALF_MS      32000 /* after the peer's FIN for the answers it still waits for: 64*T1 */
#define USED_IS_IDLE 5     /* times idle_ms: a connection that has carried our messages */

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t first_message_end(const struct conn *c)
{
	return c->accepted && !c->spoke ? c->since + c->stream->o.first_message_ms : UINT64_MAX;
}

static uint64_t message_end(const struct conn *c)
{
	return c->pending ? c->pending + c->stream->o.message_ms : UINT64_MAX;
}

static uint64_t stall_end(const struct conn *c)
{
	return c->blocked ? c->stalled + c->stream->o.message_ms : UINT64_MAX;
}

static uint64_t idle_end(const struct conn *c)
{
	uint64_t ms = c->stream->o.idle_ms;

	if (c->eof)
		return c->since + HALF_MS;
	return c->active + (c->used || c->owed ? ms * USED_IS_IDLE : ms);
}

static uint64_t up_end(const struct conn *c)
{
	return sooner(sooner(first_message_end(c), message_end(c)),
		      sooner(stall_end(c), idle_end(c)));
}

static uint64_t end_of(const struct conn *c)
{
	const struct stream_options *o = &c->stream->o;

	switch ((enum conn_state)c->state) {
	case CONN_DIALING:
		return c->since + o->connect_ms;
	case CONN_SHAKING:
		return c->since + o->handshake_ms;
	case CONN_UP:
		return up_end(c);
	case CONN_SHUT:
		return c->since + LINGER_MS;
	case CONN_DEAD:
		break;
	}
	return UINT64_MAX;
}

void conn_arm(struct conn *c)
{
	struct loop *l = c->stream->o.loop;
	uint64_t end = end_of(c), now = loop_now(l);

	/* The loop adds one millisecond. */
	if (end == UINT64_MAX || (timer_is_set(&c->timer) && c->timer.expiry <= end + 1))
		return;
	timer_start(l, &c->timer, end > now ? end - now : 0);
}

/* The body is shorter than Content-Length says, or the rest of it never came: the peer is told, as
 * far as its headers can be read (RFC 4475 3.1.2.2). */
static void end_message(struct conn *c, enum stream_count why)
{
	struct stream *s = c->stream;
	struct sip_hop from = c->hop;
	char *msg;
	size_t len;

	if (frame_partial(c->frame, &msg, &len)) {
		c->owed += conn_wants_answer(msg, len);
		s->o.garbage(s->o.arg, &from, msg, len, -SIP_E_LENGTH);
		conn_shut_answered(c, why);
	} else {
		conn_kill(c, why);
	}
}

static void end_up(struct conn *c, uint64_t now)
{
	if (message_end(c) <= now)
		end_message(c, STREAM_DRIBBLE);
	else if (first_message_end(c) <= now)
		end_message(c, STREAM_NO_MESSAGE);
	else if (stall_end(c) <= now)
		conn_kill(c, STREAM_STALLED);
	else
		conn_shut(c, c->eof ? STREAM_PEER : STREAM_IDLE);
}

void conn_timer(void *arg)
{
	struct conn *c = arg;
	uint64_t now = loop_now(c->stream->o.loop);

	if (end_of(c) > now)
		conn_arm(c);
	else if (c->state == CONN_DIALING)
		conn_kill(c, STREAM_NO_CONNECT);
	else if (c->state == CONN_SHAKING)
		conn_kill(c, STREAM_NO_HANDSHAKE);
	else if (c->state == CONN_UP)
		end_up(c, now);
	else
		conn_kill(c, STREAM_OURSELVES);
}
