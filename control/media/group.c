/* SPDX-License-Identifier: Apache-2.0 */
/* Multicast: who takes part has one view of the stream, whatever leg it is on. So address, port, direction and
 * payload types pass as they are, and the packets don't come by us. */
#include "media/media_priv.h"

static struct sdp_media *copy_line(const struct sdp_media *in, const struct terms *t,
				   struct sdp *out)
{
	struct sdp_media *o = sdp_add_media(out);

	o->kind = str_of(kind_name(t->kind));
	o->proto = t->feedback ? STR("RTP/AVPF") : STR("RTP/AVP");
	o->addr = in->addr;
	o->group = in->group;
	o->port = in->port;
	o->n_ports = in->n_ports;
	o->dir = in->dir;
	o->ptime = in->ptime;
	o->maxptime = in->maxptime;
	memcpy(o->bandwidth, in->bandwidth, sizeof(o->bandwidth));
	o->has_bandwidth = in->has_bandwidth;
	return o;
}

static void note(const struct sdp_format *f, struct line *l)
{
	struct codec c;

	if (!codec_of(f, &c))
		return;
	l->form[l->n_forms++] = (struct form){ .codec = codec_hash(&c),
					       .clock = c.clock,
					       .own = f->pt,
					       .also = SDP_PT_NONE,
					       .told = f->pt,
					       .kind = (u8)codec_kind(&c) };
}

/* As it was offered: by its number, which means the same; or -1. */
static int form_of(const struct line *l, const struct sdp_format *f)
{
	struct codec c;

	for (unsigned i = 0; i < l->n_forms && codec_of(f, &c); i++)
		if (l->form[i].told == f->pt && (f->pt < 96 || l->form[i].codec == codec_hash(&c)))
			return (int)i;
	return -1;
}

static void copy_feedback(const struct sdp_media *in, struct sdp *out)
{
	for (unsigned i = 0; i < in->n_fb; i++) {
		struct sdp_fb *fb = feedback_is_known(in->fb[i].value) ? sdp_add_fb(out) : NULL;
		if (fb)
			*fb = in->fb[i];
	}
}

static bool is_there(const struct sdp_media *in, const struct line *l)
{
	struct addr a = in->addr;

	a.port = in->port;
	return addr_eq(&a, &l->group);
}

static void begin(struct line *l, const struct sdp_media *in)
{
	l->group = in->addr;
	l->group.port = in->port;
	l->offer.way = WAY_GROUP;
	l->offer.dir[0] = l->offer.dir[1] = in->dir;
	l->offer.on = true;
}

bool group_offer(struct media *m, const struct sdp_media *in, const struct side_rules *trunks,
		 struct line *l, const struct line *ours)
{
	struct sdp *out = &m->ms->out;

	if (!in->port || !sdp_is_group(&in->addr) || l->offer.way != WAY_RTP ||
	    !trunks->offerer->multicast || !trunks->answerer->multicast || sdp_is_savp(in->proto) ||
	    trunks->offerer->srtp == CONF_SRTP_REQUIRE ||
	    trunks->answerer->srtp == CONF_SRTP_REQUIRE)
		return false;
	if (ours && (ours->offer.way != WAY_GROUP || !is_there(in, ours)))
		return false;
	struct sdp_media *o = copy_line(in, &l->offer, out);
	for (unsigned i = 0; i < in->n_formats && l->n_forms < FLOW_PTMAP_MAX; i++) {
		const struct sdp_format *f = &in->formats[i];
		if (!map_allows(trunks->offerer, f) || !map_allows(trunks->answerer, f) ||
		    form_of(l, f) >= 0 || (ours && form_of(ours, f) < 0))
			continue;
		struct sdp_format *to = sdp_add_format(out);
		if (!to)
			break;
		*to = *f;
		note(f, l);
	}
	if (!o->n_formats) {
		line_take_back(out);
		return false;
	}
	if (l->offer.feedback)
		copy_feedback(in, out);
	begin(l, in);
	return true;
}

bool group_answer(struct media *m, const struct sdp_media *in, const struct line *l,
		  struct outcome *r)
{
	struct sdp *out = &m->ms->out;

	if (!is_there(in, l))
		return false;
	struct sdp_media *o = copy_line(in, &l->offer, out);
	o->dir = l->offer.dir[0]; /* it must equal that of the offer */
	for (unsigned i = 0; i < in->n_formats; i++) {
		int k = form_of(l, &in->formats[i]);
		struct sdp_format *to;
		if (k < 0 || r->pt[k] != SDP_PT_NONE || !(to = sdp_add_format(out)))
			continue;
		*to = in->formats[i];
		r->pt[k] = to->pt;
		r->order[r->n++] = (u8)k;
	}
	if (!r->n) {
		line_take_back(out);
		return false;
	}
	if (l->offer.feedback)
		copy_feedback(in, out);
	return true;
}

void group_own(const struct sdp_media *o, struct line *l)
{
	for (unsigned i = 0; i < o->n_formats && l->n_forms < FLOW_PTMAP_MAX; i++)
		note(&o->formats[i], l);
	begin(l, o);
}
