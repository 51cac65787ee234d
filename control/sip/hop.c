/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/hop.h"

static const char *const names[SIP_TRANSPORTS] = { "UDP", "TCP", "TLS" };

const char *sip_transport_name(enum sip_transport t)
{
	return t < SIP_TRANSPORTS ? names[t] : "";
}

enum sip_transport sip_transport_of(struct str name)
{
	unsigned t = 0;

	while (t < SIP_TRANSPORTS && !str_caseeq(name, str_of(names[t])))
		t++;
	return (enum sip_transport)t;
}

uint16_t sip_default_port(enum sip_transport t)
{
	return t == SIP_TLS ? 5061 : 5060;
}
