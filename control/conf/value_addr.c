/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, prefixes, hosts. IPv4 only in this version. */
#include "value_priv.h"

#define SIP_PORT_DEFAULT 5060
#define PREFIX_LEN_MIN   8

/* Not "this network", multicast, reserved or broadcast. */
static bool ip4_is_host(const struct addr *a)
{
	return a->ip[0] != 0 && a->ip[0] < 224;
}

static bool is_ip6(struct str s)
{
	struct addr a;

	return addr_parse(s, &a) == 0 && a.family == 6;
}

static void refuse_ip6(struct value *v)
{
	BAD(v, "IPv6 addresses are not supported by this version");
	FIX(v, "Use an IPv4 address.");
}

/* One IPv4 address that a host can have; else adds the error. `text` is (a part of) the value. */
static bool take_host(struct value *v, struct str text, struct addr *a)
{
	if (addr_parse(text, a)) {
		BAD(v, QUOTED " is not an IPv4 address", TEXT(text));
		FIX(v, "Write one like %s.", v->o->example);
		return false;
	}
	if (a->family != 4) {
		refuse_ip6(v);
		return false;
	}
	if (!ip4_is_host(a)) {
		BAD(v, "%.*s is not the address of one host", STR_FMT(text));
		FIX(v, "Write one like %s.", v->o->example);
		return false;
	}
	return true;
}

void bind_address(struct value *v)
{
	struct addr a;

	if (take_host(v, v->s, &a))
		*(struct addr *)value_field(v) = a;
}

/* "203.0.113.10/24" */
void bind_cidr(struct value *v)
{
	struct str rest = v->s, ip = STR_NONE;
	struct prefix p;
	struct addr a;

	str_token(&rest, '/', &ip);
	if (!take_host(v, ip, &a))
		return;
	if (!memchr(v->s.p, '/', v->s.n)) {
		BAD(v, "the length of the prefix is missing");
		FIX(v, "Write it after a slash, like %.*s/24.", STR_FMT(v->s));
	} else if (prefix_parse(v->s, &p, NULL) || p.len < PREFIX_LEN_MIN) {
		BAD(v, "\"/%.*s%s\" is not the length of a prefix", TEXT(rest));
		FIX(v, "Write a number from %d to 32, like %.*s/24.", PREFIX_LEN_MIN, STR_FMT(ip));
	} else {
		*(struct addr *)value_field(v) = a;
		*(uint8_t *)value_second(v) = p.len;
	}
}

static bool looks_like_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z')
			return has_only(s, "-._");
	return false;
}

/* "203.0.113.20" or "203.0.113.20:5080" */
void bind_host(struct value *v)
{
	struct str rest = v->s, ip = STR_NONE;
	uint32_t port = SIP_PORT_DEFAULT;
	struct addr a;

	if (is_ip6(v->s) || v->s.p[0] == '[') {
		refuse_ip6(v);
		return;
	}
	if (str_starts(v->s, STR("sip:")) || str_starts(v->s, STR("sips:"))) {
		BAD(v, QUOTED " is a URI, and `host` an address", TEXT(v->s));
		FIX(v, "Write it without the scheme, like %s.", v->o->example);
		return;
	}
	str_token(&rest, ':', &ip);
	if (looks_like_name(ip)) {
		BAD(v,
		    QUOTED " is a name; `host` needs an address, names are not resolved by this "
			   "version",
		    TEXT(ip));
		FIX(v, "Write the address, like %s, and the name as `domain`.", v->o->example);
		return;
	}
	if (!take_host(v, ip, &a))
		return;
	if (ip.n != v->s.n && (str_u32(rest, 65535, &port) || !port)) {
		BAD(v, "\":%.*s\" is not a port", STR_FMT(rest));
		FIX(v, "Write a number from 1 to 65535, like %.*s:5060.", STR_FMT(ip));
		return;
	}
	a.port = (uint16_t)port;
	*(struct addr *)value_field(v) = a;
}

static bool take_prefix(struct value *v, struct prefix *p)
{
	char shown[ADDR_STR_MAX];
	bool host_bits;
	int rc = prefix_parse(v->s, p, &host_bits);

	if (rc == 0 && p->addr.family == 6) {
		refuse_ip6(v);
	} else if (rc) {
		BAD(v, QUOTED " is not an address or prefix", TEXT(v->s));
		FIX(v, "Write one like 203.0.113.0/24 or 203.0.113.9.");
	} else if (host_bits) {
		BAD(v, "%.*s has bits after the first %u", STR_FMT(v->s), p->len);
		FIX(v, "Write %s/%u for the whole prefix, or the address without \"/%u\".",
		    addr_print(&p->addr, shown), p->len, p->len);
	} else if (p->len < PREFIX_LEN_MIN) {
		BAD(v, "%.*s lets in nearly everybody", STR_FMT(v->s));
		FIX(v, "Name the prefixes of this trunk, each of length %d or more.",
		    PREFIX_LEN_MIN);
	} else {
		return true;
	}
	return false;
}

static bool has_prefix(const struct prefix *list, unsigned n, const struct prefix *p)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].len == p->len && addr_ip_eq(&list[i].addr, &p->addr))
			return true;
	return false;
}

void bind_prefixes(struct value *v)
{
	const struct tree *list = v->t, *t;
	struct prefix *p;
	unsigned n = 0;

	if (list->kind != TREE_LIST || list->n > v->o->max) {
		BAD(v, list->kind == TREE_LIST ? "this list is too long" : "this must be a list");
		FIX(v, "Write up to %u addresses or prefixes, like %s.", v->o->max, v->o->example);
		return;
	}
	p = arena_alloc(v->b->arena, list->n * sizeof(*p));
	if (!p) {
		v->b->faults->no_memory = true;
		return;
	}
	for (t = list->child; t; t = t->next) {
		struct value one = { v->b, v->o, t, t->text, v->item };

		if (t->kind != TREE_SCALAR || !t->text.n) {
			BAD(&one, "an entry of this list must be an address or prefix");
			FIX(&one, "Write one like 203.0.113.0/24 or 203.0.113.9.");
		} else if (take_prefix(&one, &p[n]) && !has_prefix(p, n, &p[n])) {
			n++;
		}
	}
	*(struct prefix **)value_field(v) = p;
	*(unsigned *)value_second(v) = n;
}
