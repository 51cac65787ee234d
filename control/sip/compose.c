/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of requests and responses: what the core writes into every message. */
#include "sip/scan_priv.h"
#include "sip/core_priv.h"

static const char allow[] =
	"INVITE, ACK, BYE, CANCEL, PRACK, UPDATE, OPTIONS, INFO, MESSAGE, NOTIFY, PUBLISH, REFER, "
	"SUBSCRIBE";
const struct str sip_allow = { allow, sizeof(allow) - 1 };

void put_line(struct buf *b, const char *name, struct str value)
{
	buf_put(b, str_of(name));
	buf_lit(b, ": ");
	buf_put(b, value);
	buf_lit(b, "\r\n");
}

void put_allow(struct buf *b)
{
	sip_put_header(b, SIP_HDR_ALLOW, sip_allow);
}

void put_via(struct sip *s, struct buf *b, const struct sip_hop *to, const char branch[BRANCH_LEN])
{
	const struct sent_by *by = sip_sent_by(s, to);

	buf_lit(b, "Via: SIP/2.0/");
	buf_put(b, str_of(sip_transport_name(to->transport)));
	buf_lit(b, " ");
	buf_add(b, by->text, by->len);
	buf_lit(b, ";rport;branch=");
	buf_add(b, branch, BRANCH_LEN);
	if (sip_speaks_oc(s, to->peer))
		buf_lit(b, ";oc;oc-algo=\"loss\"");
	buf_lit(b, "\r\n");
}

/* RFC 5630 5.1.1.1 would have sips for TLS; what carriers and phones understand is the parameter. */
void put_contact(struct sip *s, struct buf *b, const struct sip_hop *to, struct str user)
{
	const struct sent_by *by = sip_sent_by(s, to);

	buf_lit(b, "Contact: <sip:");
	if (user.n) {
		buf_put(b, user);
		buf_lit(b, "@");
	}
	buf_add(b, by->text, by->len);
	if (to->transport == SIP_TCP)
		buf_lit(b, ";transport=tcp");
	else if (to->transport == SIP_TLS)
		buf_lit(b, ";transport=tls");
	buf_lit(b, ">\r\n");
}

void put_cseq(struct buf *b, uint32_t num, struct str method)
{
	buf_lit(b, "CSeq: ");
	buf_u64(b, num);
	buf_lit(b, " ");
	buf_put(b, method);
	buf_lit(b, "\r\n");
}

void put_param(struct buf *b, struct str name, struct str val)
{
	buf_lit(b, ";");
	buf_put(b, name);
	if (val.p) {
		buf_lit(b, "=");
		buf_put(b, val);
	}
}

/* oc, oc-algo, oc-validity, oc-seq: RFC 7339 9. */
static bool is_oc(struct str name)
{
	const struct str oc = STR("oc");

	return name.n >= oc.n && str_caseeq((struct str){ name.p, oc.n }, oc) &&
	       (name.n == oc.n || name.p[oc.n] == '-');
}

/* RFC 3261 18.2.1, RFC 3581 4. `received` is put in always: a server may, and it keeps a peer from
 * putting in a false one. */
static void put_top_via(struct sip *s, struct buf *b, const struct sip_via *v,
			const struct sip_hop *hop)
{
	struct str params = v->params, name, val;
	const struct addr *source = &hop->addr;
	bool oc = sip_speaks_oc(s, hop->peer), offered = false;

	buf_lit(b, "Via: SIP/2.0/");
	buf_put(b, v->transport);
	buf_lit(b, " ");
	buf_put(b, v->host);
	if (v->port) {
		buf_lit(b, ":");
		buf_u64(b, v->port);
	}
	while (sip_param_next(&params, &name, &val) > 0) {
		if (str_caseeq(name, STR("received")) || str_caseeq(name, STR("rport")))
			continue;
		if (oc && is_oc(name))
			offered = offered || name.n == 2;
		else
			put_param(b, name, val);
	}
	if (offered)
		s->oc.put(s->oc.arg, hop->peer, b);
	buf_lit(b, ";received=");
	addr_put_sdp(b, source);
	if (v->has_rport) {
		buf_lit(b, ";rport=");
		buf_u64(b, source->port);
	}
	buf_lit(b, "\r\n");
}

static void put_all(struct buf *b, const struct sip_msg *m, const struct sip_hdr *h,
		    enum sip_hdr_id id)
{
	for (; h; h = sip_hdr_next(m, h))
		sip_put_header(b, id, sip_hdr_value(m, h));
}

bool echo_read(struct sip *s, struct echo *e, const struct sip_msg *m, const struct sip_core *c,
	       const struct sip_hop *source)
{
	const struct sip_hdr *h = sip_hdr_first(m, SIP_HDR_VIA);
	struct sip_via via;
	struct sip_addr to;
	struct str rest = STR_NONE;
	struct buf b;

	*e = (struct echo){
		.from = sip_value(m, SIP_HDR_FROM),
		.to = sip_value(m, SIP_HDR_TO),
		.call_id = sip_value(m, SIP_HDR_CALL_ID),
		.cseq = sip_value(m, SIP_HDR_CSEQ),
		.timestamp = sip_value(m, SIP_HDR_TIMESTAMP),
	};
	if (!h || !e->cseq.n)
		return false;
	buf_init(&b, s->aux, sizeof(s->aux));
	if (c && c->n_via == 1) { /* nearly always: nothing is read twice */
		put_top_via(s, &b, &c->via, source);
	} else {
		rest = sip_hdr_value(m, h);
		if (sip_via_parse(&rest, &via) == 0)
			put_top_via(s, &b, &via, source);
		else
			rest = sip_hdr_value(m, h);
	}
	rest = str_trim(rest);
	if (rest.n)
		sip_put_header(&b, SIP_HDR_VIA, rest);
	if (c && c->ruri.scheme == SIP_SCHEME_SIP)
		e->user = c->ruri.user;
	if (m->method == SIP_INVITE || m->method == SIP_UPDATE)
		session_read(m, &e->session);
	e->tagged = c ? c->to.tag.n : sip_addr_parse(e->to, &to) == 0 && to.tag.n;
	put_all(&b, m, sip_hdr_next(m, h), SIP_HDR_VIA);
	e->via = buf_str(&b);
	put_all(&b, m, sip_hdr_first(m, SIP_HDR_RECORD_ROUTE), SIP_HDR_RECORD_ROUTE);
	e->routes = (struct str){ b.p + e->via.n, b.n - e->via.n };
	return buf_ok(&b);
}

uint16_t response_port(const struct sip_via *v, enum sip_transport t)
{
	return v->port ? v->port : sip_default_port(t);
}

/* `maddr` is not obeyed: it would let a peer aim our responses at anybody. */
struct sip_hop response_hop(const struct sip_via *v, const struct sip_hop *source)
{
	struct sip_hop to = *source;

	if (!sip_is_reliable(to.transport) && !v->has_rport)
		to.addr.port = response_port(v, to.transport);
	return to;
}

/* What a malformed request did not say cannot be repeated. */
static void put_known(struct buf *b, enum sip_hdr_id id, struct str value)
{
	if (value.n)
		sip_put_header(b, id, value);
}

static void put_to(struct buf *b, const struct echo *e, const struct response *r)
{
	buf_lit(b, "To: ");
	buf_put(b, e->to);
	if (!e->tagged && r->reply.status > 100) {
		buf_lit(b, ";tag=");
		buf_put(b, r->tag);
	}
	buf_lit(b, "\r\n");
}

void response_put(struct sip *s, struct buf *b, const struct echo *e, const struct response *r)
{
	const struct invite_reply *p = &r->reply;

	sip_put_status_line(b, p->status, p->reason);
	buf_put(b, e->via);
	if (r->dialog && p->status > 100 && p->status < 300)
		buf_put(b, e->routes);
	put_known(b, SIP_HDR_FROM, e->from);
	if (e->to.n)
		put_to(b, e, r);
	put_known(b, SIP_HDR_CALL_ID, e->call_id);
	sip_put_header(b, SIP_HDR_CSEQ, e->cseq);
	if (p->status == 100 && e->timestamp.n)
		sip_put_header(b, SIP_HDR_TIMESTAMP, e->timestamp);
	if (r->dialog && p->status > 100 && p->status < 300)
		put_contact(s, b, r->hop, r->contact_user);
	if (r->dialog && p->status < 300 && (p->status >= 200 || r->allow))
		put_allow(b);
	buf_put(b, r->lines);
	buf_put(b, p->headers);
	sip_put_body(b, p->body_type, p->body);
}
