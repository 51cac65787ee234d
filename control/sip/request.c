/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for our user, outside INVITE: a struct sip_request is their server transaction under another
 * name. */
#include <errno.h>
#include "sip/invite_priv.h"

int sip_request_reply(struct sip_request *request, const struct invite_reply *reply)
{
	struct strans *st = (struct strans *)request;
	struct sip *s = st->sip;
	struct response r = { .reply = *reply, .dialog = st->dialog, .hop = &st->to };
	char tag[IDENT_LEN];
	int rc;

	/* RFC 4320 4.2: the client has given up; a late answer would only confuse proxies. */
	if (loop_now(s->loop) - st->born >= sip_64_t1(s)) {
		count(s, COUNT_DROP_LATE_REPLY);
		strans_free(st);
		return 0;
	}
	if (!st->named)
		ident_random(s, tag);
	r.tag = (struct str){ st->named ? st->tag : tag, IDENT_LEN };
	if (st->dialog && st->echo)
		r.contact_user = st->echo->user;
	rc = st->owner ? invite_update_reply(st, &r) : strans_reply(st, &r);
	if (rc == -EMSGSIZE) {
		r.reply = (struct invite_reply){ .status = 500 };
		strans_reply(st, &r);
	}
	return rc;
}

void sip_request_drop(struct sip_request *request)
{
	struct strans *st = (struct strans *)request;

	count(st->sip, COUNT_DROP_LATE_REPLY);
	strans_drop(st);
}
