/* SPDX-License-Identifier: Apache-2.0 */
/* The core object: its life, what comes in, what goes out. */
#include <errno.h>
#include <stdlib.h>
#include "sip/field.h"
#include "sip/invite_priv.h"

/* ---- life ---- */

static void init_sent_by(struct sent_by *by, const struct addr *a, uint16_t port)
{
	struct buf b;

	if (!a->family || !port)
		return;
	buf_init(&b, by->text, sizeof(by->text));
	addr_put_sip(&b, a);
	by->host_len = (uint8_t)b.n;
	buf_lit(&b, ":");
	buf_u64(&b, port);
	by->len = (uint8_t)b.n;
	by->port = port;
}

static int init_networks(struct sip *s, const struct sip_options *o)
{
	s->networks = calloc(o->n_networks ? o->n_networks : 1, sizeof(*s->networks));
	if (!s->networks)
		return -ENOMEM;
	s->n_networks = o->n_networks;
	for (unsigned i = 0; i < o->n_networks; i++) {
		const struct sip_network *n = &o->networks[i];
		const struct addr *const a[2] = { &n->advertised, &n->advertised6 };

		for (unsigned k = 0; k < 2; k++) {
			init_sent_by(&s->networks[i].by[k][0], a[k], a[k]->port);
			init_sent_by(&s->networks[i].by[k][1], a[k], n->tls_port);
		}
	}
	return 0;
}

static int init_tables(struct sip *s)
{
	struct table *const all[] = { &s->servers, &s->merges, &s->clients, &s->dialogs };
	uint64_t key[2];
	int rc = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && !rc; i++) {
		loop_random(s->loop, key, sizeof(key));
		rc = table_init(all[i], key, 256);
	}
	return rc;
}

struct sip *sip_new(const struct sip_options *o)
{
	struct sip *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->loop = o->loop;
	s->log = o->log;
	s->io = o->io;
	s->user = o->user;
	s->shard = o->shard;
	s->n_shards = o->n_shards;
	s->max_transactions = o->max_transactions;
	s->oc = o->oc;
	s->timers.t1_ms = o->timers.t1_ms ? o->timers.t1_ms : 500;
	s->timers.t2_ms = o->timers.t2_ms ? o->timers.t2_ms : 4000;
	s->timers.t4_ms = o->timers.t4_ms ? o->timers.t4_ms : 5000;
	loop_random(s->loop, s->reject_key, sizeof(s->reject_key));
	if (init_networks(s, o) < 0 || init_tables(s) < 0) {
		sip_free(s);
		errno = ENOMEM;
		return NULL;
	}
	return s;
}

static void free_dialog(struct table_node *n, void *arg)
{
	struct dialog *d = container_of(n, struct dialog, node);

	if (d->kind == DIALOG_INVITE)
		invite_free(container_of(d, struct invite, dialog));
	else
		subscription_end(container_of(d, struct subscription, dialog));
}

static void free_client(struct table_node *n, void *arg)
{
	ctrans_free(container_of(n, struct ctrans, node));
}

static void free_server(struct table_node *n, void *arg)
{
	strans_free(container_of(n, struct strans, node));
}

void sip_free(struct sip *s)
{
	if (!s)
		return;
	/* A table that was never made is empty and all zero. */
	if (s->dialogs.count)
		table_each(&s->dialogs, free_dialog, NULL);
	if (s->clients.count)
		table_each(&s->clients, free_client, NULL);
	if (s->servers.count)
		table_each(&s->servers, free_server, NULL);
	table_fini(&s->dialogs);
	table_fini(&s->clients);
	table_fini(&s->servers);
	table_fini(&s->merges);
	challenge_free(s);
	free(s->networks);
	free(s);
}

/* ---- out ---- */

int sip_transmit(struct sip *s, const struct sip_hop *to, struct str data)
{
	char text[ADDR_STR_MAX];
	int rc;

	count_out(s, data);
	if (s->user.trace)
		s->user.trace(s->user.arg, true, to, data);
	rc = s->io.send(s->io.arg, to, data);
	if (rc < 0) {
		count(s, COUNT_OUT_FAILED);
		log_debug(s->log, "sip", "cannot send to %s by %s: %s", addr_print(&to->addr, text),
			  sip_transport_name(to->transport), strerror(-rc));
	}
	return rc;
}

int sip_transmit_request(struct sip *s, struct sip_hop *to, struct str data)
{
	int rc = sip_transmit(s, to, data);

	if (rc != -ENOTCONN || !to->conn)
		return rc;
	to->conn = 0;
	return sip_transmit(s, to, data);
}

void sip_broken(struct sip *s, const struct sip_hop *hop)
{
	ctrans_broken(s, hop);
}

/* ---- in: responses ---- */

/* 18.1.2: what does not name us in its Via is not for us. */
static bool names_us(const struct sip *s, const struct incoming *in)
{
	const struct sent_by *by = sip_sent_by(s, &in->source);

	return str_caseeq(in->c->via.host, (struct str){ by->text, by->host_len }) &&
	       response_port(&in->c->via, in->source.transport) == by->port;
}

static void receive_response(struct sip *s, const struct incoming *in)
{
	if (in->c->n_via != 1)
		count(s, COUNT_DROP_VIA_COUNT);
	else if (!names_us(s, in))
		count(s, COUNT_DROP_VIA_OTHER);
	else {
		if (sip_speaks_oc(s, in->source.peer))
			s->oc.got(s->oc.arg, in->source.peer, in->c->via.params);
		if (!ctrans_receive(s, in))
			count(s, COUNT_DROP_STRAY_RESPONSE);
	}
}

/* ---- in: requests ---- */

static void receive_in_dialog(struct dialog *d, const struct incoming *in)
{
	if (d->kind == DIALOG_INVITE)
		invite_in_dialog(container_of(d, struct invite, dialog), in);
	else
		subscription_in_dialog(container_of(d, struct subscription, dialog), in);
}

static void receive_ack(struct sip *s, const struct incoming *in)
{
	struct strans *st = strans_of(s, in);
	struct dialog *d;

	if (st && strans_again(st, true))
		return;
	d = in->c->to.tag.n ? dialog_find(s, in->c) : NULL;
	if (d)
		receive_in_dialog(d, in);
	else
		count(s, COUNT_DROP_STRAY_ACK);
}

/* 9.2: 200 for the CANCEL whatever it finds, and what it finds decides what it does. */
static void receive_cancel(struct sip *s, const struct incoming *in)
{
	struct strans *target = strans_find(s, in->c, SIP_INVITE), *st;
	struct response r = { .reply = { .status = 200 } };
	struct invite_in e = { .in = in };
	char tag[IDENT_LEN];

	if (!target) {
		reject(s, in, 481, STR_NONE);
		return;
	}
	ident_hashed(s, in->c->call_id, in->c->from.tag, tag);
	r.tag = target->owner ? dialog_local_tag(&target->owner->dialog)
			      : (struct str){ tag, sizeof(tag) };
	st = strans_new(s, in, false);
	if (st)
		strans_reply_now(st, in, &r);
	else
		reject(s, in, 200, STR_NONE);
	if (target->owner)
		invite_input(target->owner, IN_CANCEL, &e);
}

/* Options whose rules somebody here knows: the invite, or our user. */
static bool is_known_option(struct str option)
{
	static const struct str known[] = { STR("100rel"), STR("timer"), STR("replaces"),
					    STR("from-change"), STR("norefersub") };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_caseeq(option, known[i]))
			return true;
	return false;
}

/* 8.2.2.3. True: it was refused. */
static bool refuse_required(struct sip *s, const struct incoming *in)
{
	struct sip_each e = sip_each(in->m, SIP_HDR_REQUIRE);
	struct str item;
	char mem[1024];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	while (sip_each_next(&e, &item))
		if (!is_known_option(item)) {
			buf_put(&b, b.n ? STR(", ") : STR("Unsupported: "));
			buf_put(&b, item);
		}
	if (b.n == 0 && buf_ok(&b))
		return false;
	buf_lit(&b, "\r\n");
	reject(s, in, 420, buf_ok(&b) ? buf_str(&b) : STR_NONE);
	return true;
}

/* 16.3: a Via of ours below the topmost means that a proxy sent it back; a loop is what wants to go where it
 * went before. What comes back through another B2BUA has lost its Via, and ends by Max-Forwards. */
static bool is_loop(struct sip *s, const struct incoming *in)
{
	const struct sip_hdr *h = sip_hdr_first(in->m, SIP_HDR_VIA);

	for (; in->c->n_via > 1 && h; h = sip_hdr_next(in->m, h)) {
		struct str list = sip_hdr_value(in->m, h);
		struct sip_via v;

		while (list.n && sip_via_parse(&list, &v) == 0)
			if (ctrans_is_for(s, v.branch, in))
				return true;
	}
	return false;
}

static bool needs_dialog(enum sip_method m)
{
	return m == SIP_BYE || m == SIP_PRACK || m == SIP_UPDATE;
}

static void receive_new(struct sip *s, const struct incoming *in)
{
	struct strans *st = NULL;

	if (needs_dialog(in->m->method)) {
		reject(s, in, 481, STR_NONE);
	} else if (strans_merged(s, in) || is_loop(s, in)) {
		count(s, COUNT_REJECT_MERGED);
		reject(s, in, 482, STR_NONE);
	} else if (challenge(s, in)) {
		return;
	} else if (refuse_required(s, in)) {
		return;
	} else if (s->transactions >= s->max_transactions) {
		count(s, COUNT_REJECT_OVERLOAD);
		reject(s, in, 503, STR("Retry-After: 5\r\n"));
	} else if (in->m->method == SIP_INVITE) {
		if (in->c->max_forwards == 0)
			reject(s, in, 483, STR_NONE);
		else
			invite_receive(s, in);
	} else if (!s->user.request || in->m->method == SIP_METHOD_OTHER) {
		reject_method(s, in);
	} else if ((st = strans_new(s, in, true))) {
		st->dialog = in->m->method == SIP_SUBSCRIBE || in->m->method == SIP_REFER;
		s->user.request(s->user.arg, (struct sip_request *)st, in->m, in->c, &in->source);
	} else {
		count(s, COUNT_DROP_MEMORY);
	}
}

static void receive_request(struct sip *s, struct incoming *in)
{
	struct strans *st;
	struct dialog *d;

	strans_identify(s, in);
	if (in->m->method == SIP_ACK) {
		receive_ack(s, in);
		return;
	}
	st = strans_of(s, in);
	if (st) {
		strans_again(st, false);
		return;
	}
	if (in->m->method == SIP_CANCEL) {
		receive_cancel(s, in);
	} else if (!in->c->to.tag.n) {
		receive_new(s, in);
	} else if (!(d = dialog_find(s, in->c))) {
		reject(s, in, 481, STR_NONE);
	} else if (!refuse_required(s, in)) {
		receive_in_dialog(d, in);
	}
}

/* False: it is nobody's, or came to where we do not stand. */
static bool receive_from(struct sip *s, const struct sip_hop *from, struct incoming *in,
			 struct str data)
{
	if (from->network >= s->n_networks || !sip_sent_by(s, from)->len)
		return false;
	in->source = *from;
	in->source.peer = (int16_t)s->user.peer_of(s->user.arg, from);
	if (in->source.peer < 0) {
		count(s, COUNT_DROP_UNKNOWN_PEER);
		return false;
	}
	if (s->user.trace)
		s->user.trace(s->user.arg, false, &in->source, data);
	return true;
}

void sip_garbage(struct sip *s, const struct sip_hop *from, char *buf, size_t len, int error)
{
	struct sip_msg m;
	struct incoming in;
	int rc;

	if (!receive_from(s, from, &in, (struct str){ buf, len }))
		return;
	/* Its own verdict counts where it has one that can be answered. */
	rc = sip_msg_parse(&m, buf, len);
	reject_malformed(s, &m, &in.source, rc && rc != -SIP_E_LENGTH ? rc : error);
}

/* False: nothing is left to be done with it. */
static bool receive_message(struct sip *s, const struct sip_hop *from, struct incoming *in,
			    struct str data)
{
	struct sip_msg *m = (struct sip_msg *)in->m;
	int rc;

	if (!receive_from(s, from, in, data))
		return false;
	rc = sip_msg_parse(m, (char *)data.p, data.n);
	if (rc == -SIP_E_EMPTY) {
		count(s, COUNT_IN_KEEPALIVE);
		return false;
	}
	if (rc == 0)
		rc = sip_msg_core(m, (struct sip_core *)in->c);
	if (rc < 0)
		reject_malformed(s, m, &in->source, rc);
	else
		count_in(s, m);
	return rc == 0;
}

void sip_receive(struct sip *s, const struct sip_hop *from, char *buf, size_t len)
{
	struct sip_msg m;
	struct sip_core c;
	struct incoming in; /* its key is large: not zeroed for nothing */

	in.m = &m;
	in.c = &c;
	if (!receive_message(s, from, &in, (struct str){ buf, len }))
		return;
	if (m.status)
		receive_response(s, &in);
	else
		receive_request(s, &in);
}

void sip_refuse(struct sip *s, const struct sip_hop *from, char *buf, size_t len,
		unsigned retry_after_s)
{
	struct sip_msg m;
	struct sip_core c;
	struct incoming in;
	char mem[RETRY_AFTER_LEN];
	struct buf b;

	in.m = &m;
	in.c = &c;
	if (!receive_message(s, from, &in, (struct str){ buf, len }) || m.status)
		return;
	buf_init(&b, mem, sizeof(mem));
	if (retry_after_s)
		buf_fmt(&b, "Retry-After: %u\r\n", retry_after_s);
	count(s, COUNT_REJECT_OVERLOAD);
	reject(s, &in, 503, buf_str(&b));
}
