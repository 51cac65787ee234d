/* SPDX-License-Identifier: Apache-2.0 */
/* Requests too long for UDP: RFC 3261 18.1.1. */
#include "sip/trans_priv.h"

#define UDP_REQUEST_MAX 1300
#define NO_TCP_MS       600000

static bool refuses_tcp(const struct sip *s, const struct addr *a)
{
	for (unsigned i = 0; i < NO_TCP_SLOTS; i++)
		if (s->no_tcp[i].until > loop_now(s->loop) && addr_ip_eq(&s->no_tcp[i].addr, a))
			return true;
	return false;
}

bool ctrans_too_long(struct sip *s, const struct sip_hop *to, size_t len)
{
	struct sip_hop tcp = *to;

	tcp.transport = SIP_TCP;
	return to->transport == SIP_UDP && len > UDP_REQUEST_MAX && s->user.tcp_allowed &&
	       s->user.tcp_allowed(s->user.arg, to->peer) && sip_sent_by(s, &tcp)->len &&
	       !refuses_tcp(s, &to->addr);
}

/* The core wrote the text: its Via follows the request line, and both names have three letters. */
void ctrans_change_transport(struct ctrans *ct, enum sip_transport t)
{
	static const char via[] = "\r\nVia: SIP/2.0/";
	char *at = memmem(ct->text, ct->len, via, sizeof(via) - 1);

	memcpy(at + sizeof(via) - 1, sip_transport_name(t), 3);
	ct->to.transport = (uint8_t)t;
	ct->to.conn = 0;
	ct->grown = t == SIP_TCP;
}

void ctrans_refuses_tcp(struct sip *s, const struct addr *a)
{
	unsigned i = s->no_tcp_next++ % NO_TCP_SLOTS;

	s->no_tcp[i].addr = *a;
	s->no_tcp[i].until = loop_now(s->loop) + NO_TCP_MS;
}
