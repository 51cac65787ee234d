/* SPDX-License-Identifier: Apache-2.0 */
/* What is allowed, but hardly meant. */
#include <stdio.h>
#include "conf_priv.h"

/* Whoever reads the signalling has the keys (RFC 4568 7). */
static bool keys_in_the_open(const struct conf_trunk *t)
{
	return t->srtp != CONF_SRTP_OFF && t->transport != CONF_TRANSPORT_TLS;
}

void conf_warn(const struct conf *c, void (*say)(void *arg, const char *text), void *arg)
{
	char text[256];

	for (unsigned i = 0; i < c->n_trunks; i++) {
		const struct conf_trunk *t = &c->trunks[i];
		if (!keys_in_the_open(t))
			continue;
		snprintf(text, sizeof(text),
			 "trunks.%s.srtp: the keys of its media go by SIP that anybody on the way "
			 "can read. Write transport: tls.",
			 t->name);
		say(arg, text);
	}
}
