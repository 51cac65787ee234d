/* SPDX-License-Identifier: Apache-2.0 */
/* Dialogs: RFC 3261 12. */
#include <errno.h>
#include "sip/exchange_priv.h"

/* ---- what the peer says of itself ---- */

/* The URI of a Contact as it may stand in a Request-URI: sip: or sips: without "?headers" (19.1.1). */
static bool usable_target(struct str contact, struct str *target)
{
	struct sip_addr a;
	struct sip_uri u;
	struct str item;

	if (!contact.n || !sip_list_next(&contact, &item) || sip_addr_parse(item, &a) < 0 ||
	    sip_uri_parse(a.uri, &u) < 0 ||
	    (u.scheme != SIP_SCHEME_SIP && u.scheme != SIP_SCHEME_SIPS))
		return false;
	*target = (struct str){ a.uri.p, a.uri.n - u.headers.n };
	return true;
}

/* Record-Route into s->aux as the comma list of our Route: as it stands for a request, turned round
 * for a response (12.1.1, 12.1.2). Written from the end towards the front. */
static bool read_routes(struct sip *s, const struct sip_msg *m, struct str *routes)
{
	size_t cap = sizeof(s->aux), n = 0;
	struct str list, item;
	struct sip_addr a;
	char *at;

	for (const struct sip_hdr *h = sip_hdr_first(m, SIP_HDR_RECORD_ROUTE); h;
	     h = sip_hdr_next(m, h)) {
		list = sip_hdr_value(m, h);
		while (sip_list_next(&list, &item)) {
			if (sip_addr_parse(item, &a) < 0 || n + item.n + 2 > cap)
				return false;
			if (m->status) {
				at = s->aux + cap - n - item.n;
			} else {
				at = s->aux + n;
			}
			memcpy(at, item.p, item.n);
			n += item.n;
			at = m->status ? s->aux + cap - n - 2 : s->aux + n;
			memcpy(at, ", ", 2);
			n += 2;
		}
	}
	*routes = STR_NONE;
	if (n)
		*routes = (struct str){ m->status ? s->aux + cap - n + 2 : s->aux, n - 2 };
	return true;
}

unsigned dialog_peer_read(struct sip *s, const struct incoming *in, struct dialog_peer *p)
{
	const struct sip_msg *m = in->m;
	const struct sip_addr *who = m->status ? &in->c->to : &in->c->from;

	p->remote = sip_value(m, m->status ? SIP_HDR_TO : SIP_HDR_FROM);
	p->remote_tag = who->tag;
	p->target = who->uri;
	p->routes = STR_NONE;
	if (!usable_target(sip_value(m, SIP_HDR_CONTACT), &p->target))
		return 400;
	return read_routes(s, m, &p->routes) ? 0 : 400;
}

/* ---- names ---- */

_Static_assert(SIP_DATAGRAM_MAX <= UINT16_MAX + 1 && SIP_TOKEN_MAX < 1 << 13,
	       "an offset in a message fits, and the length of a tag");
static void set_remote_tag(struct dialog *d, const struct dialog_peer *p)
{
	d->tag_at = p->remote_tag.n ? (uint16_t)(p->remote_tag.p - p->remote.p) : 0;
	d->tag_len = p->remote_tag.n & 0x1fff;
}

size_t dialog_begin_room(const struct dialog_names *n)
{
	return arena_room(n->from.n + 5 + 2 * IDENT_LEN + n->contact_user.n);
}

int dialog_begin(struct sip *s, struct dialog *d, struct arena *a, const struct dialog_names *names)
{
	size_t n = names->from.n + 5 + IDENT_LEN;
	char *local = arena_alloc(a, n + IDENT_LEN + names->contact_user.n);
	struct buf b;

	if (!local)
		return -ENOMEM;
	buf_init(&b, local + n + IDENT_LEN, names->contact_user.n);
	buf_put(&b, names->contact_user);
	d->contact_user = buf_str(&b);
	buf_init(&b, local, n);
	buf_put(&b, names->from);
	buf_lit(&b, ";tag=");
	ident_random(s, local + b.n);
	d->local = (struct str){ local, n };
	ident_random(s, local + n);
	d->call_id = (struct str){ local + n, IDENT_LEN };
	d->local_cseq = 1;
	d->peer = d->hop = *names->hop;
	return 0;
}

int dialog_complete(struct sip *s, struct dialog *d, struct arena *a, const struct incoming *in)
{
	struct dialog_peer p;
	struct buf b;
	size_t n;
	char *mem;

	/* A Contact that cannot be used leaves the URI of To, which was good enough so far. */
	dialog_peer_read(s, in, &p);
	n = p.remote.n + p.target.n + p.routes.n;
	mem = arena_alloc(a, n);
	if (!mem)
		return -ENOMEM;
	buf_init(&b, mem, n);
	buf_put(&b, p.remote);
	buf_put(&b, p.routes);
	buf_put(&b, p.target);
	d->remote = (struct str){ mem, p.remote.n };
	set_remote_tag(d, &p);
	d->routes = (struct str){ mem + p.remote.n, p.routes.n };
	d->target = (struct str){ mem + n - p.target.n, p.target.n };
	d->target_cap = (uint16_t)p.target.n;
	d->open = false;
	dialog_set_hop(s, d);
	return 0;
}

static struct str user_called(const struct incoming *in)
{
	return in->c->ruri.scheme == SIP_SCHEME_SIP ? in->c->ruri.user : STR_NONE;
}

static size_t take_length(const struct incoming *in, const struct dialog_peer *p)
{
	return sip_value(in->m, SIP_HDR_TO).n + 5 + IDENT_LEN + in->c->call_id.n + p->remote.n +
	       p->routes.n + p->target.n + user_called(in).n;
}

size_t dialog_take_room(const struct incoming *in, const struct dialog_peer *p)
{
	return arena_room(take_length(in, p));
}

int dialog_take(struct sip *s, struct dialog *d, struct arena *a, const struct incoming *in,
		const struct dialog_peer *p)
{
	struct str call_id = in->c->call_id, to = sip_value(in->m, SIP_HDR_TO);
	struct str user = user_called(in);
	size_t local = to.n + 5 + IDENT_LEN, n = take_length(in, p);
	char *mem = arena_alloc(a, n);
	struct buf b;

	if (!mem)
		return -ENOMEM;
	buf_init(&b, mem, n);
	buf_put(&b, to);
	buf_lit(&b, ";tag=");
	d->local = (struct str){ mem, local };
	ident_random(s, mem + b.n);
	b.n += IDENT_LEN;
	d->call_id = (struct str){ mem + b.n, call_id.n };
	buf_put(&b, call_id);
	d->remote = (struct str){ mem + b.n, p->remote.n };
	set_remote_tag(d, p);
	buf_put(&b, p->remote);
	d->routes = (struct str){ mem + b.n, p->routes.n };
	buf_put(&b, p->routes);
	d->target = (struct str){ mem + b.n, p->target.n };
	d->target_cap = (uint16_t)p->target.n;
	buf_put(&b, p->target);
	d->contact_user = (struct str){ mem + b.n, user.n };
	buf_put(&b, user);
	d->remote_cseq = in->c->cseq.num;
	d->peer = in->source;
	dialog_set_hop(s, d);
	return 0;
}

/* ---- requests in a dialog ---- */

static bool is_loose(const struct sip_addr *route)
{
	struct sip_uri u;
	struct str val;

	return sip_uri_parse(route->uri, &u) < 0 || sip_param(u.params, STR("lr"), &val) == 1;
}

/* Request-URI and Route, 12.2.1.1. *route: the rest of the route set for a strict first router. */
static struct str request_uri(const struct dialog *d, struct str *rest, bool *strict)
{
	struct sip_addr first;
	struct sip_uri u;
	struct str item;

	*rest = d->routes;
	*strict = false;
	if (!rest->n || !sip_list_next(rest, &item) || sip_addr_parse(item, &first) < 0 ||
	    is_loose(&first)) {
		*rest = d->routes;
		return d->target;
	}
	*strict = true;
	if (sip_uri_parse(first.uri, &u) == 0)
		first.uri.n -= u.headers.n;
	return first.uri;
}

static void put_routes(struct buf *b, const struct dialog *d, struct str rest, bool strict)
{
	if (rest.n)
		sip_put_header(b, SIP_HDR_ROUTE, str_trim(rest));
	if (!strict)
		return;
	buf_lit(b, "Route: <");
	buf_put(b, d->target);
	buf_lit(b, ">\r\n");
}

void dialog_put_request(struct sip *s, const struct dialog *d, const struct dialog_request *r,
			struct buf *b)
{
	struct str rest, uri;
	bool strict;

	uri = request_uri(d, &rest, &strict);
	sip_put_request_line(b, r->method, uri);
	put_via(s, b, &d->hop, r->branch);
	buf_lit(b, "Max-Forwards: ");
	buf_u64(b, r->relayed ? r->max_forwards : 70);
	buf_lit(b, "\r\n");
	put_routes(b, d, rest, strict);
	sip_put_header(b, SIP_HDR_FROM, d->local);
	sip_put_header(b, SIP_HDR_TO, d->remote);
	sip_put_header(b, SIP_HDR_CALL_ID, d->call_id);
	put_cseq(b, r->cseq, r->method);
	if (r->contact)
		put_contact(s, b, &d->hop, d->contact_user);
	if (r->allow)
		put_allow(b);
	buf_put(b, r->lines);
	buf_put(b, r->headers);
	if (sip_method_of(r->method) != SIP_ACK)
		login_put(s, d->login, &d->hop, &(struct login_request){ r->method, uri, r->body },
			  b);
	sip_put_body(b, r->body_type, r->body);
}

/* What a URI says of the way to it. Without a transport it is the one that the peer has used with us: who
 * speaks TLS does not want its requests in clear, whatever its Contact leaves out. */
static bool uri_hop(struct str uri, const struct sip_hop *peer, struct sip_hop *hop)
{
	struct sip_uri u;
	struct str transport;

	*hop = *peer;
	if (sip_uri_parse(uri, &u) < 0)
		return false;
	if (u.scheme == SIP_SCHEME_SIPS)
		hop->transport = SIP_TLS;
	else if (sip_param(u.params, STR("transport"), &transport) == 1)
		hop->transport = (uint8_t)sip_transport_of(transport);
	if (hop->transport == SIP_TRANSPORTS)
		return false;
	if (hop->transport != peer->transport)
		hop->conn = 0;
	if (sip_uri_addr(&u, &hop->addr) < 0)
		return false;
	if (!u.port)
		hop->addr.port = sip_default_port(hop->transport);
	return true;
}

/* An address literal is believed only where it belongs to a known peer: a Contact must not aim our
 * requests at somebody else, its answers would be dropped anyway, and a peer behind NAT writes
 * there what cannot be reached. All the rest goes to where the peer's messages come from; on a stream by the
 * very connection while it lives. */
void dialog_set_hop(struct sip *s, struct dialog *d)
{
	struct str list = d->routes, item, uri = d->target;
	struct sip_addr a;
	struct sip_hop hop;

	d->hop = d->peer;
	if (list.n && sip_list_next(&list, &item) && sip_addr_parse(item, &a) == 0)
		uri = a.uri;
	if (!uri_hop(uri, &d->peer, &hop) || hop.addr.family != d->peer.addr.family)
		return;
	if (!sip_sent_by(s, &hop)->len)
		return; /* we do not speak that there */
	if (!addr_ip_eq(&hop.addr, &d->peer.addr))
		hop.conn = 0;
	hop.peer = (int16_t)s->user.peer_of(s->user.arg, &hop);
	if (hop.peer >= 0)
		d->hop = hop;
}

void dialog_refresh(struct sip *s, struct dialog *d, struct arena *a, const struct incoming *in)
{
	struct str target;
	char *room;

	d->peer = in->source;
	if (!usable_target(sip_value(in->m, SIP_HDR_CONTACT), &target))
		return;
	if (target.n > d->target_cap) {
		/* Doubled, so that a peer that changes it for ever costs no more than twice the
		 * longest. */
		size_t cap = target.n < UINT16_MAX / 2 ? 2 * target.n : UINT16_MAX;

		room = arena_alloc(a, cap);
		if (!room)
			return;
		d->target.p = room;
		d->target_cap = (uint16_t)cap;
	}
	memcpy((char *)d->target.p, target.p, target.n);
	d->target.n = target.n;
	dialog_set_hop(s, d);
}

/* ---- lookup ---- */

static bool same_dialog(const struct table_node *n, const void *key)
{
	const struct dialog *d = container_of(n, struct dialog, node);
	const struct sip_core *c = key;

	return str_eq(dialog_local_tag(d), c->to.tag) &&
	       (d->open || str_eq(dialog_remote_tag(d), c->from.tag)) &&
	       str_eq(d->call_id, c->call_id);
}

struct dialog *dialog_find(struct sip *s, const struct sip_core *c)
{
	struct table_node *n = table_find(
		&s->dialogs, table_hash(&s->dialogs, c->to.tag.p, c->to.tag.n), same_dialog, c);

	return n ? container_of(n, struct dialog, node) : NULL;
}

void dialog_register(struct sip *s, struct dialog *d)
{
	struct str tag = dialog_local_tag(d);

	table_add(&s->dialogs, &d->node, table_hash(&s->dialogs, tag.p, tag.n));
}

bool dialog_out_of_order(struct dialog *d, const struct incoming *in)
{
	/* Equal numbers would be a retransmission, which its transaction takes. */
	if (d->remote_cseq != CSEQ_UNKNOWN && in->c->cseq.num <= d->remote_cseq)
		return true;
	d->remote_cseq = in->c->cseq.num;
	return false;
}

/* ---- ACK and BYE ---- */

void dialog_new_branch(struct sip *s, char branch[BRANCH_LEN])
{
	memcpy(branch, COOKIE, COOKIE_LEN);
	ident_random(s, branch + COOKIE_LEN);
}

int dialog_ack(struct sip *s, const struct dialog *d, struct ctrans *ct, uint32_t cseq,
	       const struct dialog_request *body)
{
	struct dialog_request r = *body;
	char branch[BRANCH_LEN];
	struct buf b;

	dialog_new_branch(s, branch);
	r.method = STR("ACK");
	r.cseq = cseq;
	r.branch = branch;
	r.headers = login_of_invite(d->login, &d->hop);
	buf_init(&b, s->out, sizeof(s->out));
	dialog_put_request(s, d, &r, &b);
	if (!buf_ok(&b))
		return -EMSGSIZE;
	if (ct)
		ctrans_ack(ct, dialog_remote_tag(d), &d->hop, buf_str(&b));
	else
		sip_transmit(s, &d->hop, buf_str(&b));
	return 0;
}

struct ctrans *dialog_bye(struct sip *s, struct dialog *d, struct str headers, ctrans_fn *fn,
			  void *owner)
{
	char branch[BRANCH_LEN];
	struct dialog_request r = {
		.method = STR("BYE"), .cseq = ++d->local_cseq, .branch = branch, .headers = headers
	};
	struct ctrans_params p = {
		.method = SIP_BYE, .to = d->hop, .branch = branch, .fn = fn, .owner = owner
	};
	struct buf b;

	dialog_new_branch(s, branch);
	buf_init(&b, s->out, sizeof(s->out));
	dialog_put_request(s, d, &r, &b);
	if (!buf_ok(&b))
		return NULL;
	p.text = buf_str(&b);
	return ctrans_new(s, &p);
}

void dialog_stray(struct ctrans *ct, const struct incoming *in)
{
	const struct sip_core *c = in->c;
	struct dialog_request none = { .cseq = 0 };
	struct dialog_peer p;
	struct dialog d;
	bool own;

	dialog_peer_read(ct->sip, in, &p);
	d = (struct dialog){
		.call_id = c->call_id,
		.local = sip_value(in->m, SIP_HDR_FROM),
		.remote = p.remote,
		.target = p.target,
		.routes = p.routes,
		.local_cseq = c->cseq.num > ct->used_cseq ? c->cseq.num : ct->used_cseq,
		.peer = ct->to,
	};
	set_remote_tag(&d, &p);
	dialog_set_hop(ct->sip, &d);
	dialog_ack(ct->sip, &d, ct, c->cseq.num, &none);
	if (ct->in_dialog)
		return;
	count(ct->sip, COUNT_FORK_ENDED);
	own = d.hop.peer == ct->to.peer;
	dialog_bye(ct->sip, &d, STR_NONE, own ? login_stray : NULL, own ? ct->sip : NULL);
}
