/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 or IPv6 for the media of a leg. A port is taken on both addresses of its network at once, so that a leg
 * may change from one to the other; where its network has further addresses, on those of one place (pool.h). */
#include "media/media_priv.h"

static bool engine_relays(const struct media *m, u8 family)
{
	u32 caps = engine_caps(m->ms->engine); /* 0: it was never there */

	return !caps || caps & (family == 6 ? FLOW_CAP_IPV6 : FLOW_CAP_IPV4);
}

bool family_is_there(const struct media *m, unsigned leg, u8 family)
{
	return family_local(m, leg, family)->family == family && engine_relays(m, family);
}

u8 family_for(const struct media *m, unsigned leg, const struct addr *remote)
{
	const struct media_leg *l = leg_of(m, leg);
	u8 want = remote->family;

	if (!want)
		want = l->sig.family ? l->sig.family : l->trunk->host.family;
	return (want == 6 && family_is_there(m, leg, 6)) || !family_local(m, leg, 4)->family ? 6
											     : 4;
}

u8 family_agreed(const struct media *m, unsigned leg, unsigned i)
{
	const struct stream *s = stream_at(m, i);
	const struct draft *d = leg == MEDIA_THIRD ? m->third->settled : NULL;

	if (d)
		return i < d->n ? d->line[i].answer.terms.family[m->third->replaces] : 0;
	return s && leg < 2 ? s->now.family[leg] : 0;
}

const struct addr *family_local(const struct media *m, unsigned leg, u8 family)
{
	const struct conf_network *n = media_network(m, leg);
	unsigned place = leg_of(m, leg)->place;

	if (place)
		return pool_address(media_pool_of(m, leg), place, family);
	return family == 6 ? &n->address6 : &n->address;
}

const struct addr *family_advertised(const struct media *m, unsigned leg, u8 family)
{
	const struct conf_network *n = media_network(m, leg);

	return n->public.family == (family == 6 ? 6 : 4) ? &n->public
							 : family_local(m, leg, family);
}

/* A c= of its own stands at each stream that came to have the other family: the origin must stay. */
const struct addr *family_origin(struct media *m, unsigned leg)
{
	const struct sdp *out = &m->ms->out;
	u8 *family = &leg_at(m, leg)->family;

	for (unsigned i = 0; i < out->n_media && !*family; i++)
		if (out->media[i].port && !sdp_is_group(&out->media[i].addr))
			*family = out->media[i].addr.family;
	return family_advertised(m, leg, *family);
}

static bool is_loopback(const struct addr *a)
{
	static const u8 one[16] = { [15] = 1 };

	return a->family == 4 ? a->ip[0] == 127 : memcmp(a->ip, one, 16) == 0;
}

bool family_can_reach(const struct media *m, unsigned leg, const struct addr *a)
{
	if (!family_is_there(m, leg, a->family) || sdp_is_group(a))
		return false;
	if (is_loopback(a))
		return is_loopback(family_local(m, leg, a->family));
	/* From 240 on: reserved ones, broadcast. */
	return a->family == 6 || (a->ip[0] != 0 && a->ip[0] < 240);
}
