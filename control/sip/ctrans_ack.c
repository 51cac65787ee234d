/* SPDX-License-Identifier: Apache-2.0 */
/* The ACKs for the 2xx of an INVITE: one for each fork, repeated for each repetition (RFC 3261 13.2.2.4). */
#include <errno.h>
#include <stdlib.h>
#include "sip/trans_priv.h"

struct ctrans_ack *ctrans_ack_of(const struct ctrans *ct, struct str tag)
{
	struct ctrans_ack *a = ct->acks;

	while (a && !str_eq((struct str){ a->text, a->tag_len }, tag))
		a = a->next;
	return a;
}

bool ctrans_has_many_acks(const struct ctrans *ct)
{
	unsigned n = 0;

	for (const struct ctrans_ack *a = ct->acks; a; a = a->next)
		n++;
	return n >= FORKS_MAX;
}

void ctrans_send_ack(struct ctrans *ct, const struct ctrans_ack *a)
{
	struct sip_hop to = a->to;

	sip_transmit_request(ct->sip, &to, (struct str){ a->text + a->tag_len, a->len });
}

int ctrans_ack(struct ctrans *ct, struct str tag, const struct sip_hop *to, struct str text)
{
	struct ctrans_ack *a = malloc(sizeof(*a) + tag.n + text.n);

	if (!a) {
		sip_transmit(ct->sip, to, text);
		return -ENOMEM;
	}
	*a = (struct ctrans_ack){ .next = ct->acks, .to = *to, .tag_len = tag.n, .len = text.n };
	if (tag.n)
		memcpy(a->text, tag.p, tag.n);
	memcpy(a->text + tag.n, text.p, text.n);
	ct->acks = a;
	ctrans_send_ack(ct, a);
	return 0;
}
