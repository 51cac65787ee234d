/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/transport_priv.h"

#include <errno.h>
#include <stdlib.h>
#include "sip/source_filter.h"

static const char *const names[] = {
#define X(id, name) [TRANSPORT_##id] = name,
	TRANSPORT_COUNTERS(X)
#undef X
};

/* ---- mail ---- */

static int post(struct transport *t, unsigned shard, const struct transport_mail *mail,
		struct str text)
{
	int rc = t->o.foreign(t->o.arg, shard, mail, text.p, text.n);

	transport_count(t, rc < 0 ? TRANSPORT_FOREIGN_LOST : TRANSPORT_FOREIGN);
	return rc;
}

static int post_send(struct transport *t, unsigned shard, unsigned sender, const struct sip_hop *to,
		     struct str data)
{
	struct transport_mail mail = { .hop = *to, .kind = MAIL_SEND, .from = (uint8_t)sender };

	return shard < t->o.n_shards ? post(t, shard, &mail, data) : -ENOTCONN;
}

/* All shards give the same answer. */
static unsigned owner_of(const struct transport *t, const struct sip_hop *to)
{
	static const uint64_t key[2] = { 0x736c756963652d63, 0x6f6e6e656374696f };
	struct {
		struct addr addr;
		uint32_t network, transport;
	} what = { to->addr, to->network, to->transport };

	return (unsigned)(siphash(key, &what, sizeof(what)) % t->o.n_shards);
}

/* ---- in ---- */

static void arrived(struct transport *t, unsigned shard, const struct sip_hop *from, char *buf,
		    size_t len)
{
	struct transport_mail mail = { .hop = *from, .kind = MAIL_MESSAGE };

	if (shard == t->o.shard)
		t->o.receive(t->o.arg, from, buf, len);
	else
		post(t, shard, &mail, (struct str){ buf, len });
}

static void own_datagram(void *arg, const struct sip_hop *from, char *buf, size_t len)
{
	struct transport *t = arg;

	t->o.receive(t->o.arg, from, buf, len);
}

static void other_datagram(void *arg, unsigned shard, const struct sip_hop *from, const char *buf,
			   size_t len)
{
	struct transport_mail mail = { .hop = *from, .kind = MAIL_MESSAGE };

	post(arg, shard, &mail, (struct str){ buf, len });
}

/* The shard that would call that address learns of the connection, and of its end. */
static void note_alias(struct transport *t, const struct sip_hop *from, uint16_t port)
{
	struct transport_mail mail = { .hop = *from, .conn = from->conn, .kind = MAIL_ALIAS };
	unsigned owner;

	mail.hop.conn = 0;
	mail.hop.addr.port = port;
	owner = owner_of(t, &mail.hop);
	stream_watch(t->stream, from->conn, owner);
	if (owner == t->o.shard)
		transport_alias_add(t, &mail.hop, from->conn);
	else
		post(t, owner, &mail, STR_NONE);
}

static void from_stream(void *arg, const struct sip_hop *from, char *buf, size_t len)
{
	struct transport *t = arg;
	uint16_t port;

	if (from->transport == SIP_TLS && stream_ask_alias(t->stream, from->conn) &&
	    transport_alias_asked(buf, len, &port))
		note_alias(t, from, port);
	arrived(t, sip_steer(buf, len, t->o.n_shards), from, buf, len);
}

static void garbage(void *arg, const struct sip_hop *from, char *buf, size_t len, int error)
{
	struct transport *t = arg;

	t->o.garbage(t->o.arg, from, buf, len, error);
}

static int peer_of(void *arg, const struct sip_hop *from)
{
	struct transport *t = arg;

	return t->o.peer_of(t->o.arg, from);
}

/* ---- out ---- */

static void broken_here(struct transport *t, const struct sip_hop *to)
{
	transport_alias_drop(t, to->conn);
	t->o.broken(t->o.arg, to);
}

static void broken(void *arg, unsigned sender, const struct sip_hop *to)
{
	struct transport_mail mail = { .hop = *to, .kind = MAIL_BROKEN };
	struct transport *t = arg;

	if (sender == t->o.shard)
		broken_here(t, to);
	else
		post(t, sender, &mail, STR_NONE);
}

/* From this shard's streams, or from those of the shard whose connection stands for the address. */
static int send_here(struct transport *t, unsigned sender, const struct sip_hop *to,
		     struct str data)
{
	struct sip_hop by_alias = *to;
	int rc;

	if (!to->conn)
		by_alias.conn = transport_alias_of(t, to);
	if (!by_alias.conn || to->conn)
		return stream_send(t->stream, sender, to, data);
	if (stream_shard(by_alias.conn) != t->o.shard)
		return post_send(t, stream_shard(by_alias.conn), sender, &by_alias, data);
	rc = stream_send(t->stream, sender, &by_alias, data);
	return rc == -ENOTCONN ? stream_send(t->stream, sender, to, data) : rc;
}

int transport_send(void *transport, const struct sip_hop *to, struct str data)
{
	struct transport *t = transport;
	unsigned shard;

	if (to->transport == SIP_UDP)
		return udp_send(t->udp, to, data);
	shard = to->conn ? stream_shard(to->conn) : owner_of(t, to);
	return shard == t->o.shard ? send_here(t, shard, to, data)
				   : post_send(t, shard, t->o.shard, to, data);
}

/* ---- mail that came ---- */

/* 18.2.2: where the connection of the request is gone, the response goes to the port of its Via. */
static bool response_port(char *buf, size_t len, uint16_t usual, uint16_t *port)
{
	struct sip_msg m;
	struct sip_via v;
	struct str via;

	sip_msg_parse(&m, buf, len);
	via = sip_value(&m, SIP_HDR_VIA);
	if (!m.status || sip_via_parse(&via, &v) < 0)
		return false;
	*port = v.port ? v.port : usual;
	return true;
}

/* The core of the sender would have heard of it at once and tried again without it: so do we. */
static int send_anew(struct transport *t, const struct transport_mail *mail, char *buf, size_t len)
{
	struct sip_hop to = mail->hop;

	to.conn = 0;
	if (response_port(buf, len, sip_default_port(to.transport), &to.addr.port))
		transport_count(t, TRANSPORT_RESPONSE_VIA);
	return send_here(t, mail->from, &to, (struct str){ buf, len });
}

static void send_for(struct transport *t, const struct transport_mail *mail, char *buf, size_t len)
{
	int rc = send_here(t, mail->from, &mail->hop, (struct str){ buf, len });

	if (rc == -ENOTCONN && mail->hop.conn)
		rc = send_anew(t, mail, buf, len);
	if (rc < 0)
		broken(t, mail->from, &mail->hop);
}

void transport_foreign(struct transport *t, const struct transport_mail *mail, char *buf,
		       size_t len)
{
	switch ((enum transport_mail_kind)mail->kind) {
	case MAIL_MESSAGE:
		t->o.receive(t->o.arg, &mail->hop, buf, len);
		break;
	case MAIL_SEND:
		send_for(t, mail, buf, len);
		break;
	case MAIL_BROKEN:
		broken_here(t, &mail->hop);
		break;
	case MAIL_ALIAS:
		transport_alias_add(t, &mail->hop, mail->conn);
		break;
	}
}

/* ---- who is known ---- */

void transport_known(struct transport *t, uint16_t network, const struct prefix *known, unsigned n)
{
	const struct transport_network *net = &t->networks[network];

	for (unsigned i = 0; i < 2; i++) {
		uint8_t family = net->local[i].family;
		struct sock_fprog *f = family ? source_filter_new(family, known, n) : NULL;
		int rc = family && !f ? -errno : 0;

		if (!family)
			continue;
		if (udp_filter(t->udp, network, family, f) < 0)
			rc = udp_filter(t->udp, network, family, NULL);
		if (stream_filter(t->stream, network, family, f) < 0)
			rc = stream_filter(t->stream, network, family, NULL);
		if (rc < 0)
			log_info(
				t->o.log, "sip",
				"networks.%s: strangers are dropped here and not in the kernel: %s",
				net->name, strerror(-rc));
		free(f);
	}
}

void transport_shed(struct transport *t, const struct shed *shed)
{
	udp_shed(t->udp, shed);
}

size_t transport_connections(const struct transport *t)
{
	return stream_connections(t->stream);
}

void transport_counters(const struct transport *t,
			void (*fn)(void *arg, const char *name, uint64_t v), void *arg)
{
	udp_counters(t->udp, fn, arg);
	stream_counters(t->stream, fn, arg);
	for (unsigned i = 0; i < TRANSPORT_COUNTS; i++)
		fn(arg, names[i], t->counter[i]);
}

/* ---- life ---- */

static bool dial(void *arg, const struct sip_hop *to, struct stream_route *r)
{
	struct transport *t = arg;
	const struct transport_network *n;

	if (to->network >= t->o.n_networks)
		return false;
	n = &t->networks[to->network];
	r->dscp = n->dscp;
	for (unsigned i = 0; i < 2; i++)
		if (n->local[i].family == to->addr.family)
			r->local = n->local[i];
	if (!r->local.family)
		return false;
	return to->transport != SIP_TLS || transport_tls_route(t, to, r);
}

static struct udp *open_udp(struct transport *t)
{
	struct udp_listen *at = calloc(t->o.n_networks * 2 + 1, sizeof(*at));
	struct udp_options o = { .loop = t->o.loop,
				 .log = t->o.log,
				 .listen = at,
				 .shard = t->o.shard,
				 .n_shards = t->o.n_shards,
				 .peer_of = peer_of,
				 .receive = own_datagram,
				 .foreign = other_datagram,
				 .arg = t };
	struct udp *u;

	if (!at)
		return NULL;
	for (unsigned i = 0; i < t->o.n_networks * 2; i++) {
		const struct transport_network *n = &t->networks[i / 2];
		struct udp_listen *l = &at[o.n_listen];

		*l = (struct udp_listen){ n->local[i % 2], (uint16_t)(i / 2), n->dscp };
		l->local.port = n->port;
		o.n_listen += n->udp && n->port && l->local.family;
	}
	u = udp_new(&o);
	free(at);
	return u;
}

static void add_listeners(struct transport *t, unsigned network, struct stream_listen *at,
			  unsigned *n_at)
{
	const struct transport_network *n = &t->networks[network];
	struct tls_context *tls = transport_tls_listen(t, network);

	for (unsigned i = 0; i < 4; i++) {
		struct stream_listen l = { .local = n->local[i % 2],
					   .network = (uint16_t)network,
					   .dscp = n->dscp };

		l.tls = i < 2 ? NULL : tls;
		l.local.port = i < 2 ? n->port : n->tls_port;
		if (l.local.family && l.local.port && (i < 2 ? n->tcp : tls != NULL))
			at[(*n_at)++] = l;
	}
}

static struct stream *open_streams(struct transport *t)
{
	struct stream_listen *at = calloc(t->o.n_networks * 4 + 1, sizeof(*at));
	struct stream_options o = t->o.limits;
	struct stream *s;

	if (!at)
		return NULL;
	o.n_listen = 0;
	for (unsigned i = 0; i < t->o.n_networks; i++)
		add_listeners(t, i, at, &o.n_listen);
	o.loop = t->o.loop;
	o.log = t->o.log;
	o.listen = at;
	o.shard = t->o.shard;
	o.peer_of = peer_of;
	o.context = transport_tls_context;
	o.verify = transport_tls_verify;
	o.dial = dial;
	o.receive = from_stream;
	o.garbage = garbage;
	o.broken = broken;
	o.arg = t;
	s = stream_new(&o);
	free(at);
	return s;
}

static void *copy(const void *p, size_t n, size_t size)
{
	void *to = calloc(n + 1, size);

	if (to && n)
		memcpy(to, p, n * size);
	return to;
}

static int start(struct transport *t, const struct transport_options *o)
{
	uint64_t key[2];
	int rc;

	t->o = *o;
	t->networks = copy(o->networks, o->n_networks, sizeof(*t->networks));
	t->peers = copy(o->peers, o->n_peers, sizeof(*t->peers));
	loop_random(o->loop, key, sizeof(key));
	if (!t->networks || !t->peers || table_init(&t->aliases, key, 16) < 0)
		return -ENOMEM;
	rc = transport_tls_start(t);
	if (rc < 0)
		return rc;
	errno = ENOMEM;
	t->udp = open_udp(t);
	t->stream = t->udp ? open_streams(t) : NULL;
	return t->stream ? 0 : -errno;
}

struct transport *transport_new(const struct transport_options *o)
{
	struct transport *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return NULL;
	rc = start(t, o);
	if (rc == 0)
		return t;
	transport_free(t);
	errno = -rc;
	return NULL;
}

void transport_free(struct transport *t)
{
	if (!t)
		return;
	stream_free(t->stream);
	udp_free(t->udp);
	transport_tls_free(t);
	transport_alias_free(t);
	free(t->networks);
	free(t->peers);
	free(t);
}
