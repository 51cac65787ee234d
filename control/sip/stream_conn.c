/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "sip/stream_priv.h"

static uint32_t first_events(enum conn_state state)
{
	return state == CONN_DIALING ? EPOLLOUT : EPOLLIN;
}

struct conn *conn_new(struct stream *s, int fd, const struct sip_hop *hop, enum conn_state state)
{
	struct conn *c = calloc(1, sizeof(*c));
	int rc = -ENOMEM;

	if (c && (c->frame = frame_new())) {
		c->stream = s;
		c->fd = (struct loop_fd){ fd, first_events(state), conn_ready, c };
		rc = loop_fd_add(s->o.loop, &c->fd);
	}
	if (rc < 0) {
		if (c)
			frame_free(c->frame);
		free(c);
		close(fd);
		errno = -rc;
		return NULL;
	}
	c->hop = *hop;
	c->hop.conn = stream_new_id(s);
	c->active = loop_now(s->o.loop);
	timer_init(&c->timer, conn_timer, c);
	stream_add(c);
	conn_start(c, state);
	return c;
}

void conn_free(struct conn *c)
{
	frame_free(c->frame);
	tls_free(c->tls);
	free(c->out);
	free(c);
}

void conn_start(struct conn *c, enum conn_state state)
{
	c->state = (uint8_t)state;
	c->since = loop_now(c->stream->o.loop);
	conn_arm(c);
}

int conn_set_tls(struct conn *c, struct tls_context *context, const char *name)
{
	char text[ADDR_STR_MAX];

	c->tls = tls_new(context, name, name ? str_of(addr_print(&c->hop.addr, text)) : STR_NONE);
	return c->tls ? 0 : -ENOMEM;
}

void conn_kill(struct conn *c, enum stream_count why)
{
	struct stream *s = c->stream;

	if (c->state == CONN_DEAD)
		return;
	if (c->state != CONN_SHUT)
		stream_count(s, why);
	stream_remove(c);
	c->state = CONN_DEAD;
	timer_stop(s->o.loop, &c->timer);
	loop_fd_del(s->o.loop, &c->fd);
	close(c->fd.fd);
	if (c->source)
		source_leave(s, c->source, &c->hop);
	c->source = NULL;
	stream_gone(c);
}

void conn_shut(struct conn *c, enum stream_count why)
{
	c->owed = 0;
	conn_shut_answered(c, why);
}

void conn_shut_answered(struct conn *c, enum stream_count why)
{
	if (c->state != CONN_UP) {
		if (c->state != CONN_SHUT)
			conn_kill(c, why);
		return;
	}
	stream_count(c->stream, why);
	stream_forget(c);
	if (c->tls && !c->owed)
		tls_close(c->tls);
	conn_start(c, CONN_SHUT);
	stream_gone(c);
	stream_dirty(c);
}
