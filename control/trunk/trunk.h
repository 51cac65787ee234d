/* SPDX-License-Identifier: Apache-2.0 */
/* The trunks of the configuration as they are now, for one shard: where requests to each of them go, in which
 * order, and whose a message is. A trunk whose host is an address needs no DNS. That of a name is looked up
 * (RFC 3263, sip/resolve.h) at start and again shortly before the records end; where DNS fails, or does not know
 * the name any more, the last answer stays in use.
 *
 * A message is a trunk's when it comes from its `sources`, or from an address of its name. Such an address stays
 * known for an hour after it was last in an answer, for calls that began there and for names whose answers
 * take turns; 64 of each trunk at most. What the file says goes before what DNS says: a name cannot take
 * the address of another trunk. One thread. */
#ifndef SLUICE_TRUNK_TRUNK_H
#define SLUICE_TRUNK_TRUNK_H

#include "conf/conf.h"
#include "sip/resolve.h"
#include "sip/sip.h"

struct trunks;

struct trunks_options {
	struct loop *loop;
	struct log *log;
	const struct conf *conf; /* outlives the trunks; its sip.dns is asked */
	/* Optional: the addresses of trunks_each_source() are others now. Called at the end of a round of the
	 * loop, once for all changes of it. */
	void (*changed)(void *arg);
	void *arg;
	/* As in struct resolver_options; 0: the usual. */
	uint32_t dns_timeout_ms, dead_ms, least_ms;
};

struct trunks *trunks_new(const struct trunks_options *o); /* NULL + errno */
void trunks_free(struct trunks *t); /* NULL is allowed; nothing is called any more */

/* The targets of a trunk in the order to be tried, drawn anew by their weights, those that failed lately last.
 * Returns their number; 0: its name is not resolved, trunks_status() says why. */
unsigned trunks_targets(struct trunks *t, unsigned trunk, struct sip_hop out[SIP_TARGETS_MAX]);
/* 0; -EINPROGRESS: the first lookup is under way; or why the last one failed: -ENOENT, -ETIMEDOUT,
 * -EIO. There may be targets in spite of it, of an earlier one. */
int trunks_status(const struct trunks *t, unsigned trunk);
bool trunks_is_dead(const struct trunks *t, const struct sip_hop *target);

/* Whether the address belongs to a trunk: its index, or SIP_NO_PEER. As sip_user.peer_of, udp_options.known and
 * transport_options.peer_of want it; `trunks` is a struct trunks. */
int trunks_peer_of(void *trunks, const struct sip_hop *from);
/* As sip_user.target wants it: a target answered (status 0), or failed (408, 503). */
void trunks_target(void *trunks, const struct sip_hop *to, unsigned status, uint32_t retry_after_s);
/* As transport_options.tls_name wants it: what the certificate of this trunk must name (RFC 5922 7.1: what
 * the configuration says, and not what DNS made of it). NULL: TLS is not spoken with it. */
const char *trunks_tls_name(void *trunks, int trunk);

/* All that trunks_peer_of() knows, for filters: prefixes of the file, and addresses of names. */
typedef void trunk_source_fn(void *arg, unsigned network, const struct prefix *p, unsigned trunk);
void trunks_each_source(const struct trunks *t, trunk_source_fn *fn, void *arg);

void trunks_counters(const struct trunks *t, void (*fn)(void *arg, const char *name, uint64_t v),
		     void *arg);

#endif
