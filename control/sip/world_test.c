/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/world_test.h"

struct flight {
	struct timer timer;
	struct world *to;
	struct sip_hop from;
	size_t len;
	char text[];
};

static void landed(void *arg)
{
	struct flight *f = arg;

	f->to->in_flight--;
	sip_receive(f->to->sip, &f->from, f->text, f->len);
	free(f);
}

static void fly(struct world *w, struct world *to, struct str data, int delay)
{
	struct flight *f = calloc(1, sizeof(*f) + data.n + SIP_PAD);

	assert_non_null(f);
	f->to = to;
	f->from = (struct sip_hop){ .addr = w->self, .transport = w->transport, .conn = w->conn };
	f->len = data.n;
	memcpy(f->text, data.p, data.n);
	timer_init(&f->timer, landed, f);
	to->in_flight++;
	timer_start(w->loop, &f->timer, (uint64_t)delay);
}

static int world_send(void *arg, const struct sip_hop *to, struct str data)
{
	struct world *w = arg;
	struct sent *s;
	int delay;

	if (w->send_rc)
		return w->send_rc;
	if (to->conn && to->conn != w->conn)
		return -ENOTCONN;
	assert_true(w->n_sent < SENT_MAX);
	s = &w->sent[w->n_sent++];
	s->text = calloc(1, data.n + SIP_PAD);
	assert_non_null(s->text);
	memcpy(s->text, data.p, data.n);
	s->len = data.n;
	s->at = loop_now(w->loop);
	s->to = to->addr;
	s->hop = *to;
	if (!w->peer)
		return 0;
	for (int i = 0; i < w->copies; i++) {
		delay = w->wire ? w->wire(w, s->text) : 1;
		if (delay >= 0)
			fly(w, w->peer, data, delay);
	}
	return 0;
}

static bool world_tcp_allowed(void *arg, int peer)
{
	return ((struct world *)arg)->tcp_allowed;
}

static int world_peer_of(void *arg, const struct sip_hop *hop)
{
	struct world *w = arg;

	return w->unknown || hop->addr.ip[0] == 203 ? -1 : 7;
}

static void *world_invite(void *arg, struct invite *inv, const struct sip_msg *m,
			  const struct sip_core *core, const struct sip_hop *source)
{
	struct world *w = arg;

	assert_int_equal(source->peer, 7);
	w->inv = inv;
	w->n_invites++;
	invite_set_terms(inv, &w->terms);
	if (w->on_invite)
		w->on_invite(w, inv);
	return w;
}

static bool is_over(enum invite_event_type t)
{
	return t == INVITE_FAIL || t == INVITE_CANCEL || t == INVITE_BYE || t == INVITE_LOST;
}

static void got(struct world *w, struct sip_request *r, const struct sip_msg *m, bool inside)
{
	w->req = r;
	w->n_requests++;
	w->got.method = m->method;
	w->got.inside = inside;
	snprintf(w->got.body, sizeof(w->got.body), "%.*s", STR_FMT(m->body));
}

static void world_event(void *arg, struct invite *inv, const struct invite_event *e)
{
	struct world *w = arg;
	struct seen *s;

	if (e->type == INVITE_REQUEST) {
		got(w, e->request, e->msg, true);
		return;
	}
	if (e->request)
		got(w, e->request, e->msg, true);
	assert_true(w->n_seen < EVENT_MAX);
	s = &w->seen[w->n_seen++];
	*s = (struct seen){ .type = e->type,
			    .status = e->status,
			    .fork = e->fork,
			    .lost = e->lost,
			    .reliable = e->reliable,
			    .at = loop_now(w->loop) };
	snprintf(s->body, sizeof(s->body), "%.*s", STR_FMT(e->body));
	if (is_over(e->type) && inv == w->inv)
		w->inv = NULL;
	if (w->on_event)
		w->on_event(w, inv, e);
}

static void world_request(void *arg, struct sip_request *r, const struct sip_msg *m,
			  const struct sip_core *core, const struct sip_hop *source)
{
	struct world *w = arg;

	got(w, r, m, false);
	if (!w->accept)
		return;
	w->sub = subscription_accept(r, m, core, source);
	if (w->sub)
		subscription_set_arg(w->sub, w);
}

static void world_subscription(void *arg, struct subscription *sub,
			       const struct subscription_event *e)
{
	struct world *w = arg;

	assert_ptr_equal(sub, w->sub);
	got(w, e->request, e->msg, true);
}

static void world_done(void *arg, const struct exchange_event *e)
{
	struct world *w = arg;

	w->done.n++;
	w->done.status = e->status;
	w->done.silent = !e->msg;
	w->done.cseq = e->cseq;
	snprintf(w->done.body, sizeof(w->done.body), "%.*s", e->msg ? (int)e->msg->body.n : 0,
		 e->msg ? e->msg->body.p : "");
}

struct exchange_params exchange_to_far(struct world *w, const char *method)
{
	return (struct exchange_params){ .method = str_of(method),
					 .targets = { &w->far_hop, 1 },
					 .ruri = STR("sip:bob@192.0.2.99"),
					 .from = STR("\"Alice\" <sip:alice@192.0.2.1>"),
					 .to = STR("<sip:bob@192.0.2.99>"),
					 .contact_user = STR("alice"),
					 .max_forwards = 69,
					 .fn = world_done,
					 .arg = w };
}

static struct world *make(struct loop *loop, struct str self, struct str far)
{
	struct world *w = calloc(1, sizeof(*w));
	struct sip_network net = { .name = "outside" };
	struct sip_options o = {
		.loop = loop,
		.io = { world_send, w },
		.user = { .peer_of = world_peer_of,
			  .invite = world_invite,
			  .event = world_event,
			  .request = world_request,
			  .subscription = world_subscription,
			  .tcp_allowed = world_tcp_allowed,
			  .arg = w },
		.networks = &net,
		.n_networks = 1,
		.shard = 2,
		.n_shards = 4,
		.max_transactions = 50,
	};

	assert_non_null(w);
	assert_int_equal(addr_parse(self, &w->self), 0);
	assert_int_equal(addr_parse(far, &w->far), 0);
	w->self.port = w->far.port = 5060;
	w->far_hop = (struct sip_hop){ .addr = w->far, .peer = 7 };
	w->copies = 1;
	net.advertised = w->self;
	net.tls_port = 5061;
	w->loop = loop;
	w->sip = sip_new(&o);
	assert_non_null(w->sip);
	return w;
}

struct world *world_new(void)
{
	struct world *w = make(loop_new_virtual(1), STR("192.0.2.1"), STR("192.0.2.99"));

	w->own_loop = true;
	return w;
}

void world_pair(struct world **a, struct world **b)
{
	struct loop *l = loop_new_virtual(1);

	*a = make(l, STR("192.0.2.1"), STR("192.0.2.99"));
	*b = make(l, STR("192.0.2.99"), STR("192.0.2.1"));
	(*a)->peer = *b;
	(*b)->peer = *a;
	(*a)->own_loop = true;
}

void world_forget(struct world *w)
{
	for (unsigned i = 0; i < w->n_sent; i++)
		free(w->sent[i].text);
	w->n_sent = w->n_seen = 0;
}

void world_free(struct world *w)
{
	struct world *peer = w->own_loop ? w->peer : NULL;
	struct loop *l = w->own_loop ? w->loop : NULL;

	while (w->in_flight || (peer && peer->in_flight))
		loop_advance(w->loop, 1);
	sip_free(w->sip);
	world_forget(w);
	free(w);
	if (peer)
		world_free(peer);
	if (l)
		loop_free(l);
}

void assert_empty(struct world *w)
{
	assert_int_equal(w->sip->dialogs.count, 0);
	assert_int_equal(w->sip->clients.count, 0);
	assert_int_equal(w->sip->servers.count, 0);
	assert_int_equal(w->sip->merges.count, 0);
	assert_int_equal(w->sip->transactions, 0);
	assert_true(loop_next(w->loop) == UINT64_MAX);
}

void world_finish(struct world *w)
{
	if (w->inv)
		invite_end(w->inv, 0, STR_NONE);
	advance(w, 200000);
	assert_empty(w);
	world_free(w);
}

void world_finish_pair(struct world *a, struct world *b)
{
	for (int k = 0; k < 2; k++) {
		struct world *x = k ? a : b;

		if (x->inv)
			invite_end(x->inv, 0, STR_NONE);
		x->inv = NULL;
	}
	a->wire = b->wire = NULL;
	advance(a, 200000);
	assert_empty(a);
	assert_empty(b);
	world_free(a);
}

struct find_counter {
	const char *name;
	uint64_t value;
	bool found;
};

static void see_counter(void *arg, const char *name, uint64_t v)
{
	struct find_counter *f = arg;

	if (strcmp(name, f->name) == 0) {
		f->value = v;
		f->found = true;
	}
}

uint64_t counter_of(struct world *w, const char *name)
{
	struct find_counter f = { .name = name };

	sip_counters(w->sip, see_counter, &f);
	assert_true(f.found);
	return f.value;
}

/* ---- by hand ---- */

void inject_from(struct world *w, const char *text, const struct addr *from)
{
	size_t n = strlen(text);
	char *mem = malloc(n + SIP_PAD);

	assert_non_null(mem);
	memcpy(mem, text, n);
	memset(mem + n, 0xa5, SIP_PAD);
	sip_receive(w->sip,
		    &(struct sip_hop){ .addr = *from, .transport = w->transport, .conn = w->conn },
		    mem, n);
	free(mem);
}

void inject(struct world *w, const char *text)
{
	inject_from(w, text, &w->far);
}

void injectf(struct world *w, const char *fmt, ...)
{
	char text[8192];
	va_list ap;

	va_start(ap, fmt);
	assert_true(vsnprintf(text, sizeof(text), fmt, ap) < (int)sizeof(text));
	va_end(ap);
	inject(w, text);
}

static struct sent *nth(struct world *w, int i)
{
	int n = i < 0 ? (int)w->n_sent + i : i;

	assert_true(n >= 0 && n < (int)w->n_sent);
	return &w->sent[n];
}

const char *sent(struct world *w, int i)
{
	return nth(w, i)->text;
}

bool sent_is(struct world *w, int i, const char *start)
{
	const char *text = sent(w, i);
	bool same = strncmp(text, start, strlen(start)) == 0;

	if (!same)
		print_message("sent: %s\n", text);
	return same;
}

unsigned count_sent(struct world *w, const char *start)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_sent; i++)
		n += strncmp(w->sent[i].text, start, strlen(start)) == 0;
	return n;
}

const char *field(struct world *w, int i, const char *name)
{
	static char ring[8][1024];
	static unsigned at;
	struct str rest = str_of(sent(w, i)), line;
	char *out = ring[at++ % 8];

	out[0] = '\0';
	while (str_line(&rest, &line) && line.n)
		if (line.n > strlen(name) + 2 && line.p[strlen(name)] == ':' &&
		    str_starts(line, str_of(name))) {
			snprintf(out, sizeof(ring[0]), "%.*s", (int)(line.n - strlen(name) - 2),
				 line.p + strlen(name) + 2);
			break;
		}
	return out;
}

const char *param_of(struct world *w, int i, const char *name, const char *param)
{
	static char ring[8][300];
	static unsigned at;
	char *out = ring[at++ % 8], key[40];
	const char *p;

	snprintf(key, sizeof(key), ";%s=", param);
	p = strstr(field(w, i, name), key);
	out[0] = '\0';
	if (p)
		snprintf(out, sizeof(ring[0]), "%.*s", (int)strcspn(p + strlen(key), ";, "),
			 p + strlen(key));
	return out;
}

void answer(struct world *w, int i, unsigned status, const char *tag, const char *lines,
	    const char *body)
{
	injectf(w,
		"SIP/2.0 %u Whatever\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\nCall-ID: %s\r\n"
		"CSeq: %s\r\n%s%sContent-Length: %zu\r\n\r\n%s",
		status, field(w, i, "Via"), field(w, i, "From"), field(w, i, "To"),
		*tag ? ";tag=" : "", tag, field(w, i, "Call-ID"), field(w, i, "CSeq"), lines,
		*body ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
}

static void put_request(struct world *w, const char *method, const char *branch, const char *to,
			unsigned cseq, const char *lines, const char *body)
{
	injectf(w,
		"%s sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		"192.0.2.99;rport;branch=z9hG4bK%s\r\n"
		"From: <sip:far@example.com>;tag=far\r\nTo: %s\r\nCall-ID: c1\r\n"
		"CSeq: %u %s\r\n%s%s%sContent-Length: %zu\r\n\r\n%s",
		method, branch, to, cseq, method,
		strcmp(method, "INVITE") == 0 && !strstr(lines, "Contact:")
			? "Contact: <sip:far@192.0.2.99>\r\n"
			: "",
		lines, *body ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
}

void request(struct world *w, const char *method, const char *branch, unsigned cseq,
	     const char *lines, const char *body)
{
	put_request(w, method, branch, "<sip:us@192.0.2.1>", cseq, lines, body);
}

void request_in(struct world *w, int i, const char *method, const char *branch, unsigned cseq,
		const char *lines, const char *body)
{
	put_request(w, method, branch, field(w, i, "To"), cseq, lines, body);
}

void advance(struct world *w, uint64_t ms)
{
	loop_advance(w->loop, ms);
}

/* ---- our user ---- */

struct invite *call(struct world *w)
{
	struct sip_hop to = { .addr = w->far, .peer = 7, .transport = w->transport };
	struct invite_params p = { .targets = { .hop = &to, .n = 1 },
				   .ruri = STR("sip:bob@192.0.2.99"),
				   .from = STR("\"Alice\" <sip:alice@192.0.2.1>"),
				   .to = STR("<sip:bob@192.0.2.99>"),
				   .contact_user = STR("alice"),
				   .headers = STR("Subject: test\r\n"),
				   .body = STR("offer"),
				   .body_type = STR("application/sdp"),
				   .max_forwards = 69,
				   .ring_ms = 180000,
				   .terms = w->terms,
				   .arg = w };

	w->inv = invite_send(w->sip, &p);
	return w->inv;
}

int reply(struct world *w, unsigned status, const char *body)
{
	struct invite_reply r = { .status = status,
				  .body = str_of(body),
				  .body_type = *body ? STR("application/sdp") : STR_NONE };
	return invite_reply(w->inv, &r);
}

const struct seen *last_seen(struct world *w)
{
	assert_true(w->n_seen > 0);
	return &w->seen[w->n_seen - 1];
}

unsigned count_seen(struct world *w, enum invite_event_type type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_seen; i++)
		n += w->seen[i].type == type;
	return n;
}

void assert_times(struct world *w, const char *start, const unsigned *ms, unsigned n)
{
	uint64_t first = 0;
	unsigned k = 0;

	for (unsigned i = 0; i < w->n_sent; i++) {
		if (strncmp(w->sent[i].text, start, strlen(start)) != 0)
			continue;
		if (k == 0)
			first = w->sent[i].at;
		assert_true(k < n);
		assert_int_equal(w->sent[i].at - first, ms[k]);
		k++;
	}
	assert_int_equal(k, n);
}
