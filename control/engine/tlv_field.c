/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of numbers and addresses, written and read row by row. */
#include <errno.h>
#include <string.h>
#include "engine/tlv_priv.h"

void tlv_put_fields(struct tlv_out *o, const void *base, const struct flow_field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const u8 *at = (const u8 *)base + f[i].off;
		if (flow_number_load(at, f[i].size) != f[i].absent)
			tlv_put(o, f[i].attr, at, f[i].size);
	}
}

void tlv_put_places(struct tlv_out *o, const void *base, const struct flow_place *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct flow_addr *a = (const void *)((const u8 *)base + p[i].off);
		if (a->family)
			tlv_put(o, p[i].attr, a->ip, flow_addr_len(a));
	}
}

int tlv_bad(const char **why, const char *what)
{
	*why = what;
	return -EINVAL;
}

int tlv_get_fields(struct nlattr **tb, void *base, const struct flow_field *f, size_t n,
		   const char **why)
{
	for (size_t i = 0; i < n; i++) {
		const struct nlattr *a = tb[f[i].attr];
		u64 v = f[i].absent;
		if (a) {
			if (nla_len(a) != f[i].size)
				return tlv_bad(why, f[i].why);
			v = flow_number_load(nla_data(a), f[i].size);
			if (v < f[i].min || v > f[i].max)
				return tlv_bad(why, f[i].why);
		}
		flow_number_store((u8 *)base + f[i].off, f[i].size, v);
	}
	return 0;
}

int tlv_get_places(struct nlattr **tb, void *base, const struct flow_place *p, size_t n,
		   const char **why)
{
	for (size_t i = 0; i < n; i++) {
		const struct nlattr *a = tb[p[i].attr];
		struct flow_addr *to = (void *)((u8 *)base + p[i].off);
		if (a && !flow_addr_take(to, nla_data(a), (unsigned)nla_len(a)))
			return tlv_bad(why, p[i].why);
	}
	return 0;
}
