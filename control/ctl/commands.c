/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the control socket: what each shard is asked, and how the parts are put together.
 */
#include "ctl/ctl_priv.h"

#include <malloc.h>

#define CALL_FLOWS 16

/* ---- helpers ---- */

void ctl_add_counter(void *object, const char *name, uint64_t v)
{
	json_int_t before = json_integer_value(json_object_get(object, name));

	json_object_set_new(object, name, json_integer(before + (json_int_t)v));
}

void ctl_merge_counters(json_t *into, const json_t *from)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)from, name, v)
		ctl_add_counter(into, name, (uint64_t)json_integer_value(v));
}

/* ---- status ---- */

/* An engine that has no devices of its own, the kernel's, knows no networks: what it says is of all. */
static void status_port(void *arg, const char *network, const char *driver, const char *why)
{
	struct ctl_part *part = arg;
	const struct conf *conf = part->options->conf;
	json_t *list = json_object_get(part->result, "data_path");
	bool known = false;

	for (unsigned i = 0; i < conf->n_networks; i++)
		known |= strcmp(conf->networks[i].name, network) == 0;
	for (unsigned i = 0; i < conf->n_networks; i++) {
		const char *name = conf->networks[i].name;

		if (!known || strcmp(name, network) == 0)
			json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "network", name,
							      "driver", driver, "why", why));
	}
}

static void status_done(void *arg, int status)
{
	ctl_part_done(arg); /* without the engine the rest is still worth telling */
}

static json_t *view_overload(const struct overload *v)
{
	struct overload_state s;
	json_int_t waiting = 0;

	overload_state(v, &s);
	for (int c = 0; c < OVERLOAD_CLASSES; c++)
		waiting += (json_int_t)s.queued[c];
	return json_pack("{s:i,s:i,s:I}", "admitted_permille", (int)s.admitted_permille, "delay_ms",
			 (int)s.delay_ms, "waiting", waiting);
}

static json_int_t number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

/* The worst of all shards. */
static json_t *merge_overload(const struct ctl_part *parts, unsigned n)
{
	json_int_t permille = 1000, delay = 0, waiting = 0;

	for (unsigned i = 0; i < n; i++) {
		const json_t *o = json_object_get(parts[i].result, "overload");

		if (number(o, "admitted_permille") < permille)
			permille = number(o, "admitted_permille");
		if (number(o, "delay_ms") > delay)
			delay = number(o, "delay_ms");
		waiting += number(o, "waiting");
	}
	return json_pack("{s:I,s:I,s:I}", "admitted_permille", permille, "delay_ms", delay,
			 "waiting", waiting);
}

static void status_gather(struct ctl_part *part)
{
	const struct ctl_shard *s = part->shard;
	struct engine *e = media_engine(s->media);
	struct engine_dump d = { .port = status_port, .done = status_done, .arg = part };

	part->result = json_pack("{s:I,s:b,s:{},s:[],s:o,s:I,s:I}", "calls",
				 (json_int_t)calls_count(s->calls), "engine_up", engine_is_up(e),
				 "totals", "data_path", "overload", view_overload(s->overload),
				 "connections", (json_int_t)transport_connections(s->transport),
				 "certificate_ends", (json_int_t)transport_expires(s->transport));
	json_object_update_new(part->result,
			       engine_is_up(e)
				       ? json_pack("{s:s}", "engine", engine_name(e))
				       : json_pack("{s:s}", "engine_cause", engine_cause(e)));
	calls_counters(s->calls, ctl_add_counter, json_object_get(part->result, "totals"));
	if (s->index || engine_dump(e, &d) < 0)
		ctl_part_done(part);
}

static json_t *view_networks(const struct conf *conf)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < conf->n_networks; i++) {
		const struct conf_network *n = &conf->networks[i];

		json_array_append_new(list,
				      json_pack("{s:s,s:s,s:o,s:i,s:i,s:i}", "name", n->name,
						"port", n->port, "address", view_addr(&n->address),
						"sip_port", (int)n->sip_port, "media_lo",
						(int)n->media_lo, "media_hi", (int)n->media_hi));
		json_object_update_new(json_array_get(list, i),
				       json_pack("{s:b,s:b,s:b,s:i,s:o}", "udp", n->udp, "tcp",
						 n->tcp, "tls", n->certificate != NULL, "tls_port",
						 (int)n->tls_port, "address6",
						 view_addr(&n->address6)));
	}
	return list;
}

/* Octets that the process has allocated and not freed, of all threads. */
static json_int_t memory_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return (json_int_t)(m.uordblks + m.hblkhd);
}

static void status_merge(const struct ctl_options *o, json_t *reply, struct ctl_part *parts,
			 unsigned n)
{
	json_t *totals = json_object();
	json_int_t calls = 0, connections = 0;

	for (unsigned i = 0; i < n; i++) {
		calls += number(parts[i].result, "calls");
		connections += number(parts[i].result, "connections");
		ctl_merge_counters(totals, json_object_get(parts[i].result, "totals"));
	}
	json_object_set_new(reply, "version", json_string(o->version));
	json_object_set_new(reply, "config", json_string(o->conf->file));
	json_object_set_new(reply, "shards", json_integer(n));
	json_object_set_new(reply, "calls", json_integer(calls));
	json_object_set_new(reply, "connections", json_integer(connections));
	json_object_set(reply, "certificate_ends",
			json_object_get(parts[0].result, "certificate_ends"));
	json_object_set_new(reply, "memory", json_integer(memory_in_use()));
	json_object_set_new(reply, "totals", totals);
	json_object_set_new(reply, "overload", merge_overload(parts, n));
	json_object_set(reply, "engine_up", json_object_get(parts[0].result, "engine_up"));
	json_object_set(reply, "engine", json_object_get(parts[0].result, "engine"));
	json_object_set(reply, "engine_cause", json_object_get(parts[0].result, "engine_cause"));
	json_object_set_new(reply, "engine_asked",
			    json_string(conf_media_words[conf_media_of(o->conf)]));
	json_object_set(reply, "data_path", json_object_get(parts[0].result, "data_path"));
	json_object_set_new(reply, "networks", view_networks(o->conf));
}

/* ---- calls ---- */

static void calls_one(void *arg, const struct call_info *i)
{
	json_array_append_new(arg, view_call(i));
}

static void calls_gather(struct ctl_part *part)
{
	part->result = json_array();
	calls_each(part->shard->calls, calls_one, part->result);
	ctl_part_done(part);
}

static void calls_merge(const struct ctl_options *o, json_t *reply, struct ctl_part *parts,
			unsigned n)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_extend(all, parts[i].result);
	json_object_set_new(reply, "calls", all);
}

/* ---- call ---- */

static void call_flow(void *arg, int status, const struct tlv_report *r)
{
	struct ctl_part *part = arg;

	if (r)
		json_array_append_new(json_object_get(part->result, "flows"), view_flow(r));
	if (--part->waiting)
		return;
	ctl_media_of(part->result);
	ctl_part_done(part);
}

static void call_gather(struct ctl_part *part)
{
	struct call_info info;
	struct media_leg_info m[CALL_FLOWS];
	unsigned n = 0;

	if (!calls_find(part->shard->calls, part->call_id, &info)) {
		ctl_part_done(part);
		return;
	}
	part->result = view_call_full(&info);
	json_object_set_new(part->result, "flows", json_array());
	if (info.media)
		n = media_info(info.media, 0, m, CALL_FLOWS);
	part->waiting = 1;
	for (unsigned i = 0; i < n; i++) {
		part->waiting++;
		if (engine_get(media_engine(part->shard->media), m[i].flow_id, call_flow, part) < 0)
			part->waiting--;
	}
	call_flow(part, 0, NULL);
}

void ctl_call_merge(const struct ctl_options *o, json_t *reply, struct ctl_part *parts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (parts[i].result)
			json_object_set(reply, "call", parts[i].result);
	if (!json_object_get(reply, "call")) {
		json_object_set_new(reply, "ok", json_false());
		json_object_set_new(
			reply, "error",
			json_string("no call has this id; `sluicectl calls` lists them"));
	}
}

/* ---- the table ---- */

static const struct ctl_command commands[] = {
	{ "status", true, false, status_gather, status_merge },
	{ "calls", true, false, calls_gather, calls_merge },
	{ "call", true, true, call_gather, ctl_call_merge },
	{ "flows", true, false, ctl_flows_gather, ctl_flows_merge },
	{ "drops", true, false, ctl_drops_gather, ctl_drops_merge },
	{ "stage", false, false, ctl_stage_gather, ctl_stage_merge },
	{ "pcap", true, true, ctl_pcap_gather, ctl_call_merge },
	{ "why", true, true, ctl_why_gather, ctl_call_merge },
	{ "trunks", true, false, ctl_trunks_gather, ctl_trunks_merge },
};

const struct ctl_command *ctl_command_find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}
