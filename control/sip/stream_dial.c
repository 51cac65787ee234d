/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include "sip/stream_priv.h"

/* From the address that the neighbour knows, any port. */
static int come_from(int fd, const struct addr *local)
{
	struct sockaddr_storage ss;
	struct addr a = *local;
	socklen_t len;
	int on = 1;

	if (a.family == 0)
		return 0;
	a.port = 0;
	len = addr_to_sockaddr(&a, &ss);
	/* The port is chosen when the other end is known: many may share one. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return bind(fd, (struct sockaddr *)&ss, len) < 0 ? -errno : 0;
}

static int begin(const struct sip_hop *to, const struct addr *local, uint8_t dscp)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&to->addr, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc;

	if (fd < 0)
		return -errno;
	rc = stream_mark(fd, to->addr.family, dscp);
	if (rc == 0)
		rc = come_from(fd, local);
	if (rc == 0 && connect(fd, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS)
		rc = -errno;
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

static int connect_to(const struct sip_hop *to, const struct stream_route *r)
{
	int fd = begin(to, &r->local, r->dscp);

	if (fd >= 0 || fd == -ENOMEM)
		return fd;
	return -ENETUNREACH;
}

int stream_dial(struct stream *s, const struct sip_hop *to, struct conn **out)
{
	struct stream_route r = { 0 };
	struct conn *c;
	int fd;

	if (s->n >= s->o.max_connections) {
		stream_count(s, STREAM_FULL);
		return -ENOBUFS;
	}
	if (!s->o.dial(s->o.arg, to, &r) || (to->transport == SIP_TLS && !r.tls))
		return -ENETUNREACH;
	fd = connect_to(to, &r);
	if (fd < 0) {
		stream_count(s, STREAM_NO_CONNECT);
		return fd;
	}
	c = conn_new(s, fd, to, CONN_DIALING);
	if (!c)
		return -ENOMEM;
	if (to->transport == SIP_TLS && conn_set_tls(c, r.tls, r.name) < 0) {
		conn_kill(c, STREAM_MEMORY);
		return -ENOMEM;
	}
	stream_count(s, STREAM_DIALLED);
	*out = c;
	return 0;
}

void conn_dialled(struct conn *c)
{
	char text[ADDR_STR_MAX];
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(c->fd.fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	if (err == 0) {
		conn_up(c);
		return;
	}
	log_info(c->stream->o.log, "sip", "cannot connect to %s %s: %s",
		 sip_transport_name(c->hop.transport), addr_print(&c->hop.addr, text),
		 strerror(err));
	conn_kill(c, STREAM_NO_CONNECT);
}
