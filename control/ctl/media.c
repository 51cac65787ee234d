/* SPDX-License-Identifier: Apache-2.0 */
/* The commands about media as a whole: flows, drops, stage. One shard asks for the whole engine; each knows what
 * its own calls have there. */
#include "ctl/ctl_priv.h"

/* ---- asking the engine ---- */

/* A part without an engine is answered at once. */
static void dump_or_done(struct ctl_part *part, const struct engine_dump *d)
{
	struct engine *e = media_engine(part->shard->media);

	if (engine_dump(e, d) == 0)
		return;
	part->error = engine_cause(e);
	ctl_part_done(part);
}

static void dump_done(void *arg, int status)
{
	struct ctl_part *part = arg;

	if (status)
		part->error = "the data plane did not answer";
	ctl_part_done(part);
}

/* ---- flows ---- */

static void flows_one(void *arg, const struct tlv_report *r)
{
	json_array_append_new(json_object_get(((struct ctl_part *)arg)->result, "flows"),
			      view_flow(r));
}

/* What a flow is for: the stream of a call. */
static json_t *view_owner(const struct call_info *i, const struct media_leg_info leg[2])
{
	return json_pack("{s:o,s:s,s:s,s:[s,s],s:[s,s]}", "call", view_id(i->id), "kind",
			 leg[0].kind, "codec", leg[0].codec ? leg[0].codec : "", "trunks",
			 i->leg[0].trunk, i->leg[1].trunk, "directions", leg[0].direction,
			 leg[1].direction);
}

static void owners_one(void *arg, const struct call_info *i)
{
	struct media_leg_info m[2][CTL_STREAMS];
	unsigned n = i->media ? media_info(i->media, 0, m[0], CTL_STREAMS) : 0;

	if (n)
		media_info(i->media, 1, m[1], CTL_STREAMS);
	for (unsigned s = 0; s < n; s++) {
		const struct media_leg_info leg[2] = { m[0][s], m[1][s] };
		json_t *id = view_id(leg[0].flow_id);

		json_object_set_new(arg, json_string_value(id), view_owner(i, leg));
		json_decref(id);
	}
}

void ctl_flows_gather(struct ctl_part *part)
{
	struct engine_dump d = { .flow = flows_one, .done = dump_done, .arg = part };

	part->result = json_pack("{s:[],s:{}}", "flows", "owners");
	calls_each(part->shard->calls, owners_one, json_object_get(part->result, "owners"));
	if (part->shard->index)
		ctl_part_done(part);
	else
		dump_or_done(part, &d);
}

/* Names and quality of one flow; a flow that no call has is an orphan. */
static void adopt(json_t *flow, const json_t *owner)
{
	const char *codec = json_string_value(json_object_get(owner, "codec"));

	if (owner)
		json_object_update(flow, (json_t *)owner);
	view_flow_mos(flow, codec ? codec : "");
}

void ctl_flows_merge(const struct ctl_options *o, json_t *reply, struct ctl_part *parts, unsigned n)
{
	json_t *flows = json_object_get(parts[0].result, "flows"), *flow;
	size_t k;

	json_array_foreach(flows, k, flow)
	{
		const char *id = json_string_value(json_object_get(flow, "id"));
		const json_t *owner = NULL;

		for (unsigned i = 0; i < n && !owner; i++)
			owner = json_object_get(json_object_get(parts[i].result, "owners"), id);
		adopt(flow, owner);
	}
	json_object_set(reply, "flows", flows);
}

/* Each stream's codec is that of its leg's first line. */
void ctl_media_of(json_t *call)
{
	json_t *leg = json_array_get(json_object_get(call, "legs"), 0), *flow, *m;
	size_t i, k;

	json_array_foreach(json_object_get(call, "flows"), i, flow)
	{
		const char *codec = "";

		json_array_foreach(
			json_object_get(leg, "media"), k,
			m) if (json_equal(json_object_get(m, "flow"), json_object_get(flow, "id")))
			codec = json_string_value(json_object_get(m, "codec"));
		view_flow_mos(flow, codec);
	}
}

/* ---- drops ---- */

static void drops_one(void *arg, const char *name, u64 count, const char *text)
{
	struct ctl_part *part = arg;

	ctl_add_counter(json_object_get(part->result, "media"), name, count);
	json_object_set_new(json_object_get(part->result, "texts"), name, json_string(text));
}

void ctl_drops_gather(struct ctl_part *part)
{
	struct engine_dump d = { .drop = drops_one, .done = dump_done, .arg = part };
	json_t *sip;

	part->result = json_pack("{s:{},s:{},s:{}}", "media", "texts", "sip");
	sip = json_object_get(part->result, "sip");
	sip_counters(part->shard->sip, ctl_add_counter, sip);
	transport_counters(part->shard->transport, ctl_add_counter, sip);
	overload_counters(part->shard->overload, ctl_add_counter, sip);
	if (part->shard->index)
		ctl_part_done(part);
	else
		dump_or_done(part, &d);
}

void ctl_drops_merge(const struct ctl_options *o, json_t *reply, struct ctl_part *parts, unsigned n)
{
	json_t *sip = json_object();

	for (unsigned i = 0; i < n; i++)
		ctl_merge_counters(sip, json_object_get(parts[i].result, "sip"));
	json_object_set(reply, "media", json_object_get(parts[0].result, "media"));
	json_object_set(reply, "texts", json_object_get(parts[0].result, "texts"));
	json_object_set_new(reply, "sip", sip);
}

/* ---- stage ---- */

static void stage_one(void *arg, const char *name, u64 count, const char *text)
{
	static const char prefix[] = "work.";
	json_t *result = ((struct ctl_part *)arg)->result;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return;
	name += sizeof(prefix) - 1;
	ctl_add_counter(json_object_get(result, "work"), name, count);
	json_object_set_new(json_object_get(result, "texts"), name, json_string(text));
}

/* Cycles are what an engine counts that has them; of work alone nothing can be told. */
static void stage_done(void *arg, int status)
{
	struct ctl_part *part = arg;

	if (!status && !json_object_get(json_object_get(part->result, "work"), "cycles_all"))
		part->error = "the kernel engine does not measure its stages: `sluicectl drops "
			      "--all` has its counters, and `perf top` shows where the kernel's "
			      "time goes";
	dump_done(part, status);
}

void ctl_stage_gather(struct ctl_part *part)
{
	struct engine_dump d = { .drop = stage_one, .done = stage_done, .arg = part };

	part->result = json_pack("{s:{},s:{}}", "work", "texts");
	dump_or_done(part, &d);
}

void ctl_stage_merge(const struct ctl_options *o, json_t *reply, struct ctl_part *parts, unsigned n)
{
	json_object_update(reply, parts[0].result);
}
