/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include "sip/resolve_priv.h"

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

int dns_name(struct str in, char out[DNS_NAME_MAX])
{
	size_t label = 0;

	if (in.n && in.p[in.n - 1] == '.')
		in.n--;
	if (!in.n || in.n >= DNS_NAME_MAX)
		return -EINVAL;
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		label = c == '.' ? 0 : label + 1;
		if (label > 63 || (c == '.' ? !i || in.p[i - 1] == '.' : !is_name_char(c)))
			return -EINVAL;
		out[i] = c;
	}
	out[in.n] = '\0';
	return label ? 0 : -EINVAL;
}

int dns_srv_name(enum sip_transport t, const char *name, char out[DNS_NAME_MAX])
{
	static const char *const service[SIP_TRANSPORTS] = { "_sip._udp", "_sip._tcp",
							     "_sips._tcp" };
	int n = snprintf(out, DNS_NAME_MAX, "%s.%s", service[t], name);

	return n > 0 && n < DNS_NAME_MAX ? 0 : -EINVAL;
}
