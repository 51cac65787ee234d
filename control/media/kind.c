/* SPDX-License-Identifier: Apache-2.0 */
/* Which streams are relayed, where to, and what is written in place of those that are not. */
#include "media/media_priv.h"

static const char *const kinds[] = { "audio", "video", "text", "application", "image", "message" };

const char *kind_name(enum media_kind k)
{
	return kinds[k];
}

enum media_kind kind_of(struct str s)
{
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_caseeq(s, str_of(kinds[i])))
			return (enum media_kind)i;
	return KIND_APPLICATION;
}

bool kind_is_carried(const struct sdp_media *in, bool *feedback)
{
	*feedback = str_caseeq(in->proto, STR("RTP/AVPF"));
	if (!*feedback && !str_caseeq(in->proto, STR("RTP/AVP")))
		return false;
	return kind_of(in->kind) <= KIND_TEXT && in->n_ports == 1;
}

static bool is_loopback(const struct addr *a)
{
	static const u8 one[16] = { [15] = 1 };

	return a->family == 4 ? a->ip[0] == 127 : memcmp(a->ip, one, 16) == 0;
}

bool kind_can_reach(const struct conf_network *n, const struct addr *a)
{
	if (a->family != n->address.family)
		return false;
	if (is_loopback(a))
		return is_loopback(&n->address);
	if (a->family == 6)
		return a->ip[0] != 0xff;
	return a->ip[0] != 0 && a->ip[0] < 224; /* from there on groups, reserved ones, broadcast */
}

static struct str known_proto(struct str proto)
{
	static const char *const known[] = {
		"RTP/AVP",          "RTP/AVPF",          "RTP/SAVP", "RTP/SAVPF",
		"UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF", "udptl",    "UDP/DTLS/SCTP",
		"TCP/DTLS/SCTP",    "DTLS/SCTP",         "TCP/MSRP", "TCP/TLS/MSRP",
		"TCP/BFCP",         "TCP/TLS/BFCP",
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_caseeq(proto, str_of(known[i])))
			return str_of(known[i]);
	return STR("RTP/AVP");
}

void kind_refuse(struct sdp *out, enum media_kind k, struct str proto)
{
	struct sdp_media *m = sdp_add_media(out);
	struct sdp_format *f = m ? sdp_add_format(out) : NULL;

	if (!f)
		return;
	m->kind = str_of(kind_name(k));
	m->proto = known_proto(proto);
	m->dir = SDP_INACTIVE;
	f->id = m->proto.p[0] == 'R' || m->proto.p[0] == 'U' ? STR("0") : STR("*");
	if (str_eq(m->proto, STR("udptl")))
		f->id = STR("t38");
}
