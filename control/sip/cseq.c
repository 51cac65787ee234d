/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/scan_priv.h"

int sip_cseq_parse(struct str s, struct sip_cseq *c)
{
	const char *e = sip_end(s), *p = s.p;

	memset(c, 0, sizeof(*c));
	while (p < e && sip_is_digit(*p))
		p++;
	if (p == e || !sip_is_ws(*p) || sip_scan_number(sip_slice(s.p, p), INT32_MAX, &c->num))
		return -SIP_E_CSEQ;
	p = sip_skip_ws(p, e);
	if (p == e || sip_span(p, e, SIP_C_TOKEN) != e)
		return -SIP_E_CSEQ;
	c->method_name = sip_slice(p, e);
	c->method = sip_method_of(c->method_name);
	return 0;
}
