/* SPDX-License-Identifier: Apache-2.0 */
/* A message is classed by a scan. Wherever the parser accepts the message, the scan has seen the same
 * method, To tag, Call-ID and Request-URI: else a request in a dialog could be shed as a new call. */
#include <stdio.h>
#include <stdlib.h>
#include "sip/overload_priv.h"

static enum overload_class by_parser(const struct sip_msg *m, const struct sip_core *c)
{
	if (m->status || c->to.tag.n)
		return OVERLOAD_DIALOG;
	switch (m->method) {
	case SIP_ACK:
	case SIP_BYE:
	case SIP_CANCEL:
	case SIP_PRACK:
		return OVERLOAD_DIALOG;
	case SIP_INVITE:
		return OVERLOAD_CALL;
	case SIP_OPTIONS:
	case SIP_REGISTER:
		return OVERLOAD_KEEPALIVE;
	default:
		return OVERLOAD_REST;
	}
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct overload_scan s, quick;
	struct sip_msg m;
	struct sip_core c;
	char *scanned, *mem;

	if (size > SIP_DATAGRAM_MAX)
		return 0;
	mem = malloc(size + SIP_PAD);
	scanned = malloc(size + SIP_PAD);
	must(mem && scanned, "no memory");
	memcpy(mem, data, size);
	memset(mem + size, '\n', SIP_PAD); /* nothing behind the end may count */
	memcpy(scanned, mem, size + SIP_PAD);
	overload_scan(scanned, size, true, &s);
	overload_scan(scanned, size, false, &quick);
	must(s.class == quick.class, "two classes");
	must(memcmp(scanned, mem, size) == 0, "the scan has written");
	if (sip_msg_parse(&m, mem, size) == 0 && sip_msg_core(&m, &c) == 0) {
		must(s.class == by_parser(&m, &c), "another class than the parser's");
		if (s.class >= OVERLOAD_CALL) {
			must(str_eq(s.call_id, c.call_id), "another Call-ID");
			must(str_eq(s.ruri, m.ruri), "another Request-URI");
		}
	}
	free(scanned);
	free(mem);
	return 0;
}
