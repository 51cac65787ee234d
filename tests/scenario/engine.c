/* SPDX-License-Identifier: Apache-2.0 */
/* A relay engine in memory: it speaks the flow language as sluice-dp does and runs the same rules,
 * so that what control declares is judged by what packets then do. */
#include <errno.h>
#include <stdlib.h>

#include "engine_priv.h"
#include "engine_srtp.h"

static void clear_answers(struct fake_engine *f)
{
	while (f->out) {
		struct answer *a = f->out;

		f->out = a->next;
		free(a);
	}
	f->out_end = &f->out;
	timer_stop(f->loop, &f->deliver_timer);
}

static void deliver_answers(void *arg)
{
	struct fake_engine *f = arg;

	while (f->out && f->out->at_ms <= loop_now(f->loop)) {
		struct answer *a = f->out;

		f->out = a->next;
		if (!f->out)
			f->out_end = &f->out;
		engine_receive(f->client, a->p, a->n);
		free(a);
	}
	if (f->out)
		timer_start(f->loop, &f->deliver_timer, f->out->at_ms - loop_now(f->loop));
}

void engine_say(struct fake_engine *f, const struct tlv_out *o)
{
	struct answer *a;

	if (!o->n || !f->client)
		return;
	a = malloc(sizeof(*a) + o->n);
	if (!a)
		abort();
	*a = (struct answer){ .n = o->n, .at_ms = loop_now(f->loop) + f->delay_ms };
	memcpy(a->p, o->p, o->n);
	*f->out_end = a;
	f->out_end = &a->next;
	if (!timer_is_set(&f->deliver_timer))
		timer_start(f->loop, &f->deliver_timer, f->delay_ms);
}

/* ---- the language ---- */

static void put_status(struct tlv_out *o, const struct tlv_msg *m, int status)
{
	tlv_begin(o, m->cmd, 0, m->seq);
	tlv_put_u32(o, FLOW_A_STATUS, (u32)status);
	tlv_end(o);
}

static void hello(struct fake_engine *f, struct tlv_out *o, const struct tlv_msg *m)
{
	tlv_begin(o, FLOW_CMD_HELLO, 0, m->seq);
	tlv_put_u32(o, FLOW_A_STATUS, 0);
	tlv_put_u32(o, FLOW_A_VERSION, FLOW_VERSION);
	tlv_put_u64(o, FLOW_A_EPOCH, f->epoch);
	tlv_put_u32(o, FLOW_A_CAPS,
		    FLOW_CAP_IPV4 | FLOW_CAP_DTMF | (f->ipv4_only ? 0 : FLOW_CAP_IPV6) |
			    (engine_srtp_is_there() ? FLOW_CAP_SRTP | FLOW_CAP_RESUME : 0));
	tlv_end(o);
}

static void dump(struct fake_engine *f, struct tlv_out *o, const struct tlv_msg *m)
{
	struct tlv_report r;

	for (struct entry *e = f->flows; e; e = e->next) {
		flow_report(e, &r);
		tlv_begin(o, FLOW_CMD_DUMP, NLM_F_MULTI, m->seq);
		tlv_put_report(o, &r);
		tlv_end(o);
	}
	tlv_begin_done(o, m->seq);
	tlv_put_u32(o, FLOW_A_STATUS, 0);
	tlv_end(o);
}

static void request(struct fake_engine *f, struct tlv_out *o, const struct tlv_msg *m)
{
	struct tlv_report r;
	int err;

	switch (m->cmd) {
	case FLOW_CMD_HELLO:
		hello(f, o, m);
		break;
	case FLOW_CMD_SET:
		err = flow_set(f, m);
		if (m->flags & NLM_F_ACK)
			put_status(o, m, err);
		break;
	case FLOW_CMD_DEL:
		err = flow_del(f, tlv_u64(m, FLOW_A_ID, 0), &r);
		tlv_begin(o, FLOW_CMD_DEL, 0, m->seq);
		tlv_put_u32(o, FLOW_A_STATUS, (u32)err);
		if (!err)
			tlv_put_report(o, &r);
		tlv_end(o);
		break;
	case FLOW_CMD_DTMF:
		err = flow_dtmf(f, m);
		if (m->flags & NLM_F_ACK)
			put_status(o, m, err);
		break;
	case FLOW_CMD_DUMP:
		dump(f, o, m);
		break;
	case FLOW_CMD_SUBSCRIBE:
		f->subscribed = true;
		put_status(o, m, 0);
		break;
	default:
		put_status(o, m, -EOPNOTSUPP);
	}
}

static int take_datagram(void *arg, const void *p, size_t n)
{
	struct fake_engine *f = arg;
	static __thread uint8_t mem[FLOW_DATAGRAM_MAX];
	struct tlv_out o;
	struct tlv_msg m;
	int more;

	if (!f->client)
		return -ENOTCONN;
	tlv_out_init(&o, mem, sizeof(mem));
	while ((more = tlv_next(&p, &n, &m)) > 0)
		request(f, &o, &m);
	if (more < 0)
		abort(); /* control wrote what its own codec cannot read */
	engine_say(f, &o);
	return 0;
}

/* ---- connection ---- */

static void fire_connect(void *arg)
{
	struct fake_engine *f = arg;

	if (f->down)
		engine_gone(f->client, -ECONNREFUSED);
	else
		engine_connected(f->client);
}

static void open_engine(void *arg, struct engine *e)
{
	struct fake_engine *f = arg;

	f->client = e;
	timer_start(f->loop, &f->connect, 0);
}

static void close_engine(void *arg)
{
	struct fake_engine *f = arg;

	timer_stop(f->loop, &f->connect);
	clear_answers(f);
	f->client = NULL;
	f->subscribed = false;
}

struct engine_transport fake_engine_transport(struct fake_engine *f)
{
	return (struct engine_transport){
		.open = open_engine, .send = take_datagram, .close = close_engine, .arg = f
	};
}

struct fake_engine *fake_engine_new(struct loop *loop,
				    void (*deliver)(void *arg, const struct flow_addr *from,
						    const struct flow_addr *to, const uint8_t *p,
						    size_t n),
				    void *arg)
{
	struct fake_engine *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->loop = loop;
	f->deliver = deliver;
	f->arg = arg;
	f->epoch = 1;
	f->delay_ms = 1;
	f->out_end = &f->out;
	timer_init(&f->deliver_timer, deliver_answers, f);
	timer_init(&f->connect, fire_connect, f);
	return f;
}

void fake_engine_free(struct fake_engine *f)
{
	flow_clear(f);
	clear_answers(f);
	timer_stop(f->loop, &f->connect);
	free(f);
}

void fake_engine_down(struct fake_engine *f)
{
	struct engine *client = f->client;

	f->down = true;
	f->epoch++;
	flow_clear(f);
	clear_answers(f);
	f->subscribed = false;
	if (client)
		engine_gone(client, -ECONNRESET);
}

void fake_engine_up(struct fake_engine *f)
{
	f->down = false;
}

/* It comes back as one that relays no IPv6. */
void fake_engine_ipv4(struct fake_engine *f)
{
	f->ipv4_only = true;
	fake_engine_down(f);
	fake_engine_up(f);
}

void fake_engine_refuse(struct fake_engine *f, int status)
{
	f->refuse = status;
}

void fake_engine_delay(struct fake_engine *f, uint32_t ms)
{
	f->delay_ms = ms;
}

size_t fake_engine_flows(const struct fake_engine *f)
{
	size_t n = 0;

	for (const struct entry *e = f->flows; e; e = e->next)
		n++;
	return n;
}
