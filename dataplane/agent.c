/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "agent_priv.h"
#include "punt.h"
#include "stray.h"

#define SCAN_MS         100
#define CLOCKS_APART_US 500

/* ---- flows ---- */

static bool same_id(const struct table_node *n, const void *key)
{
	const struct dp_flow *f = container_of(n, struct dp_flow, by_id);
	return f->rule->flow.id == *(const u64 *)key;
}

struct dp_flow *agent_flow(struct agent *a, u64 id)
{
	struct table_node *n =
		table_find(&a->by_id, table_hash(&a->by_id, &id, sizeof(id)), same_id, &id);
	return n ? container_of(n, struct dp_flow, by_id) : NULL;
}

static int grow(struct agent *a)
{
	u32 cap = a->cap_flows ? a->cap_flows * 2 : 64;
	void *flow = realloc(a->flow, cap * sizeof(*a->flow));
	if (flow)
		a->flow = flow;
	void *due = flow ? realloc(a->due_us, cap * sizeof(*a->due_us)) : NULL;
	if (!due)
		return -ENOMEM;
	a->due_us = due;
	a->cap_flows = cap;
	return 0;
}

int agent_add(struct agent *a, struct dp_flow *f)
{
	u64 id = f->rule->flow.id;
	int err = a->n_flows == a->cap_flows ? grow(a) : 0;
	if (err)
		return err;
	f->place = a->n_flows++;
	a->flow[f->place] = f;
	agent_due(a, f);
	table_add(&a->by_id, &f->by_id, table_hash(&a->by_id, &id, sizeof(id)));
	return 0;
}

void agent_remove(struct agent *a, struct dp_flow *f)
{
	u32 last = --a->n_flows;
	a->flow[f->place] = a->flow[last];
	a->due_us[f->place] = a->due_us[last];
	a->flow[f->place]->place = f->place;
	table_del(&a->by_id, &f->by_id);
}

/* The two clocks are read one after the other: what differs by little is the time between. */
s64 agent_ahead(struct agent *a)
{
	struct timespec wall;
	clock_gettime(CLOCK_REALTIME, &wall);
	s64 ahead = (s64)wall.tv_sec * 1000000 + wall.tv_nsec / 1000 - (s64)worker_now_us();
	if (llabs(ahead - a->ahead) > CLOCKS_APART_US)
		a->ahead = ahead;
	return a->ahead;
}

/* Reads what the workers write: each number is right by itself, and exact once a flow is taken out.
 */
void agent_report(struct agent *a, const struct dp_flow *f, struct tlv_report *r)
{
	s64 ahead = agent_ahead(a);
	u64 now = worker_now_us();
	*r = (struct tlv_report){ .flow = f->rule->flow, .age_ms = (now - f->created_us) / 1000 };
	for (unsigned side = 0; side < 2; side++) {
		relay_stats(&f->path[side][RELAY_RTP].dir, ahead, &r->rtp[side]);
		relay_stats(&f->path[side][RELAY_RTCP].dir, ahead, &r->rtcp[side]);
	}
}

/* ---- events ---- */

static void send_event(struct agent *a, const struct tlv_event *e)
{
	struct tlv_out o;
	tlv_out_init(&o, a->out, FLOW_DATAGRAM_MAX);
	tlv_begin(&o, FLOW_CMD_EVENT, 0, 0);
	tlv_put_event(&o, e);
	if (tlv_end(&o))
		return;
	for (struct client *c = a->clients; c; c = c->next)
		if (c->subscribed)
			client_event(c, o.p, o.n);
}

static void take_note(struct agent *a, const struct note *n)
{
	struct tlv_event e = { .flow_id = n->flow_id,
			       .gen = n->gen,
			       .event = n->event,
			       .side = n->side,
			       .source = n->source,
			       .duration_ms = n->key_ms,
			       .digit = n->key,
			       .component = n->component,
			       .resume = n->resume };
	if (n->want) {
		struct hop_key key = hop_key((unsigned)n->want - 1, n->source.ip);
		neigh_want(a->p.neigh, &key);
		return;
	}
	if (n->m) {
		e.payload = rte_pktmbuf_mtod(n->m, const u8 *);
		e.n = rte_pktmbuf_data_len(n->m);
	}
	send_event(a, &e);
	rte_pktmbuf_free(n->m);
}

static void on_bell(void *arg, uint32_t events)
{
	struct agent *a = arg;
	struct note n;
	u64 count;
	(void)events;
	ssize_t got = read(a->p.notify, &count, sizeof(count));
	(void)got;
	while (workers_take_note(a->workers, &n))
		take_note(a, &n);
	for (unsigned i = 0; i < a->p.ports->n; i++)
		if (a->p.ports->port[i].punt)
			punt_run(a->p.ports->port[i].punt);
}

/* ---- time ---- */

void agent_due(struct agent *a, struct dp_flow *f)
{
	u32 idle = f->rule->flow.idle_ms;
	a->due_us[f->place] = idle ? worker_now_us() + idle * 1000ULL : UINT64_MAX;
}

static u64 last_packet_us(const struct dp_flow *f)
{
	u64 last = f->created_us;
	for (unsigned i = 0; i < 4; i++) {
		u64 t = f->path[i / 2][i % 2].dir.last_us;
		last = t > last ? t : last;
	}
	return last;
}

static void look(struct agent *a, u32 i, u64 now)
{
	const struct dp_flow *f = a->flow[i];
	u64 idle = f->rule->flow.idle_ms * 1000ULL, last = last_packet_us(f);
	if (now < last + idle) {
		a->due_us[i] = last + idle;
		return;
	}
	struct tlv_event e = { .flow_id = f->rule->flow.id,
			       .gen = f->rule->flow.gen,
			       .event = FLOW_EVENT_IDLE };
	a->due_us[i] = now + idle;
	send_event(a, &e);
}

static void on_scan(void *arg)
{
	struct agent *a = arg;
	u64 now = worker_now_us();
	for (u32 i = 0; i < a->n_flows; i++)
		if (a->due_us[i] <= now)
			look(a, i, now);
	if (media_table_reclaim(a->p.table) || a->n_flows)
		timer_start(a->p.loop, &a->scan, SCAN_MS);
}

void agent_scan_soon(struct agent *a)
{
	if (!timer_is_set(&a->scan))
		timer_start(a->p.loop, &a->scan, SCAN_MS);
}

/* ---- life ---- */

static void on_listen(void *arg, uint32_t events)
{
	struct agent *a = arg;
	(void)events;
	int fd = accept4(a->p.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (client_accept(a, fd))
		close(fd);
}

static void wake_workers(void *arg)
{
	struct agent *a = arg;
	if (a->workers)
		workers_wake(a->workers);
}

static int begin(struct agent *a)
{
	u64 key[2];
	loop_random(a->p.loop, key, sizeof(key));
	loop_random(a->p.loop, &a->epoch, sizeof(a->epoch));
	a->rules = rule_maker_new(a->p.ports);
	a->op = calloc(OPS_MAX, sizeof(*a->op));
	a->order = calloc(OPS_MAX, sizeof(*a->order));
	a->in = malloc(FLOW_DATAGRAM_MAX);
	a->out = malloc(FLOW_DATAGRAM_MAX);
	int err = a->rules && a->op && a->order && a->in && a->out ? table_init(&a->by_id, key, 64)
								   : -ENOMEM;
	timer_init(&a->scan, on_scan, a);
	neigh_on_known(a->p.neigh, wake_workers, a);
	if (!err)
		err = loop_fd_add(a->p.loop, &a->listen);
	if (!err)
		err = loop_fd_add(a->p.loop, &a->bell);
	for (unsigned i = 0; i < a->p.ports->n && !err; i++)
		if (a->p.ports->port[i].punt)
			err = punt_attach(a->p.ports->port[i].punt, a->p.loop, wake_workers, a);
	for (unsigned i = 0; i < a->p.ports->n && !err; i++)
		if (a->p.ports->port[i].stray)
			err = stray_attach(a->p.ports->port[i].stray, a->p.loop, wake_workers, a);
	return err;
}

struct agent *agent_new(const struct agent_parts *parts)
{
	struct agent *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->p = *parts;
	a->listen = (struct loop_fd){ parts->listener, EPOLLIN, on_listen, a };
	a->bell = (struct loop_fd){ parts->notify, EPOLLIN, on_bell, a };
	if (begin(a)) {
		agent_free(a);
		return NULL;
	}
	return a;
}

void agent_set_workers(struct agent *a, struct workers *ws)
{
	a->workers = ws;
}

void agent_free(struct agent *a)
{
	if (!a)
		return;
	while (a->clients)
		client_free(a->clients);
	timer_stop(a->p.loop, &a->scan);
	loop_fd_del(a->p.loop, &a->listen);
	loop_fd_del(a->p.loop, &a->bell);
	for (unsigned i = 0; i < a->p.ports->n; i++)
		punt_detach(a->p.ports->port[i].punt);
	for (unsigned i = 0; i < a->p.ports->n; i++)
		stray_detach(a->p.ports->port[i].stray);
	neigh_on_known(a->p.neigh, NULL, NULL);
	for (u32 i = 0; i < a->n_flows; i++) {
		rule_free(a->flow[i]->rule);
		flow_free(a->flow[i]);
	}
	table_fini(&a->by_id);
	free(a->flow);
	free(a->due_us);
	rule_maker_free(a->rules);
	free(a->op);
	free(a->order);
	free(a->in);
	free(a->out);
	free(a);
}
