/* SPDX-License-Identifier: Apache-2.0 */
/* The command `pcap`: the packet heads that the engine has of a call, each with the network it was on. */
#include <errno.h>
#include "ctl/ctl_priv.h"

/* While one flow is read. */
struct reading {
	struct ctl_part *part;
	json_t *flow; /* its object; in part->result */
};

static const char *network_of(const struct ctl_options *o, const char *trunk)
{
	for (unsigned i = 0; i < o->conf->n_trunks; i++)
		if (strcmp(o->conf->trunks[i].name, trunk) == 0)
			return o->conf->trunks[i].on->name;
	return trunk;
}

static void finished(struct ctl_part *part)
{
	if (--part->waiting)
		return;
	free(part->work);
	ctl_part_done(part);
}

static void one_frame(void *arg, const struct tlv_frame *f)
{
	const struct reading *r = arg;

	json_array_append_new(json_object_get(r->flow, "frames"),
			      json_pack("{s:I,s:i,s:b,s:I,s:o,s:s?}", "time_us",
					(json_int_t)f->time_us, "side", (int)f->side, "out", f->out,
					"length", (json_int_t)f->len, "head",
					view_octets(f->head, f->n_head), "dropped", f->why));
}

static void all_frames(void *arg, int status)
{
	struct ctl_part *part = ((struct reading *)arg)->part;

	if (status && status != -ENOENT)
		part->error = "the data plane did not answer";
	finished(part);
}

static void read_flow(struct ctl_part *part, const struct media_leg_info *m, struct reading *r)
{
	struct engine_trace t = { .frame = one_frame, .done = all_frames, .arg = r };
	struct engine *e = media_engine(part->shard->media);

	r->part = part;
	r->flow = json_pack("{s:o,s:s,s:s,s:[]}", "id", view_id(m->flow_id), "kind", m->kind,
			    "codec", m->codec ? m->codec : "", "frames");
	json_array_append_new(json_object_get(part->result, "flows"), r->flow);
	part->waiting++;
	if (engine_trace(e, m->flow_id, &t) == 0)
		return;
	part->error = engine_cause(e);
	part->waiting--;
}

void ctl_pcap_gather(struct ctl_part *part)
{
	struct media_leg_info m[CTL_STREAMS];
	struct call_info i;
	struct reading *work;
	struct engine *e;
	unsigned n;

	if (!calls_find(part->shard->calls, part->call_id, &i) ||
	    !(work = calloc(CTL_STREAMS, sizeof(*work)))) {
		ctl_part_done(part);
		return;
	}
	e = media_engine(part->shard->media);
	if (engine_is_up(e) && !(engine_caps(e) & FLOW_CAP_TRACE)) {
		part->error = "the kernel engine keeps no packet heads, as sluice-dp does: use "
			      "`tcpdump` on the interfaces that `sluicectl status` lists";
		free(work);
		ctl_part_done(part);
		return;
	}
	n = i.media ? media_info(i.media, 0, m, CTL_STREAMS) : 0;
	part->work = work;
	part->result = json_pack("{s:o,s:[s,s],s:[s,s],s:[]}", "id", view_id(i.id), "trunks",
				 i.leg[0].trunk, i.leg[1].trunk, "networks",
				 network_of(part->options, i.leg[0].trunk),
				 network_of(part->options, i.leg[1].trunk), "flows");
	part->waiting = 1;
	for (unsigned k = 0; k < n; k++)
		read_flow(part, &m[k], &work[k]);
	finished(part);
}
