/* SPDX-License-Identifier: Apache-2.0 */
/* Where a message came from, or where one goes: the noun that transports and core share. */
#ifndef SLUICE_SIP_HOP_H
#define SLUICE_SIP_HOP_H

#include "base/addr.h"

enum sip_transport {
	SIP_UDP,
	SIP_TCP,
	SIP_TLS,
	SIP_TRANSPORTS
};

#define SIP_NO_PEER (-1)

struct sip_hop {
	struct addr addr;  /* of the peer, with port */
	uint32_t conn;     /* a stream: the connection; 0: none in particular, open one or take one */
	uint16_t network;  /* ours */
	int16_t peer;      /* which neighbour it is, as sip_user.peer_of says; SIP_NO_PEER: nobody */
	uint8_t transport; /* enum sip_transport */
};

static inline bool sip_is_reliable(enum sip_transport t)
{
	return t != SIP_UDP;
}

/* "UDP", "TCP", "TLS": as in a Via. */
const char *sip_transport_name(enum sip_transport t);
/* Of a Via or of a transport parameter, any case. SIP_TRANSPORTS: none that we have. */
enum sip_transport sip_transport_of(struct str name);
/* 5060, TLS: 5061 (RFC 3261 19.1.2). */
uint16_t sip_default_port(enum sip_transport t);

#endif
