/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_SIP_TRANSPORT_PRIV_H
#define SLUICE_SIP_TRANSPORT_PRIV_H

#include "base/table.h"
#include "sip/transport.h"

#define TRANSPORT_COUNTERS(X)                                                                      \
	X(FOREIGN, "transport.foreign")                                                            \
	X(FOREIGN_LOST, "transport.foreign-lost")                                                  \
	X(ALIASES, "transport.aliases")                                                            \
	X(RESPONSE_VIA, "transport.response-by-via")

enum transport_count {
#define X(id, name) TRANSPORT_##id,
	TRANSPORT_COUNTERS(X)
#undef X
	TRANSPORT_COUNTS
};

struct transport {
	struct transport_options o;
	struct transport_network *networks;
	struct transport_peer *peers;
	struct tls_context **of_network, **of_peer; /* NULL: none of its own, or none yet */
	struct udp *udp;
	struct stream *stream;
	struct table aliases;
	uint64_t counter[TRANSPORT_COUNTS];
};

static inline void transport_count(struct transport *t, enum transport_count id)
{
	t->counter[id]++;
}

/* transport_tls.c */
int transport_tls_start(struct transport *t); /* 0 or -errno, logged */
void transport_tls_free(struct transport *t);
struct tls_context *transport_tls_listen(struct transport *t, unsigned network); /* NULL: no TLS */
/* The callbacks of stream.h. */
struct tls_context *transport_tls_context(void *transport, const struct sip_hop *from);
enum stream_verdict transport_tls_verify(void *transport, const struct sip_hop *from,
					 const struct tls *tls);
bool transport_tls_route(struct transport *t, const struct sip_hop *to, struct stream_route *r);

/* transport_alias.c */
void transport_alias_add(struct transport *t, const struct sip_hop *hop, uint32_t conn);
void transport_alias_drop(struct transport *t, uint32_t conn);
uint32_t transport_alias_of(const struct transport *t, const struct sip_hop *to); /* 0: none */
/* Does this request, the first of a connection with a proven name, ask for one? Then *port is its. */
bool transport_alias_asked(char *buf, size_t len, uint16_t *port);
void transport_alias_free(struct transport *t);

#endif
