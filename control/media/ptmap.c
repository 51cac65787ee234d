/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine translates: numbers of one leg to those of the other, and the keys. */
#include "media/media_priv.h"

static void add(struct map *out, unsigned side, u8 from, u8 to)
{
	if (from == SDP_PT_NONE || to == SDP_PT_NONE || out->n[side] == FLOW_PTMAP_MAX)
		return;
	for (unsigned i = 0; i < out->n[side]; i++)
		if (out->pt[side][i][0] == from)
			return;
	out->pt[side][out->n[side]][0] = from;
	out->pt[side][out->n[side]++][1] = to;
}

static void fill_events(const struct line *l, const struct outcome *r, unsigned o, struct map *out)
{
	const struct form *f = &l->form[r->event];
	unsigned a = !o;

	if (f->own != SDP_PT_NONE) {
		out->dtmf_out[o] = f->own;
		out->dtmf_in[o] = f->also != SDP_PT_NONE ? f->also : f->own;
		out->dtmf_clock[o] = f->clock;
	}
	if (r->taken) {
		out->flags[o] = FLOW_SIDE_DTMF_TELL | FLOW_SIDE_DTMF_TAKE;
		return;
	}
	out->dtmf_in[a] = f->told;
	out->dtmf_out[a] = r->pt[r->event];
	out->dtmf_clock[a] = r->event_clock;
	if (f->own == SDP_PT_NONE)
		out->flags[a] = FLOW_SIDE_DTMF_TELL | FLOW_SIDE_DTMF_TAKE;
}

static u32 offered_clock(const struct line *l)
{
	for (unsigned k = 0; k < l->n_forms; k++)
		if (l->form[k].kind == FORM_CODEC)
			return l->form[k].clock;
	return 8000;
}

/* also: the less likely numbers. */
static void add_forms(const struct line *l, const struct outcome *r, unsigned o, bool also,
		      struct map *out)
{
	unsigned n = r ? r->n : l->n_forms;

	for (unsigned i = 0; i < n; i++) {
		unsigned k = r ? r->order[i] : i;
		const struct form *f = &l->form[k];
		u8 pt = r ? r->pt[k] : f->told;
		add(out, o, also ? f->also : f->own, pt);
		add(out, !o, also ? pt : f->told, f->own);
	}
}

void map_fill(const struct line *l, const struct outcome *r, unsigned o, struct map *out)
{
	memset(out, 0, sizeof(*out)); /* padding too: maps are compared */
	memset(out->dtmf_in, FLOW_PT_NONE, sizeof(out->dtmf_in));
	memset(out->dtmf_out, FLOW_PT_NONE, sizeof(out->dtmf_out));
	out->dtmf_clock[0] = out->dtmf_clock[1] = 8000;
	out->clock = r ? r->clock : offered_clock(l);
	if (r) {
		memcpy(out->codec, r->codec, sizeof(out->codec));
		memcpy(out->rate, r->rate, sizeof(out->rate));
	}
	add_forms(l, r, o, false, out);
	add_forms(l, r, o, true, out); /* where room is left */
	if (r && r->event != SDP_PT_NONE)
		fill_events(l, r, o, out);
}
