/* SPDX-License-Identifier: Apache-2.0 */
/* Client transactions that wait on a stream: who is told when it breaks (RFC 3261 17.1.4). A list of its own, so that
 * connections that come and go cost no look at all transactions. */
#include "sip/trans_priv.h"

void ctrans_wait_on_stream(struct ctrans *ct)
{
	struct sip *s = ct->sip;

	if (!sip_is_reliable(ct->to.transport))
		return;
	ct->next = s->on_streams;
	ct->pprev = &s->on_streams;
	if (ct->next)
		ct->next->pprev = &ct->next;
	s->on_streams = ct;
}

void ctrans_leave_stream(struct ctrans *ct)
{
	if (!ct->pprev)
		return;
	*ct->pprev = ct->next;
	if (ct->next)
		ct->next->pprev = ct->pprev;
	ct->pprev = NULL;
}

void ctrans_break_soon(struct ctrans *ct)
{
	ct->deadline = 0;
	timer_start(ct->sip->loop, &ct->timer, 0);
}

static bool went_by(const struct ctrans *ct, const struct sip_hop *hop)
{
	const struct sip_hop *to = &ct->to;

	return to->conn ? to->conn == hop->conn
			: to->network == hop->network && to->transport == hop->transport &&
				  addr_eq(&to->addr, &hop->addr);
}

void ctrans_broken(struct sip *s, const struct sip_hop *hop)
{
	for (struct ctrans *ct = s->on_streams; ct; ct = ct->next)
		if (went_by(ct, hop))
			ctrans_break_soon(ct);
}
