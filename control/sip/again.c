/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a request has come before: found by its method and its topmost Via, without parsing the rest. What misleads it
 * is let in as a repetition, and the core takes it for what it is. */
#include "sip/skim_priv.h"
#include "sip/trans_priv.h"

#define VIA_MAX 1024

/* Of the topmost Via, unfolded into mem where it has to be. */
static bool top_via(struct str rest, char mem[VIA_MAX], struct sip_via *v)
{
	struct str line, value;

	while (skim_field(&rest, &line)) {
		if ((line.p[0] | 0x20) != 'v' || !skim_value(line, STR("Via"), 'v', &value))
			continue;
		if (memchr(value.p, '\n', value.n)) {
			if (value.n > VIA_MAX)
				return false;
			for (size_t i = 0; i < value.n; i++)
				mem[i] = skim_is_space(value.p[i]) ? ' ' : value.p[i];
			value.p = mem;
		}
		return sip_via_parse(&value, v) == 0;
	}
	return false;
}

bool sip_again(struct sip *s, const char *buf, size_t len)
{
	struct str rest = { buf, len }, line, method;
	char mem[VIA_MAX];
	struct sip_core c; /* what strans_find() looks at */

	skim_line_ends(&rest);
	if (!skim_field(&rest, &line) || !str_token(&line, ' ', &method) ||
	    !top_via(rest, mem, &c.via))
		return false;
	c.cseq.method_name = method;
	return strans_find(s, &c, sip_method_of(method)) != NULL;
}
