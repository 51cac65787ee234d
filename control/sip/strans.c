/* SPDX-License-Identifier: Apache-2.0 */
/* Server transactions: RFC 3261 17.2, with the Accepted state of RFC 6026 and the rules for
 * non-INVITE requests of RFC 4320. */
#include <errno.h>
#include <stdlib.h>
#include "sip/invite_priv.h"

enum strans_state {
	TRYING,
	PROCEEDING,
	ACCEPTED,
	COMPLETED,
	CONFIRMED,
	TERMINATED,
	STATES
};

enum strans_input {
	REQUEST, /* it came again */
	ACK,     /* of the INVITE's branch */
	REPLY_1XX,
	REPLY_2XX,
	REPLY_FAIL,
	DROP,       /* there will be no reply */
	RETRANSMIT, /* Timer G; for a non-INVITE the moment for 100 (RFC 4320 4.1) */
	DEADLINE,   /* Timer H, I, J, L */
	INPUTS
};

struct row {
	void (*act)(struct strans *st); /* NULL: this input is not expected */
	uint8_t next;
};

static void absorb(struct strans *st)
{
	count(st->sip, COUNT_DROP_ABSORBED);
}

static void nothing(struct strans *st)
{
}

static void again(struct strans *st)
{
	strans_resend(st);
}

static bool reliable(const struct strans *st)
{
	return sip_is_reliable(st->to.transport);
}

static void start(struct strans *st, uint64_t deadline, uint32_t interval)
{
	uint64_t ms = deadline;

	st->deadline = loop_now(st->sip->loop) + deadline;
	st->interval = reliable(st) ? 0 : interval;
	if (st->interval && st->interval < ms)
		ms = st->interval;
	timer_start(st->sip->loop, &st->timer, ms);
}

static void drop_echo(struct strans *st)
{
	free(st->echo);
	st->echo = NULL;
}

static void unmerge(struct strans *st)
{
	if (st->merging)
		table_del(&st->sip->merges, &st->merge);
	st->merging = false;
}

static void to_accepted(struct strans *st)
{
	drop_echo(st);
	start(st, sip_64_t1(st->sip), 0); /* L */
}

/* A proxy that tries its next branch through us uses the same Call-ID and CSeq: what has failed is
 * not "ongoing" (8.2.2.2), so that is not a merged request. */
static void to_completed(struct strans *st)
{
	drop_echo(st);
	unmerge(st);
	start(st, sip_64_t1(st->sip), st->sip->timers.t1_ms); /* H and G */
}

static void to_confirmed(struct strans *st)
{
	free(st->reply);
	st->reply = NULL;
	start(st, reliable(st) ? 0 : st->sip->timers.t4_ms, 0); /* I */
}

/* Its owner has nothing more to do with it. */
static void leave_owner(struct strans *st)
{
	if (st->owner)
		invite_request_over(st->owner, st);
	st->owner = NULL;
}

static void to_completed_other(struct strans *st)
{
	drop_echo(st);
	leave_owner(st);
	start(st, reliable(st) ? 0 : sip_64_t1(st->sip), 0); /* J */
}

static void double_g(struct strans *st)
{
	uint32_t next = st->interval * 2;
	uint64_t left = st->deadline - loop_now(st->sip->loop);

	strans_resend(st);
	if (next > st->sip->timers.t2_ms)
		next = st->sip->timers.t2_ms;
	st->interval = next;
	timer_start(st->sip->loop, &st->timer, next < left ? next : left);
}

static void to_dropped(struct strans *st)
{
	uint64_t age = loop_now(st->sip->loop) - st->born, d = sip_64_t1(st->sip);

	drop_echo(st);
	leave_owner(st);
	free(st->reply);
	st->reply = NULL;
	start(st, age < d ? d - age : 0, 0);
}

static void late_100(struct strans *st)
{
	struct response r = { .reply = { .status = 100 } };

	st->interval = 0;
	strans_reply(st, &r);
}

static void no_ack(struct strans *st)
{
	count(st->sip, COUNT_TIMEOUT_ACK);
}

/* Figure 7 with RFC 6026. A CONFIRMED or ACCEPTED transaction is there to absorb. */
static const struct row invite_rows[STATES][INPUTS] = {
	[PROCEEDING] = {
		[REQUEST] = { again, PROCEEDING },
		[REPLY_1XX] = { nothing, PROCEEDING },
		[REPLY_2XX] = { to_accepted, ACCEPTED },
		[REPLY_FAIL] = { to_completed, COMPLETED },
	},
	[ACCEPTED] = {
		[REQUEST] = { absorb, ACCEPTED },
		[DEADLINE] = { nothing, TERMINATED },
	},
	[COMPLETED] = {
		[REQUEST] = { again, COMPLETED },
		[ACK] = { to_confirmed, CONFIRMED },
		[RETRANSMIT] = { double_g, COMPLETED },
		[DEADLINE] = { no_ack, TERMINATED },
	},
	[CONFIRMED] = {
		[REQUEST] = { absorb, CONFIRMED },
		[ACK] = { absorb, CONFIRMED },
		[DEADLINE] = { nothing, TERMINATED },
	},
};

/* Figure 8. */
static const struct row other_rows[STATES][INPUTS] = {
	[TRYING] = {
		[REQUEST] = { absorb, TRYING },
		[REPLY_1XX] = { nothing, PROCEEDING },
		[REPLY_2XX] = { to_completed_other, COMPLETED },
		[REPLY_FAIL] = { to_completed_other, COMPLETED },
		[DROP] = { to_dropped, COMPLETED },
		[RETRANSMIT] = { late_100, PROCEEDING },
	},
	[PROCEEDING] = {
		[REQUEST] = { again, PROCEEDING },
		[REPLY_1XX] = { nothing, PROCEEDING },
		[REPLY_2XX] = { to_completed_other, COMPLETED },
		[REPLY_FAIL] = { to_completed_other, COMPLETED },
		[DROP] = { to_dropped, COMPLETED },
	},
	[COMPLETED] = {
		[REQUEST] = { again, COMPLETED },
		[DEADLINE] = { nothing, TERMINATED },
	},
};

static const struct row *row_of(const struct strans *st, enum strans_input i)
{
	const struct row *r =
		st->method == SIP_INVITE ? &invite_rows[st->state][i] : &other_rows[st->state][i];
	return r->act ? r : NULL;
}

/* 0, or -EINVAL where the state has no row for it. The transaction may be gone then. */
static int input(struct strans *st, enum strans_input i)
{
	const struct row *r = row_of(st, i);

	if (!r) {
		count(st->sip, COUNT_DROP_UNEXPECTED);
		return -EINVAL;
	}
	st->state = r->next;
	r->act(st);
	if (st->state == TERMINATED)
		strans_free(st);
	return 0;
}

static void fired(void *arg)
{
	struct strans *st = arg;

	if (st->deadline && loop_now(st->sip->loop) >= st->deadline)
		input(st, DEADLINE);
	else
		input(st, RETRANSMIT);
}

/* ---- lookup ---- */

/* RFC 3261 17.2.3: branch, sent-by and method, that of an ACK being INVITE. */
static size_t make_key(char key[STRANS_KEY_MAX], const struct sip_core *c, enum sip_method method)
{
	const struct sip_via *v = &c->via;
	struct str other = method == SIP_METHOD_OTHER ? c->cseq.method_name : STR_NONE;
	struct buf b;

	buf_init(&b, key, STRANS_KEY_MAX);
	buf_add(&b, (char[]){ (char)method, (char)(v->port >> 8), (char)v->port }, 3);
	buf_put(&b, (struct str){ v->branch.p, v->branch.n < 256 ? v->branch.n : 256 });
	buf_lit(&b, "\n");
	for (size_t i = 0; i < v->host.n && buf_ok(&b); i++) {
		char ch = v->host.p[i];

		if (ch >= 'A' && ch <= 'Z')
			ch = (char)(ch | 0x20);
		buf_add(&b, &ch, 1);
	}
	if (other.n)
		buf_put(&b, other);
	return b.n;
}

static bool same_key(const struct table_node *n, const void *key)
{
	const struct strans *st = container_of(n, struct strans, node);
	const struct str *k = key;

	return str_eq((struct str){ st->key, st->key_len }, *k);
}

static struct strans *find(struct sip *s, struct str key, uint64_t hash)
{
	struct table_node *n = table_find(&s->servers, hash, same_key, &key);

	return n ? container_of(n, struct strans, node) : NULL;
}

struct strans *strans_find(struct sip *s, const struct sip_core *c, enum sip_method method)
{
	char mem[STRANS_KEY_MAX];
	struct str key = { mem, make_key(mem, c, method) };

	return find(s, key, table_hash(&s->servers, key.p, key.n));
}

struct strans *strans_of(struct sip *s, const struct incoming *in)
{
	return find(s, (struct str){ in->key, in->key_len }, in->key_hash);
}

static uint64_t merge_hash(const struct sip *s, const struct sip_core *c)
{
	char mem[3 * SIP_TOKEN_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_add(&b, &c->cseq.num, sizeof(c->cseq.num));
	buf_add(&b, (char[]){ (char)c->cseq.method }, 1);
	buf_put(&b, c->call_id);
	buf_lit(&b, "\n");
	buf_put(&b, c->from.tag);
	return table_hash(&s->merges, b.p, b.n);
}

/* 64 bits under a key that nobody outside knows: the hash stands for the three fields. */
static bool same_hash(const struct table_node *n, const void *key)
{
	return true;
}

bool strans_merged(struct sip *s, const struct incoming *in)
{
	return table_find(&s->merges, in->merge_hash, same_hash, NULL);
}

void strans_identify(struct sip *s, struct incoming *in)
{
	enum sip_method method = in->m->method == SIP_ACK ? SIP_INVITE : in->m->method;

	in->key_len = make_key(in->key, in->c, method);
	in->key_hash = table_hash(&s->servers, in->key, in->key_len);
	in->merge_hash = in->c->to.tag.n ? 0 : merge_hash(s, in->c);
}

/* ---- life ---- */

static struct echo *keep_echo(struct sip *s, const struct incoming *in)
{
	struct echo e, *kept;
	struct buf b;
	struct str *part;
	size_t n;

	if (!echo_read(s, &e, in->m, in->c, &in->source))
		return NULL;
	n = e.via.n + e.routes.n + e.from.n + e.to.n + e.call_id.n + e.cseq.n + e.timestamp.n +
	    e.user.n;
	kept = malloc(sizeof(*kept) + n);
	if (!kept)
		return NULL;
	*kept = e;
	buf_init(&b, kept + 1, n);
	struct str *const parts[] = {
		&kept->via,     &kept->routes, &kept->from,      &kept->to,
		&kept->call_id, &kept->cseq,   &kept->timestamp, &kept->user
	};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		part = parts[i];
		buf_put(&b, *part);
		part->p = b.p + b.n - part->n;
	}
	return kept;
}

/* RFC 4320 4.1: no 100 before the client's Timer E has reached T2. */
static uint32_t late_100_ms(const struct sip *s)
{
	uint32_t sum = 0, e = s->timers.t1_ms;

	for (; e < s->timers.t2_ms; e *= 2)
		sum += e;
	return sum;
}

struct strans *strans_new(struct sip *s, const struct incoming *in, bool keep)
{
	struct str key = { in->key, in->key_len };
	struct strans *st;

	/* Twice the bound is for what ends calls; new ones are refused before. */
	if (s->transactions >= 2 * s->max_transactions)
		return NULL;
	st = malloc(sizeof(*st) + key.n);
	if (!st)
		return NULL;
	*st = (struct strans){
		.sip = s,
		.method = in->m->method,
		.state = in->m->method == SIP_INVITE ? PROCEEDING : TRYING,
		.to = response_hop(&in->c->via, &in->source),
		.via_port = response_port(&in->c->via, in->source.transport),
		.born = loop_now(s->loop),
		.key_len = (uint16_t)key.n,
	};
	memcpy(st->key, key.p, key.n);
	if (keep && !(st->echo = keep_echo(s, in))) {
		free(st);
		return NULL;
	}
	timer_init(&st->timer, fired, st);
	table_add(&s->servers, &st->node, in->key_hash);
	if (!in->c->to.tag.n && st->method != SIP_CANCEL) {
		table_add(&s->merges, &st->merge, in->merge_hash);
		st->merging = true;
	}
	if (keep && st->method != SIP_INVITE) {
		st->interval = late_100_ms(s);
		timer_start(s->loop, &st->timer, st->interval);
	}
	s->transactions++;
	return st;
}

void strans_free(struct strans *st)
{
	struct sip *s = st->sip;

	leave_owner(st);
	unmerge(st);
	table_del(&s->servers, &st->node);
	timer_stop(s->loop, &st->timer);
	s->transactions--;
	drop_echo(st);
	free(st->reply);
	free(st);
}

/* ---- input ---- */

bool strans_again(struct strans *st, bool ack)
{
	if (ack && (st->state == ACCEPTED || st->state == PROCEEDING))
		return false;
	if (!ack)
		count(st->sip, COUNT_IN_RETRANSMITTED);
	input(st, ack ? ACK : REQUEST);
	return true;
}

/* 18.2.2: by the connection of the request, or when that is gone by a new one to its Via. */
static void send_reply(struct strans *st, struct str text)
{
	if (sip_transmit(st->sip, &st->to, text) != -ENOTCONN || !st->to.conn)
		return;
	st->to.conn = 0;
	st->to.addr.port = st->via_port;
	sip_transmit(st->sip, &st->to, text);
}

void strans_repeat(struct strans *st, struct str text)
{
	count(st->sip, COUNT_OUT_RETRANSMITTED);
	send_reply(st, text);
}

void strans_resend(struct strans *st)
{
	if (st->reply)
		strans_repeat(st, (struct str){ st->reply, st->reply_len });
}

void strans_drop(struct strans *st)
{
	input(st, DROP);
}

void strans_acked(struct strans *st)
{
	free(st->reply);
	st->reply = NULL;
}

static void keep_reply(struct strans *st, struct str text)
{
	free(st->reply);
	st->reply = malloc(text.n);
	st->reply_len = text.n;
	if (st->reply)
		memcpy(st->reply, text.p, text.n);
	else
		count(st->sip, COUNT_DROP_MEMORY);
}

static enum strans_input input_of(const struct response *r)
{
	return r->reply.status < 200 ? REPLY_1XX : r->reply.status < 300 ? REPLY_2XX : REPLY_FAIL;
}

/* Into the buffer of the core. */
static int write_reply(struct strans *st, const struct echo *e, const struct response *r,
		       struct str *text)
{
	struct sip *s = st->sip;
	struct buf b;

	if (!row_of(st, input_of(r)))
		return -EINVAL;
	buf_init(&b, s->out, sizeof(s->out));
	response_put(s, &b, e, r);
	*text = buf_str(&b);
	return buf_ok(&b) ? 0 : -EMSGSIZE;
}

static int reply(struct strans *st, const struct echo *e, const struct response *r)
{
	struct str text;
	int rc = write_reply(st, e, r, &text);

	if (rc < 0)
		return rc;
	keep_reply(st, text);
	send_reply(st, text);
	return input(st, input_of(r));
}

int strans_reply_fits(struct strans *st, const struct response *r)
{
	struct str text;

	return st->echo ? write_reply(st, st->echo, r, &text) : -EINVAL;
}

int strans_reply(struct strans *st, const struct response *r)
{
	return st->echo ? reply(st, st->echo, r) : -EINVAL;
}

int strans_reply_now(struct strans *st, const struct incoming *in, const struct response *r)
{
	struct echo e;

	return echo_read(st->sip, &e, in->m, in->c, &in->source) ? reply(st, &e, r) : -EINVAL;
}

const char *strans_state_name(const struct strans *st)
{
	static const char *const names[] = { "TRYING",    "PROCEEDING", "ACCEPTED",
					     "COMPLETED", "CONFIRMED",  "TERMINATED" };
	return names[st->state];
}
