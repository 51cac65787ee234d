/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <linux/netlink.h>
#include "agent_priv.h"

/* ---- SET ---- */

/* The next hops are looked for before the first packet needs them. */
static void want_hops(struct agent *a, const struct rule *r)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct flow_addr *known[] = { &r->flow.side[i].remote, &r->flow.side[i].sig };
		for (unsigned k = 0; k < 2; k++) {
			struct hop_key key = hop_key(r->net[i]->index, known[k]->ip);
			if (known[k]->family == r->net[i]->family)
				neigh_want(a->p.neigh, &key);
		}
	}
}

static int set_new(struct agent *a, struct op *op, struct rule *rule)
{
	if (a->n_flows >= a->p.max_flows) {
		op->reason = "media.max-flows flows are there";
		return -ENOMEM;
	}
	struct dp_flow *f = flow_new(a->p.table->flows, rule);
	if (!f) {
		op->reason = "no memory for one more flow";
		return -ENOMEM;
	}
	int err = media_table_set(a->p.table, f, rule);
	if (err) {
		flow_free(f);
		op->reason = "local port is in use by another flow";
		return err;
	}
	f->rule = rule;
	err = agent_add(a, f);
	if (err) {
		media_table_clear(a->p.table, f);
		f->rule = NULL; /* the caller's again; a worker may be looking at both */
		media_table_retire(a->p.table, f, flow_free);
	}
	return err;
}

/* The rule is in force when the order is done: until then the worker still reads the old one. */
static int set_again(struct agent *a, struct op *op, struct dp_flow *f, struct rule *rule,
		     unsigned *n_orders)
{
	int err = flow_expect(f, rule);
	if (err)
		return err;
	err = media_table_set(a->p.table, f, rule);
	if (err) {
		op->reason = "local port is in use by another flow";
		return err;
	}
	op->old = f->rule;
	f->rule = rule;
	a->order[(*n_orders)++] = (struct order){ ORDER_RENEW, f, rule };
	agent_due(a, f);
	return 0;
}

static int do_set(struct agent *a, struct op *op, unsigned *n_orders)
{
	struct rule *rule;
	int err = rule_read(&rule, &op->msg, &op->reason);
	struct dp_flow *f = err ? NULL : agent_flow(a, rule->flow.id);
	if (!err && f && rule->flow.gen <= f->rule->flow.gen) {
		err = rule->flow.gen < f->rule->flow.gen ? -ESTALE : 0;
		op->reason = err ? "generation is older than the one in force" : NULL;
		rule_free(rule);
		return err;
	}
	if (!err)
		err = rule_finish(a->rules, rule, f ? f->rule : NULL, &op->reason);
	if (!err)
		err = f ? set_again(a, op, f, rule, n_orders) : set_new(a, op, rule);
	if (err) /* paths of a failed new flow may refer to it */
		media_table_retire(a->p.table, rule, rule_free);
	else
		want_hops(a, rule);
	return err;
}

/* ---- the others ---- */

static int do_hello(struct client *c, struct op *op)
{
	if (tlv_u32(&op->msg, FLOW_A_VERSION, 0) != FLOW_VERSION) {
		op->reason = "this engine speaks another version of the flow language";
		return -EPROTO;
	}
	c->hello = true;
	return 0;
}

static int do_del(struct agent *a, struct op *op, unsigned *n_orders)
{
	struct dp_flow *f = agent_flow(a, tlv_u64(&op->msg, FLOW_A_ID, 0));
	if (!f)
		return -ENOENT;
	media_table_clear(a->p.table, f);
	agent_remove(a, f);
	a->order[(*n_orders)++] = (struct order){ .kind = ORDER_FORGET, .flow = f };
	op->flow = f;
	return 0;
}

/* A worker says what becomes of it. */
static int do_dtmf(struct agent *a, struct op *op, unsigned *n_orders)
{
	struct tlv_dtmf d;
	int err = tlv_get_dtmf(&op->msg, &d, &op->reason);
	if (err)
		return err;
	struct dp_flow *f = agent_flow(a, d.flow_id);
	if (!f)
		return -ENOENT;
	op->order = &a->order[(*n_orders)++];
	*op->order = (struct order){ .kind = ORDER_PLAY,
				     .flow = f,
				     .ms = d.duration_ms,
				     .side = (u8)d.side,
				     .key = d.digit };
	return 0;
}

static int do_send(struct agent *a, struct op *op, unsigned *n_orders)
{
	struct tlv_send t;
	int err = tlv_get_send(&op->msg, &t, &op->reason);
	if (err)
		return err;
	struct dp_flow *f = agent_flow(a, t.flow_id);
	if (!f)
		return -ENOENT;
	op->order = &a->order[(*n_orders)++];
	*op->order = (struct order){ .kind = ORDER_SEND,
				     .flow = f,
				     .side = (u8)t.side,
				     .component = t.component,
				     .payload = t.payload,
				     .len = t.n,
				     .to = t.to };
	return 0;
}

static void played(struct op *op)
{
	static const struct {
		int status;
		const char *reason;
	} outcome[] = {
		[RELAY_PLAYED] = { 0, NULL },
		[RELAY_NO_EVENTS] = { -ENOTSUP, "that side takes no telephone-event" },
		[RELAY_KEYS_FULL] = { -EBUSY, "too many keys wait to be played" },
	};
	op->status = outcome[op->order->played].status;
	op->reason = outcome[op->order->played].reason;
}

/* What the workers have done with what they were told. */
static void take_outcome(struct op *op, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!op[i].order)
			continue;
		if (op[i].order->kind == ORDER_PLAY) {
			played(&op[i]);
			continue;
		}
		op[i].status = op[i].order->sent;
		if (op[i].status == -EHOSTUNREACH)
			op[i].reason = "it is not known where that side's media goes";
	}
}

static int do_dump(struct agent *a, struct client *c, struct op *op)
{
	if (op->msg.attr[FLOW_A_ID]) {
		op->flow = agent_flow(a, tlv_u64(&op->msg, FLOW_A_ID, 0));
		return op->flow ? 0 : -ENOENT;
	}
	if (c->dumping)
		return -EBUSY;
	c->dumping = true;
	c->dump_seq = op->msg.seq;
	c->dump_left = a->n_flows;
	return 0;
}

static int carry_out(struct agent *a, struct client *c, struct op *op, unsigned *n_orders)
{
	if (!c->hello && op->msg.cmd != FLOW_CMD_HELLO) {
		op->reason = "HELLO comes first";
		return -EPROTO;
	}
	switch (op->msg.cmd) {
	case FLOW_CMD_HELLO:
		return do_hello(c, op);
	case FLOW_CMD_SET:
		return do_set(a, op, n_orders);
	case FLOW_CMD_DEL:
		return do_del(a, op, n_orders);
	case FLOW_CMD_DTMF:
		return do_dtmf(a, op, n_orders);
	case FLOW_CMD_SEND:
		return do_send(a, op, n_orders);
	case FLOW_CMD_DUMP:
		return do_dump(a, c, op);
	case FLOW_CMD_TRACE:
		return verbs_trace(a, op);
	case FLOW_CMD_SUBSCRIBE:
		c->subscribed = true;
		return 0;
	default:
		op->reason = "no such command";
		return -EOPNOTSUPP;
	}
}

/* ---- replies ---- */

static bool answered(const struct op *op)
{
	bool whole_dump = op->msg.cmd == FLOW_CMD_DUMP && !op->msg.attr[FLOW_A_ID];
	bool several = !op->status && (whole_dump || op->msg.cmd == FLOW_CMD_TRACE);
	bool query = op->msg.cmd == FLOW_CMD_HELLO || op->msg.cmd == FLOW_CMD_DEL ||
		     op->msg.cmd == FLOW_CMD_DUMP || op->msg.cmd == FLOW_CMD_TRACE;
	return !several && (query || op->msg.flags & NLM_F_ACK);
}

static void put_reply(struct agent *a, const struct op *op, struct tlv_out *o)
{
	struct tlv_report r;
	tlv_begin(o, op->msg.cmd, 0, op->msg.seq);
	tlv_put_u32(o, FLOW_A_STATUS, (u32)op->status);
	if (op->status && op->reason)
		tlv_put_str(o, FLOW_A_REASON, op->reason);
	if (op->msg.cmd == FLOW_CMD_HELLO) {
		tlv_put_u32(o, FLOW_A_VERSION, FLOW_VERSION);
		tlv_put_u64(o, FLOW_A_EPOCH, a->epoch);
		tlv_put_u32(o, FLOW_A_CAPS,
			    FLOW_CAP_IPV4 | FLOW_CAP_IPV6 | FLOW_CAP_DTMF | FLOW_CAP_TRACE |
				    FLOW_CAP_PUNT | FLOW_CAP_SRTP | FLOW_CAP_RESUME);
	}
	if (op->flow) {
		agent_report(a, op->flow, &r);
		tlv_put_report(o, &r);
	} else if (op->msg.attr[FLOW_A_ID]) {
		tlv_put_u64(o, FLOW_A_ID, tlv_u64(&op->msg, FLOW_A_ID, 0));
	}
}

static void reply_all(struct agent *a, struct client *c, const struct op *op, unsigned n)
{
	struct tlv_out o;
	tlv_out_init(&o, a->out, FLOW_DATAGRAM_MAX);
	for (unsigned i = 0; i < n; i++) {
		if (!answered(&op[i]))
			continue;
		put_reply(a, &op[i], &o);
		if (!tlv_end(&o))
			continue;
		client_reply(c, o.p, o.n);
		tlv_out_init(&o, a->out, FLOW_DATAGRAM_MAX);
		put_reply(a, &op[i], &o);
		tlv_end(&o);
	}
	if (o.n)
		client_reply(c, o.p, o.n);
}

static void reply_traces(struct agent *a, struct client *c, struct op *op, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (op[i].msg.cmd == FLOW_CMD_TRACE && !op[i].status)
			verbs_trace_reply(a, c, &op[i]);
		free(op[i].frames);
	}
}

/* The workers have let go of these; other readers of the table may not have. */
static void retire(struct agent *a, struct op *op, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		media_table_retire(a->p.table, op[i].old, rule_free);
		if (op[i].msg.cmd != FLOW_CMD_DEL || !op[i].flow)
			continue;
		media_table_retire(a->p.table, op[i].flow->rule, rule_free);
		media_table_retire(a->p.table, op[i].flow, flow_free);
	}
}

int verbs_run(struct agent *a, struct client *c, const void *data, size_t len)
{
	int more = 1;
	while (more == 1) {
		unsigned n = 0, n_orders = 0;
		while (n < OPS_MAX) {
			struct op *op = &a->op[n];
			more = tlv_next(&data, &len, &op->msg);
			if (more != 1)
				break;
			op->flow = NULL;
			op->old = NULL;
			op->order = NULL;
			op->reason = NULL;
			op->frames = NULL;
			op->status = carry_out(a, c, op, &n_orders);
			n++;
		}
		if (n_orders)
			workers_order(a->workers, a->order, n_orders);
		take_outcome(a->op, n);
		reply_all(a, c, a->op, n);
		reply_traces(a, c, a->op, n);
		retire(a, a->op, n);
	}
	agent_scan_soon(a);
	if (c->dumping && !client_busy(c))
		verbs_dump(a, c);
	return more;
}

/* ---- DUMP of everything ---- */

static void put_ports(const struct agent *a, struct tlv_out *o)
{
	size_t nest = tlv_nest_begin(o, FLOW_A_PORTS);
	for (unsigned i = 0; i < a->p.ports->n_networks; i++) {
		const struct network *n = &a->p.ports->network[i];
		if (n->main)
			tlv_put_port(o, n->conf->name, n->port->driver, n->port->why);
	}
	tlv_nest_end(o, nest);
}

static void put_done(const struct agent *a, const struct client *c, struct tlv_out *o)
{
	struct dp_stats sum;
	workers_stats(a->workers, &sum);
	tlv_begin_done(o, c->dump_seq);
	stats_put(o, &sum);
	put_ports(a, o);
	tlv_end(o);
}

/* From the last flow to the first: when one goes away meanwhile, the last takes its place, and so
 * none is left out. */
void verbs_dump(struct agent *a, struct client *c)
{
	struct tlv_out o;
	while (c->dumping && !client_busy(c)) {
		tlv_out_init(&o, a->out, FLOW_DATAGRAM_MAX);
		int err = 0;
		if (c->dump_left > a->n_flows)
			c->dump_left = a->n_flows;
		while (c->dump_left && !err) {
			struct tlv_report r;
			agent_report(a, a->flow[c->dump_left - 1], &r);
			tlv_begin(&o, FLOW_CMD_DUMP, NLM_F_MULTI, c->dump_seq);
			tlv_put_u32(&o, FLOW_A_STATUS, 0);
			tlv_put_report(&o, &r);
			err = tlv_end(&o);
			c->dump_left -= !err;
		}
		if (o.n)
			client_reply(c, o.p, o.n);
		if (c->dump_left)
			continue;
		c->dumping = false;
		tlv_out_init(&o, a->out, FLOW_DATAGRAM_MAX);
		put_done(a, c, &o);
		client_reply(c, o.p, o.n);
	}
}
