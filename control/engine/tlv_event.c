/* SPDX-License-Identifier: Apache-2.0 */
/* What happens in the engine, and what it is asked to do at once. */
#include <errno.h>
#include <string.h>
#include "engine/tlv_priv.h"

static void put_peer(struct tlv_out *o, const struct flow_addr *a)
{
	if (!a->family)
		return;
	tlv_put(o, FLOW_A_SOURCE, a->ip, flow_addr_len(a));
	tlv_put(o, FLOW_A_SRC_PORT, &a->port, sizeof(a->port));
}

static int get_peer(const struct tlv_msg *m, struct flow_addr *a, const char **why)
{
	const struct nlattr *ip = m->attr[FLOW_A_SOURCE], *port = m->attr[FLOW_A_SRC_PORT];

	memset(a, 0, sizeof(*a));
	if (!ip)
		return 0;
	if (!port || !nla_get_u16(port) || !flow_addr_take(a, nla_data(ip), (unsigned)nla_len(ip)))
		return tlv_bad(why, "source");
	a->port = nla_get_u16(port);
	return 0;
}

static int get_packet(const struct tlv_msg *m, u8 *component, struct flow_addr *peer,
		      const u8 **payload, u32 *n, const char **why)
{
	const struct nlattr *a = m->attr[FLOW_A_PAYLOAD];

	*component = tlv_u8(m, FLOW_A_COMPONENT, 0);
	if (*component > 1)
		return tlv_bad(why, "component");
	if (!a || !nla_len(a))
		return tlv_bad(why, "payload");
	if (nla_len(a) > FLOW_PAYLOAD_MAX) {
		*why = "payload";
		return -EMSGSIZE;
	}
	*payload = nla_data(a);
	*n = (u32)nla_len(a);
	return get_peer(m, peer, why);
}

/* The source travels as it does in a report, in the stats of its side; that of a punted packet is not the side's. */
void tlv_put_event(struct tlv_out *o, const struct tlv_event *e)
{
	tlv_put_u64(o, FLOW_A_ID, e->flow_id);
	tlv_put_u32(o, FLOW_A_GEN, e->gen);
	tlv_put_u32(o, FLOW_A_EVENT, e->event);
	tlv_put_u32(o, FLOW_A_SIDE, e->side);
	if (e->event == FLOW_EVENT_PUNT) {
		put_peer(o, &e->source);
	} else if (e->source.family) {
		struct flow_stats s = { .source = e->source };
		tlv_put_stats(o, FLOW_A_STATS0 + (int)(e->side & 1), &s);
	}
	if (e->event == FLOW_EVENT_DTMF) {
		tlv_put_u8(o, FLOW_A_DIGIT, e->digit);
		tlv_put_u32(o, FLOW_A_DURATION, e->duration_ms);
	}
	if (e->event == FLOW_EVENT_INDEX)
		tlv_put_resume(o, FLOW_A_RESUME, &e->resume);
	if (e->event == FLOW_EVENT_PUNT) {
		tlv_put_u8(o, FLOW_A_COMPONENT, e->component);
		tlv_put(o, FLOW_A_PAYLOAD, e->payload, e->n);
	}
}

void tlv_put_dtmf(struct tlv_out *o, const struct tlv_dtmf *d)
{
	tlv_put_u64(o, FLOW_A_ID, d->flow_id);
	tlv_put_u32(o, FLOW_A_SIDE, d->side);
	tlv_put_u8(o, FLOW_A_DIGIT, d->digit);
	tlv_put_u32(o, FLOW_A_DURATION, d->duration_ms);
}

static int get_key(const struct tlv_msg *m, u8 *digit, u32 *duration_ms, const char **why)
{
	*digit = tlv_u8(m, FLOW_A_DIGIT, FLOW_PT_NONE);
	*duration_ms = tlv_u32(m, FLOW_A_DURATION, 0);
	if (*digit > 15)
		return tlv_bad(why, "digit");
	return 0;
}

int tlv_get_event(const struct tlv_msg *m, struct tlv_event *e, const char **why)
{
	struct flow_stats s = { 0 };

	memset(e, 0, sizeof(*e));
	e->flow_id = tlv_u64(m, FLOW_A_ID, 0);
	e->gen = tlv_u32(m, FLOW_A_GEN, 0);
	e->event = tlv_u32(m, FLOW_A_EVENT, FLOW_EVENT_UNSPEC);
	e->side = tlv_u32(m, FLOW_A_SIDE, 0);
	if (e->event == FLOW_EVENT_UNSPEC || e->event > FLOW_EVENT_FLOOD)
		return tlv_bad(why, "event");
	if (e->side > 1)
		return tlv_bad(why, "side");
	int rc = tlv_get_stats(m->attr[FLOW_A_STATS0 + e->side], &s, why);
	if (rc)
		return rc;
	e->source = s.source;
	switch (e->event) {
	case FLOW_EVENT_DTMF:
		return get_key(m, &e->digit, &e->duration_ms, why);
	case FLOW_EVENT_INDEX:
		return tlv_get_resume(m->attr[FLOW_A_RESUME], &e->resume, why);
	case FLOW_EVENT_PUNT:
		return get_packet(m, &e->component, &e->source, &e->payload, &e->n, why);
	default:
		return 0;
	}
}

int tlv_get_dtmf(const struct tlv_msg *m, struct tlv_dtmf *d, const char **why)
{
	memset(d, 0, sizeof(*d));
	d->flow_id = tlv_u64(m, FLOW_A_ID, 0);
	d->side = tlv_u32(m, FLOW_A_SIDE, 2);
	if (!d->flow_id)
		return tlv_bad(why, "id");
	if (d->side > 1)
		return tlv_bad(why, "side");
	return get_key(m, &d->digit, &d->duration_ms, why);
}

void tlv_put_send(struct tlv_out *o, const struct tlv_send *s)
{
	tlv_put_u64(o, FLOW_A_ID, s->flow_id);
	tlv_put_u32(o, FLOW_A_SIDE, s->side);
	tlv_put_u8(o, FLOW_A_COMPONENT, s->component);
	put_peer(o, &s->to);
	tlv_put(o, FLOW_A_PAYLOAD, s->payload, s->n);
}

int tlv_get_send(const struct tlv_msg *m, struct tlv_send *s, const char **why)
{
	memset(s, 0, sizeof(*s));
	s->flow_id = tlv_u64(m, FLOW_A_ID, 0);
	s->side = tlv_u32(m, FLOW_A_SIDE, 2);
	if (!s->flow_id)
		return tlv_bad(why, "id");
	if (s->side > 1)
		return tlv_bad(why, "side");
	return get_packet(m, &s->component, &s->to, &s->payload, &s->n, why);
}
