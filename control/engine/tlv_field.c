/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of numbers and addresses, written and read row by row. */
#include <errno.h>
#include <string.h>
#include "engine/tlv_priv.h"

size_t tlv_addr_len(const struct flow_addr *a)
{
	return a->family == 6 ? 16 : 4;
}

static u64 load(const void *p, size_t size)
{
	u64 v = 0;

	switch (size) {
	case 1:
		return *(const u8 *)p;
	case 2:
		return *(const u16 *)p;
	case 4:
		return *(const u32 *)p;
	default:
		memcpy(&v, p, sizeof(v));
		return v;
	}
}

void tlv_put_fields(struct tlv_out *o, const void *base, const struct tlv_field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const u8 *at = (const u8 *)base + f[i].off;
		if (load(at, f[i].size) != f[i].absent)
			tlv_put(o, f[i].attr, at, f[i].size);
	}
}

void tlv_put_places(struct tlv_out *o, const void *base, const struct tlv_place *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct flow_addr *a = (const void *)((const u8 *)base + p[i].off);
		if (a->family)
			tlv_put(o, p[i].attr, a->ip, tlv_addr_len(a));
	}
}

int tlv_bad(const char **why, const char *what)
{
	*why = what;
	return -EINVAL;
}

static void store(void *p, size_t size, u64 v)
{
	switch (size) {
	case 1:
		*(u8 *)p = (u8)v;
		break;
	case 2:
		*(u16 *)p = (u16)v;
		break;
	case 4:
		*(u32 *)p = (u32)v;
		break;
	default:
		memcpy(p, &v, sizeof(v));
	}
}

int tlv_get_fields(struct nlattr **tb, void *base, const struct tlv_field *f, size_t n,
		   const char **why)
{
	for (size_t i = 0; i < n; i++) {
		const struct nlattr *a = tb[f[i].attr];
		u64 v = f[i].absent;
		if (a) {
			if (nla_len(a) != f[i].size)
				return tlv_bad(why, f[i].why);
			v = load(nla_data(a), f[i].size);
			if (v < f[i].min || v > f[i].max)
				return tlv_bad(why, f[i].why);
		}
		store((u8 *)base + f[i].off, f[i].size, v);
	}
	return 0;
}

/* The address of n octets at p; 0 or -EINVAL. The port stays. */
int tlv_get_addr(struct flow_addr *a, const void *p, size_t n)
{
	if (n != 4 && n != 16)
		return -EINVAL;
	memset(a->ip, 0, sizeof(a->ip));
	memcpy(a->ip, p, n);
	a->family = n == 4 ? 4 : 6;
	return 0;
}

int tlv_get_places(struct nlattr **tb, void *base, const struct tlv_place *p, size_t n,
		   const char **why)
{
	for (size_t i = 0; i < n; i++) {
		const struct nlattr *a = tb[p[i].attr];
		struct flow_addr *to = (void *)((u8 *)base + p[i].off);
		if (a && tlv_get_addr(to, nla_data(a), (size_t)nla_len(a)) < 0)
			return tlv_bad(why, p[i].why);
	}
	return 0;
}
