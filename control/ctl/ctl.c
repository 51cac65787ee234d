/* SPDX-License-Identifier: Apache-2.0 */
/* The socket, its connections and the way of a query to the shards and back. */
#include "ctl/ctl_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_MAX 4096
#define CONNECTIONS 16   /* at once; more wait in the listen queue */
#define QUERIES     64   /* at once, those of clients that went away too */
#define QUERY_MS    5000 /* longer than the engine's own time limit and a second look */

/* One client: reads a line, is answered, is closed. */
struct connection {
	struct ctl *ctl;
	struct connection *next;
	struct loop_fd fd;
	struct timer limit; /* against clients that do not read or write */
	struct ctl_query *query;
	char request[REQUEST_MAX];
	size_t n_request;
	char *reply;
	size_t n_reply, sent;
};

/* Outlives its connection: shards may still hold its parts. */
struct ctl_query {
	struct ctl *ctl;
	struct connection *connection; /* NULL: the client is gone */
	const struct ctl_command *command;
	unsigned waiting;
	struct ctl_part parts[];
};

struct ctl {
	struct ctl_options o;
	struct mailbox *mailbox; /* parts come back here */
	struct loop_fd fd;
	struct connection *connections;
	unsigned n_connections, n_queries;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* ---- connections ---- */

static void connection_close(struct connection *c)
{
	struct ctl *ctl = c->ctl;
	struct connection **p = &ctl->connections;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	if (c->query)
		c->query->connection = NULL;
	timer_stop(ctl->o.loop, &c->limit);
	loop_fd_del(ctl->o.loop, &c->fd);
	close(c->fd.fd);
	free(c->reply);
	free(c);
	if (ctl->n_connections-- == CONNECTIONS)
		loop_fd_mod(ctl->o.loop, &ctl->fd, EPOLLIN);
}

static void connection_timeout(void *arg)
{
	connection_close(arg);
}

static void connection_write(struct connection *c)
{
	while (c->sent < c->n_reply) {
		ssize_t n = send(c->fd.fd, c->reply + c->sent, c->n_reply - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			loop_fd_mod(c->ctl->o.loop, &c->fd, EPOLLOUT);
			return;
		}
		if (n < 0)
			break;
		c->sent += (size_t)n;
	}
	connection_close(c);
}

/* Takes the reply over. */
static void connection_reply(struct connection *c, json_t *reply)
{
	char *text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;

	json_decref(reply);
	if (!text) {
		connection_close(c);
		return;
	}
	c->n_reply = strlen(text);
	text[c->n_reply++] = '\n'; /* in place of the NUL */
	c->reply = text;
	connection_write(c);
}

static void connection_error(struct connection *c, const char *what)
{
	connection_reply(c, json_pack("{s:b,s:s}", "ok", 0, "error", what));
}

/* ---- queries ---- */

static void query_free(struct ctl_query *q)
{
	for (unsigned i = 0; i < q->ctl->o.n_shards; i++)
		json_decref(q->parts[i].result);
	q->ctl->n_queries--;
	free(q);
}

static void query_finish(struct ctl_query *q)
{
	struct connection *c = q->connection;
	const char *error = NULL;
	json_t *reply;

	for (unsigned i = 0; i < q->ctl->o.n_shards; i++)
		if (q->parts[i].error)
			error = q->parts[i].error;
	if (c) {
		c->query = NULL;
		if (error) {
			connection_error(c, error);
		} else {
			reply = json_pack("{s:b}", "ok", 1);
			q->command->merge(&q->ctl->o, reply, q->parts, q->ctl->o.n_shards);
			connection_reply(c, reply);
		}
	}
	query_free(q);
}

static void part_returned(void *owner, void *data)
{
	struct ctl_part *part = data;

	if (--part->query->waiting == 0)
		query_finish(part->query);
}

void ctl_part_done(struct ctl_part *part)
{
	/* Holds as many as there can be parts on their way, so it cannot be full. */
	mailbox_post(part->query->ctl->mailbox, part_returned, part);
}

static void part_gather(void *owner, void *data)
{
	struct ctl_part *part = data;

	part->query->command->gather(part);
}

static void query_start(struct connection *c, const struct ctl_command *command, uint64_t id)
{
	struct ctl *ctl = c->ctl;
	unsigned n = command->all_shards ? ctl->o.n_shards : 1;
	struct ctl_query *q = NULL;

	if (ctl->n_queries < QUERIES)
		q = calloc(1, sizeof(*q) + ctl->o.n_shards * sizeof(q->parts[0]));
	if (!q) {
		connection_error(c, "too many questions at once; ask again");
		return;
	}
	/* A client may close its half after asking: only a hang-up counts until the answer is
	 * there. */
	loop_fd_mod(ctl->o.loop, &c->fd, 0);
	*q = (struct ctl_query){ .ctl = ctl, .connection = c, .command = command, .waiting = n };
	ctl->n_queries++;
	c->query = q;
	for (unsigned i = 0; i < n; i++) {
		struct ctl_part *part = &q->parts[i];

		part->query = q;
		part->options = &ctl->o;
		part->shard = &ctl->o.shards[i];
		part->call_id = id;
		if (mailbox_post(ctl->o.shards[i].mailbox, part_gather, part) < 0) {
			part->error = "a shard is too busy to answer; ask again";
			ctl_part_done(part);
		}
	}
}

static void request_run(struct connection *c)
{
	json_error_t e;
	json_t *request = json_loadb(c->request, c->n_request, JSON_REJECT_DUPLICATES, &e);
	const char *name = json_string_value(json_object_get(request, "cmd"));
	const char *id = json_string_value(json_object_get(request, "id"));
	const struct ctl_command *command = name ? ctl_command_find(name) : NULL;
	char *end = NULL;
	uint64_t n = id ? strtoull(id, &end, 16) : 0;

	if (!command)
		connection_error(c,
				 name ? "no such command"
				      : "not a request: one line of JSON with \"cmd\" is wanted");
	else if (command->wants_id && (!id || !*id || *end))
		connection_error(c, "this command wants \"id\", the hexadecimal id of a call");
	else
		query_start(c, command, n);
	json_decref(request);
}

static void connection_ready(void *arg, uint32_t events)
{
	struct connection *c = arg;
	ssize_t n;

	if (events & EPOLLOUT) {
		connection_write(c);
		return;
	}
	if (c->query || c->reply) { /* hung up while waiting */
		connection_close(c);
		return;
	}
	n = recv(c->fd.fd, c->request + c->n_request, sizeof(c->request) - c->n_request, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		connection_close(c);
		return;
	}
	c->n_request += (size_t)n;
	if (memchr(c->request, '\n', c->n_request))
		request_run(c);
	else if (c->n_request == sizeof(c->request))
		connection_error(c, "the request is too long");
}

/* ---- the socket ---- */

static void ctl_accept(void *arg, uint32_t events)
{
	struct ctl *ctl = arg;
	int fd = accept4(ctl->fd.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct connection *c;

	if (fd < 0)
		return;
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	c->ctl = ctl;
	c->fd = (struct loop_fd){
		.fd = fd, .events = EPOLLIN, .ready = connection_ready, .arg = c
	};
	timer_init(&c->limit, connection_timeout, c);
	if (loop_fd_add(ctl->o.loop, &c->fd) < 0) {
		close(fd);
		free(c);
		return;
	}
	timer_start(ctl->o.loop, &c->limit, QUERY_MS);
	c->next = ctl->connections;
	ctl->connections = c;
	if (++ctl->n_connections == CONNECTIONS)
		loop_fd_mod(ctl->o.loop, &ctl->fd, 0);
}

static int socket_listen(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sun.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* A file that nobody answers on is a dead process's. */
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0) {
		errno = EADDRINUSE;
		goto fail;
	}
	if (errno == ECONNREFUSED)
		unlink(path);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 && chmod(path, 0660) == 0 &&
	    listen(fd, CONNECTIONS) == 0)
		return fd;
fail:
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

struct ctl *ctl_new(const struct ctl_options *o)
{
	struct ctl *ctl = calloc(1, sizeof(*ctl));
	int fd = -1, err;

	if (!ctl)
		return NULL;
	ctl->o = *o;
	fd = socket_listen(o->conf->process.control);
	if (fd < 0)
		goto fail;
	memcpy(ctl->path, o->conf->process.control, strlen(o->conf->process.control));
	ctl->mailbox = mailbox_new(o->loop, (size_t)QUERIES * o->n_shards, ctl);
	if (!ctl->mailbox)
		goto fail;
	ctl->fd = (struct loop_fd){ .fd = fd, .events = EPOLLIN, .ready = ctl_accept, .arg = ctl };
	err = loop_fd_add(o->loop, &ctl->fd);
	if (err == 0)
		return ctl;
	errno = -err;
fail:
	err = errno;
	log_error(o->log, "control", "cannot listen on %s: %s%s", o->conf->process.control,
		  strerror(err), err == EADDRINUSE ? " (is another sluiced running?)" : "");
	if (ctl->mailbox)
		mailbox_free(ctl->mailbox);
	if (fd >= 0)
		close(fd);
	free(ctl);
	errno = err;
	return NULL;
}

void ctl_free(struct ctl *ctl)
{
	if (!ctl)
		return;
	while (ctl->connections)
		connection_close(ctl->connections);
	loop_fd_del(ctl->o.loop, &ctl->fd);
	close(ctl->fd.fd);
	unlink(ctl->path);
	mailbox_free(ctl->mailbox);
	free(ctl);
}
