/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <linux/netlink.h>
#include "engine/peer.h"

typedef void peer_out(struct peer *p, const void *d, size_t n);

struct tlv_report *peer_flow(struct peer *p, u64 id)
{
	for (unsigned i = 0; i < p->n_flows; i++)
		if (p->flows[i].flow.id == id)
			return &p->flows[i];
	return NULL;
}

static int set(struct peer *p, const struct tlv_msg *m, const char **why)
{
	struct tlv_report *r;
	struct flow f;

	p->sets++;
	if (tlv_get_flow(m, &f, why) < 0)
		return -EINVAL;
	if (p->refuse_set)
		return p->refuse_set;
	r = peer_flow(p, f.id);
	if (r && f.gen < r->flow.gen)
		return -ESTALE;
	if (!r && p->n_flows == PEER_FLOWS)
		return -ENOSPC;
	if (!r) {
		r = &p->flows[p->n_flows++];
		memset(r, 0, sizeof(*r));
	}
	if (f.gen > r->flow.gen)
		r->flow = f;
	return 0;
}

static int play(struct peer *p, const struct tlv_msg *m, const char **why)
{
	if (tlv_get_dtmf(m, &p->key, why) < 0)
		return -EINVAL;
	p->keys++;
	return peer_flow(p, p->key.flow_id) ? 0 : -ENOENT;
}

static void reply(struct tlv_out *o, const struct tlv_msg *m, int status)
{
	tlv_begin(o, m->cmd, 0, m->seq);
	tlv_put_u32(o, FLOW_A_STATUS, (u32)status);
}

static void hello(struct peer *p, struct tlv_out *o, const struct tlv_msg *m)
{
	reply(o, m, tlv_u32(m, FLOW_A_VERSION, 0) == p->version ? 0 : -EPROTO);
	tlv_put_u32(o, FLOW_A_VERSION, p->version);
	tlv_put_u64(o, FLOW_A_EPOCH, p->epoch);
	tlv_put_u32(o, FLOW_A_CAPS, p->caps);
	tlv_end(o);
}

static void one(struct peer *p, struct tlv_out *o, const struct tlv_msg *m)
{
	struct tlv_report *r = peer_flow(p, tlv_u64(m, FLOW_A_ID, 0));

	reply(o, m, r ? 0 : -ENOENT);
	if (r)
		tlv_put_report(o, r);
	tlv_end(o);
	if (!r || m->cmd != FLOW_CMD_DEL)
		return;
	p->dels++;
	*r = p->flows[--p->n_flows];
}

static void dump(struct peer *p, const struct tlv_msg *m, peer_out *out)
{
	u32 mem[1024];
	struct tlv_out o;

	for (unsigned i = 0; i < p->n_flows; i++) {
		tlv_out_init(&o, mem, sizeof(mem));
		tlv_begin(&o, FLOW_CMD_DUMP, NLM_F_MULTI, m->seq);
		tlv_put_report(&o, &p->flows[i]);
		tlv_end(&o);
		out(p, o.p, o.n);
	}
	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin_done(&o, m->seq);
	size_t nest = tlv_nest_begin(&o, FLOW_A_DROPS);
	tlv_put_drop(&o, "rtp_short", 3, "shorter than its own headers say");
	tlv_nest_end(&o, nest);
	nest = tlv_nest_begin(&o, FLOW_A_PORTS);
	tlv_put_port(&o, "outside", "AF_PACKET on eth0", "for a test");
	tlv_nest_end(&o, nest);
	tlv_end(&o);
	out(p, o.p, o.n);
}

static void handle(struct peer *p, struct tlv_out *o, const struct tlv_msg *m, peer_out *out)
{
	const char *why = "";

	if (m->cmd == FLOW_CMD_HELLO) {
		hello(p, o, m);
	} else if (m->cmd == FLOW_CMD_DUMP && !m->attr[FLOW_A_ID]) {
		dump(p, m, out);
	} else if (m->cmd == FLOW_CMD_DEL || m->cmd == FLOW_CMD_DUMP) {
		one(p, o, m);
	} else {
		int status = m->cmd == FLOW_CMD_SET    ? set(p, m, &why)
			     : m->cmd == FLOW_CMD_DTMF ? play(p, m, &why)
						       : 0;

		p->subscribed |= m->cmd == FLOW_CMD_SUBSCRIBE;
		if (!(m->flags & NLM_F_ACK))
			return;
		p->acks++;
		reply(o, m, status);
		if (*why)
			tlv_put_str(o, FLOW_A_REASON, why);
		tlv_end(o);
	}
}

void peer_handle(struct peer *p, const void *in, size_t n, peer_out *out)
{
	u32 *mem = malloc(FLOW_DATAGRAM_MAX);
	struct tlv_out o;
	struct tlv_msg m;

	tlv_out_init(&o, mem, FLOW_DATAGRAM_MAX);
	p->datagrams++;
	while (tlv_next(&in, &n, &m) == 1)
		handle(p, &o, &m, out);
	if (o.n)
		out(p, o.p, o.n);
	free(mem);
}

/* ---- as a transport ---- */

static void forget_work(struct peer *p)
{
	struct peer_work *w;

	while ((w = p->work)) {
		p->work = w->next;
		free(w);
	}
	p->work_tail = &p->work;
	timer_stop(p->loop, &p->timer);
}

static void deliver(struct peer *p, const void *d, size_t n)
{
	if (p->connected)
		engine_receive(p->engine, d, n);
}

static void due(void *arg)
{
	struct peer *p = arg;
	struct peer_work *w;

	while ((w = p->work) && w->due <= loop_now(p->loop)) {
		p->work = w->next;
		if (!p->work)
			p->work_tail = &p->work;
		if (!p->mute)
			peer_handle(p, w->data, w->n, deliver);
		free(w);
	}
	if (p->work)
		timer_start(p->loop, &p->timer, p->work->due - loop_now(p->loop));
}

static void open_peer(void *arg, struct engine *e)
{
	struct peer *p = arg;

	p->opens++;
	p->engine = e;
	if (!p->running) {
		engine_gone(e, -ECONNREFUSED);
		return;
	}
	p->connected = true;
	engine_connected(e);
}

static int send_peer(void *arg, const void *d, size_t n)
{
	struct peer *p = arg;
	struct peer_work *w;

	if (!p->connected)
		return -EPIPE;
	if (p->fail_send) {
		int rc = p->fail_send;
		p->fail_send = 0;
		return rc;
	}
	if (p->full) {
		p->full--;
		return -EAGAIN;
	}
	w = malloc(sizeof(*w) + n);
	*w = (struct peer_work){ .due = loop_now(p->loop) + p->latency_ms, .n = n };
	memcpy(w->data, d, n);
	*p->work_tail = w;
	p->work_tail = &w->next;
	if (!timer_is_set(&p->timer))
		timer_start(p->loop, &p->timer, p->latency_ms);
	return 0;
}

static void close_peer(void *arg)
{
	struct peer *p = arg;

	p->connected = p->subscribed = false;
	forget_work(p);
}

struct engine_transport peer_transport(struct peer *p)
{
	return (struct engine_transport){
		.open = open_peer, .send = send_peer, .close = close_peer, .arg = p
	};
}

void peer_init(struct peer *p, struct loop *loop)
{
	*p = (struct peer){ .loop = loop,
			    .epoch = 1,
			    .version = FLOW_VERSION,
			    .caps = FLOW_CAP_IPV4 | FLOW_CAP_IPV6,
			    .running = true };
	p->work_tail = &p->work;
	timer_init(&p->timer, due, p);
}

void peer_fini(struct peer *p)
{
	forget_work(p);
}

void peer_disconnect(struct peer *p)
{
	if (!p->connected)
		return;
	close_peer(p);
	engine_gone(p->engine, -EPIPE);
}

void peer_kill(struct peer *p)
{
	p->running = false;
	p->n_flows = 0;
	peer_disconnect(p);
}

void peer_start(struct peer *p)
{
	p->running = true;
	p->epoch++;
}

void peer_event(struct peer *p, const struct tlv_event *e)
{
	u32 mem[128];
	struct tlv_out o;

	if (!p->subscribed)
		return;
	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, FLOW_CMD_EVENT, 0, 0);
	tlv_put_event(&o, e);
	tlv_end(&o);
	deliver(p, o.p, o.n);
}
