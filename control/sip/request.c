/* SPDX-License-Identifier: Apache-2.0 */
/* Requests outside dialogs: a struct sip_request is their server transaction under another name. */
#include <errno.h>
#include "sip/sip_priv.h"

int sip_request_reply(struct sip_request *request, const struct invite_reply *reply)
{
	struct strans *st = (struct strans *)request;
	struct sip *s = st->sip;
	struct response r = { .reply = *reply };
	char tag[IDENT_LEN];
	int rc;

	/* RFC 4320 4.2: the client has given up; a late answer would only confuse proxies. */
	if (loop_now(s->loop) - st->born >= sip_64_t1(s)) {
		count(s, COUNT_DROP_LATE_REPLY);
		strans_free(st);
		return 0;
	}
	ident_random(s, tag);
	r.tag = (struct str){ tag, sizeof(tag) };
	rc = strans_reply(st, &r);
	if (rc == -EMSGSIZE) {
		r.reply = (struct invite_reply){ .status = 500 };
		strans_reply(st, &r);
	}
	return rc;
}
