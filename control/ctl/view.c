/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/ctl_priv.h"

#include "media/mos.h"
#include "media/suite.h"

#include <inttypes.h>
#include <stdio.h>

#define LEG_STREAMS 16

static const char *const state_names[FLOW_STATE_COUNT] = {
	[FLOW_STATE_IDLE] = "IDLE",
	[FLOW_STATE_PROBE] = "PROBE",
	[FLOW_STATE_LOCKED_WEAK] = "LOCKED_WEAK",
	[FLOW_STATE_LOCKED] = "LOCKED",
	[FLOW_STATE_REBIND_OK] = "REBIND_OK",
	[FLOW_STATE_RELEARN] = "RELEARN",
	[FLOW_STATE_CONFLICT] = "CONFLICT",
	[FLOW_STATE_FROZEN] = "FROZEN",
};

json_t *view_addr(const struct addr *a)
{
	char text[ADDR_STR_MAX];

	return a->family ? json_string(addr_print(a, text)) : json_null();
}

json_t *view_flow_addr(const struct flow_addr *f)
{
	struct addr a = { .port = f->port, .family = f->family };

	memcpy(a.ip, f->ip, sizeof(a.ip));
	return view_addr(&a);
}

/* What peers send may be any octets; JSON is UTF-8. */
json_t *view_str(struct str s)
{
	json_t *j = json_stringn(s.p ? s.p : "", s.n);

	return j ? j : json_string("(not UTF-8)");
}

json_t *view_id(uint64_t id)
{
	char text[20];

	snprintf(text, sizeof(text), "%016" PRIx64, id);
	return json_string(text);
}

json_t *view_octets(const void *p, size_t n)
{
	char text[2 * FLOW_HEAD_MAX];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	buf_hex(&b, p, n);
	return json_stringn(text, b.n);
}

json_t *view_stats(const struct flow_stats *s)
{
	const char *state = s->state < FLOW_STATE_COUNT ? state_names[s->state] : "?";
	json_t *j = json_pack("{s:I,s:I,s:I,s:I,s:f,s:I,s:I,s:s,s:o,s:o}", "packets",
			      (json_int_t)s->packets, "octets", (json_int_t)s->octets, "dropped",
			      (json_int_t)s->dropped, "lost", (json_int_t)s->lost, "jitter_ms",
			      s->jitter_us / 1000.0, "first_us", (json_int_t)s->first_us, "last_us",
			      (json_int_t)s->last_us, "state", state, "source",
			      view_flow_addr(&s->source), "refused", view_flow_addr(&s->refused));
	json_t *more =
		json_pack("{s:I,s:I,s:I,s:I,s:I,s:s,s:f,s:I,s:f,s:f}", "ssrc", (json_int_t)s->ssrc,
			  "ssrcs", (json_int_t)s->ssrcs, "auth_failed", (json_int_t)s->auth_failed,
			  "replayed", (json_int_t)s->replayed, "policed", (json_int_t)s->policed,
			  "last_drop", s->last_drop, "rtt_ms", s->rtt_us / 1000.0, "peer_lost",
			  (json_int_t)s->peer_lost, "peer_loss", s->peer_fraction / 256.0,
			  "peer_jitter_ms", s->peer_jitter_us / 1000.0);

	json_object_update_missing(j, more);
	json_decref(more);
	return j;
}

static json_t *view_leg(const struct call_leg_info *l)
{
	return json_pack("{s:s,s:s,s:o,s:o}", "trunk", l->trunk, "state", l->state, "user",
			 view_str(l->user), "peer", view_addr(&l->peer));
}

static const char *first_codec(const struct call_info *i)
{
	struct media_leg_info m[LEG_STREAMS];

	if (!i->media || !media_info(i->media, 0, m, LEG_STREAMS) || !m[0].codec)
		return "";
	return m[0].codec;
}

json_t *view_call(const struct call_info *i)
{
	return json_pack("{s:o,s:s,s:I,s:I,s:o,s:o,s:s,s:I}", "id", view_id(i->id), "state",
			 i->state, "started_us", (json_int_t)i->started_us, "answered_us",
			 (json_int_t)i->answered_us, "from", view_leg(&i->leg[0]), "to",
			 view_leg(&i->leg[1]), "codec", first_codec(i), "memory",
			 (json_int_t)i->memory);
}

static json_t *view_streams(const struct media *media, unsigned leg)
{
	struct media_leg_info m[LEG_STREAMS];
	json_t *list = json_array();
	unsigned n = media ? media_info(media, leg, m, LEG_STREAMS) : 0;

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(
			list, json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:i}", "kind", m[i].kind, "codec",
					m[i].codec ? m[i].codec : "", "direction", m[i].direction,
					"local", view_addr(&m[i].local), "remote",
					view_addr(&m[i].remote), "flow", view_id(m[i].flow_id),
					"side", (int)m[i].flow_side));
	return list;
}

/* What the other end has said of itself, by the words of SIP. */
static json_t *view_supports(unsigned bits)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {
		{ INVITE_PEER_100REL, "100rel" },
		{ INVITE_PEER_TIMER, "timer" },
		{ INVITE_PEER_REPLACES, "replaces" },
		{ INVITE_PEER_FROM_CHANGE, "from-change" },
		{ INVITE_PEER_NOREFERSUB, "norefersub" },
		{ INVITE_PEER_UPDATE, "UPDATE" },
		{ INVITE_PEER_REFER, "REFER" },
		{ INVITE_PEER_INFO, "INFO" },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (bits & words[i].bit)
			json_array_append_new(list, json_string(words[i].word));
	return list;
}

/* The session timer; null: there is none. */
static json_t *view_session(const struct call_leg_info *l)
{
	if (!l->session_s)
		return json_null();
	return json_pack("{s:I,s:s}", "interval_s", (json_int_t)l->session_s, "refresher",
			 l->refresh_is_ours ? "us" : "them");
}

static json_t *view_leg_full(const struct call_leg_info *l, json_t *media)
{
	json_t *leg = view_leg(l);

	json_object_set_new(leg, "call_id", view_str(l->call_id));
	json_object_set_new(leg, "local_tag", view_str(l->local_tag));
	json_object_set_new(leg, "remote_tag", view_str(l->remote_tag));
	json_object_set_new(leg, "offer_answer",
			    json_pack("{s:s,s:s}", "state", l->offer_state, "text", l->offer_text));
	json_object_set_new(leg, "session_timer", view_session(l));
	json_object_set_new(leg, "requires_100rel",
			    json_boolean(l->supports & INVITE_PEER_NEEDS_100REL));
	json_object_set_new(leg, "supports", view_supports(l->supports));
	json_object_set_new(leg, "media", media);
	return leg;
}

static const char *leg_name(unsigned leg, const char *none)
{
	static const char *const names[] = { "caller", "callee", "newcomer" };

	return leg < 3 ? names[leg] : none;
}

/* What is under way; null: nothing. */
static json_t *view_work(const struct call_work_info *w, const char *from, const char *to)
{
	if (!*w->state)
		return json_null();
	return json_pack("{s:s,s:s,s:s,s:s}", "state", w->state, "text", w->text, from,
			 leg_name(w->from, "us"), to, leg_name(w->to, "us"));
}

json_t *view_call_full(const struct call_info *i)
{
	json_t *call = view_call(i), *legs = json_array(), *events = json_array();

	for (unsigned l = 0; l < 2; l++)
		json_array_append_new(legs, view_leg_full(&i->leg[l], view_streams(i->media, l)));
	if (*i->transfer.state)
		json_array_append_new(legs, view_leg_full(&i->leg[2], json_array()));
	json_object_set_new(call, "exchange", view_work(&i->exchange, "from", "to"));
	json_object_set_new(call, "transfer", view_work(&i->transfer, "instead_of", "comes"));
	for (unsigned n = 0; n < i->n_events; n++)
		json_array_append_new(events, json_pack("{s:I,s:s,s:i,s:s}", "at_us",
							(json_int_t)i->events[n].wall_us, "leg",
							leg_name(i->events[n].leg, "call"),
							"status", (int)i->events[n].status, "what",
							i->events[n].what));
	json_object_set_new(call, "legs", legs);
	json_object_set_new(call, "events", events);
	return call;
}

static json_t *view_side(const struct tlv_report *r, unsigned s)
{
	const struct flow_side *side = &r->flow.side[s];
	const struct mos_path p = { .rtp = &r->rtp[s],
				    .rtcp_from = &r->rtcp[s],
				    .rtcp_to = &r->rtcp[!s],
				    .ptime_ms = side->ptime };
	json_t *j = json_pack("{s:o,s:o,s:s,s:o,s:o}", "local", view_flow_addr(&side->local), "sdp",
			      view_flow_addr(&side->remote), "mode",
			      side->mode == FLOW_MODE_NAT ? "nat" : "static", "rtp",
			      view_stats(&r->rtp[s]), "rtcp", view_stats(&r->rtcp[s]));

	json_object_update_new(
		j, json_pack("{s:s,s:s,s:f,s:f,s:b,s:I}", "srtp_in", suite_name(side->in.suite),
			     "srtp_out", suite_name(side->out.suite), "loss", mos_loss(&p),
			     "delay_ms", mos_delay_ms(&p), "on_hold",
			     (side->flags & FLOW_SIDE_HOLD) != 0, "rate", (json_int_t)side->rate));
	return j;
}

json_t *view_flow(const struct tlv_report *r)
{
	json_t *sides = json_array();

	for (unsigned s = 0; s < 2; s++)
		json_array_append_new(sides, view_side(r, s));
	return json_pack("{s:o,s:i,s:I,s:b,s:o}", "id", view_id(r->flow.id), "generation",
			 (int)r->flow.gen, "age_ms", (json_int_t)r->age_ms, "rtp",
			 r->flow.kind == FLOW_KIND_RTP, "sides", sides);
}

void view_flow_mos(json_t *flow, const char *codec)
{
	bool rtp = json_is_true(json_object_get(flow, "rtp"));
	json_t *side;
	size_t i;

	json_array_foreach(json_object_get(flow, "sides"), i, side)
	{
		json_int_t n = json_integer_value(
			json_object_get(json_object_get(side, "rtp"), "packets"));
		double r = mos_r(codec, json_real_value(json_object_get(side, "delay_ms")),
				 json_real_value(json_object_get(side, "loss")));

		json_object_set_new(side, "mos",
				    rtp && n >= MOS_PACKETS ? json_real(mos_of_r(r)) : json_null());
	}
}
