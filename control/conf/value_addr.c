/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, prefixes, hosts and their names. */
#include "value_priv.h"

#define DOMAIN_MAX      253
#define LABEL_MAX       63
#define PREFIX_LEN_MIN  8 /* shorter ones are mistakes */
#define PREFIX_LEN_MIN6 16

/* Not "this network", multicast, reserved or broadcast. */
static bool ip4_is_host(const struct addr *a)
{
	return a->ip[0] != 0 && a->ip[0] < 224;
}

static bool is_of_link(const struct addr *a)
{
	return a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

/* Not "::", multicast, or of one link: that has no meaning without an interface. */
static bool ip6_is_host(const struct addr *a)
{
	static const struct addr none = { .family = 6 };

	return !addr_ip_eq(a, &none) && a->ip[0] != 0xff && !is_of_link(a);
}

static bool is_host(const struct addr *a)
{
	return a->family == 4 ? ip4_is_host(a) : ip6_is_host(a);
}

/* One address that a host can have, of that family (0: either); else adds the error. `text` is (a
 * part of) the value. */
static bool take_host(struct value *v, struct str text, uint8_t family, struct addr *a)
{
	int rc = text.n && text.p[0] == '[' ? -1 : addr_parse(text, a);

	if (rc == 0 && a->family == 6 && family == 4) {
		BAD(v, "%.*s is an IPv6 address, and this must be an IPv4 one", STR_FMT(text));
		FIX(v, "Write one like %s. The IPv6 address of a network is its address6.",
		    v->o->example);
	} else if (rc || (family && a->family != family)) {
		BAD(v, QUOTED " is not an %s", TEXT(text),
		    family == 4   ? "IPv4 address"
		    : family == 6 ? "IPv6 address"
				  : "address");
		FIX(v, "Write one like %s.", v->o->example);
	} else if (!is_host(a)) {
		BAD(v, "%.*s is not the address of one host", STR_FMT(text));
		FIX(v, "Write one like %s.", v->o->example);
	} else {
		return true;
	}
	return false;
}

void bind_address(struct value *v)
{
	struct addr a;

	if (take_host(v, v->s, 4, &a))
		*(struct addr *)value_field(v) = a;
}

/* A router announces itself by its address of the link; here the network says which link. */
void bind_gateway6(struct value *v)
{
	struct addr a;

	if (addr_parse(v->s, &a) == 0 && a.family == 6 && is_of_link(&a))
		*(struct addr *)value_field(v) = a;
	else if (take_host(v, v->s, 6, &a))
		*(struct addr *)value_field(v) = a;
}

bool take_address(struct value *v, struct addr *a)
{
	return take_host(v, v->s, 0, a);
}

/* "203.0.113.10/24", "2001:db8::10/64" */
void bind_cidr(struct value *v)
{
	uint8_t family = v->o->type == OPTION_CIDR6 ? 6 : 4;
	int len = family == 6 ? 64 : 24;
	struct str rest = v->s, ip = STR_NONE;
	struct prefix p;
	struct addr a;

	str_token(&rest, '/', &ip);
	if (!take_host(v, ip, family, &a))
		return;
	if (!memchr(v->s.p, '/', v->s.n)) {
		BAD(v, "the length of the prefix is missing");
		FIX(v, "Write it after a slash, like %.*s/%d.", STR_FMT(v->s), len);
	} else if (prefix_parse(v->s, &p, NULL) || p.len < PREFIX_LEN_MIN) {
		BAD(v, "\"/%.*s%s\" is not the length of a prefix", TEXT(rest));
		FIX(v, "Write a number from %d to %u, like %.*s/%d.", PREFIX_LEN_MIN, addr_bits(&a),
		    STR_FMT(ip), len);
	} else {
		*(struct addr *)value_field(v) = a;
		*(uint8_t *)value_second(v) = p.len;
	}
}

/* ---- names ---- */

static bool is_label(struct str s)
{
	return s.n && s.n <= LABEL_MAX && s.p[0] != '-' && s.p[s.n - 1] != '-' && has_only(s, "-");
}

/* hostname of RFC 3261 25.1 without a dot at the end: the last label begins with a letter, so no
 * mistake in an address makes a name. */
bool is_host_name(struct str s)
{
	struct str rest = s, label = STR_NONE;

	if (!s.n || s.n > DOMAIN_MAX || s.p[s.n - 1] == '.')
		return false;
	while (str_token(&rest, '.', &label))
		if (!is_label(label))
			return false;
	return (label.p[0] | 0x20) >= 'a' && (label.p[0] | 0x20) <= 'z';
}

static void keep_text(struct value *v, const char **field, struct str text)
{
	*field = arena_str(v->b->arena, text).p;
	v->b->faults->no_memory |= !*field;
}

void bind_domain(struct value *v)
{
	char mem[ADDR_STR_MAX];
	struct buf text;
	struct addr ip;

	buf_init(&text, mem, sizeof(mem));
	if (addr_parse(v->s, &ip) == 0) {
		if (v->o->type == OPTION_DOMAIN)
			addr_put_sip(&text, &ip);
		else
			addr_put_sdp(&text, &ip);
		keep_text(v, value_field(v), buf_str(&text));
	} else if (is_host_name(v->s)) {
		keep_text(v, value_field(v), v->s);
	} else {
		BAD(v, QUOTED " is not a host name", TEXT(v->s));
		FIX(v,
		    "Write a name like %s: letters, digits, hyphens and dots, without port or "
		    "\"sip:\".",
		    v->o->example);
	}
}

/* ---- hosts with ports ---- */

struct endpoint {
	struct str host; /* without brackets where that is an IPv6 address */
	struct str port; /* p is NULL: none */
	bool brackets;
};

/* "host", "host:port", "[ip6]", "[ip6]:port", "ip6". What is in the parts is not looked at. */
static struct endpoint split(struct str s)
{
	const char *close = s.p[0] == '[' ? memchr(s.p, ']', s.n) : NULL;
	const char *colon = close ? close + 1 : memchr(s.p, ':', s.n);
	const char *end = s.p + s.n;
	struct endpoint e = { s, STR_NONE, close != NULL };

	if (close && memchr(s.p, ':', (size_t)(close - s.p)) && (colon == end || *colon == ':'))
		e.host = (struct str){ s.p + 1, (size_t)(close - s.p) - 1 };
	else if (close || !colon)
		return e;
	else if (!memchr(s.p, '.', (size_t)(colon - s.p)) &&
		 memchr(colon + 1, ':', (size_t)(end - colon) - 1))
		return e; /* an IPv6 address, or what should be one */
	else
		e.host = (struct str){ s.p, (size_t)(colon - s.p) };
	if (colon < end)
		e.port = (struct str){ colon + 1, (size_t)(end - colon) - 1 };
	return e;
}

static bool take_port(struct value *v, const struct endpoint *e, uint16_t *port)
{
	uint32_t n = 0;

	if (e->port.p && (str_u32(e->port, 65535, &n) || !n)) {
		BAD(v, "\":%.*s%s\" is not a port", TEXT(e->port));
		FIX(v, "Write a number from 1 to 65535, like %s%.*s%s:%s.", e->brackets ? "[" : "",
		    STR_FMT(e->host), e->brackets ? "]" : "",
		    v->o->type == OPTION_SERVERS ? "53" : "5060");
		return false;
	}
	*port = (uint16_t)n;
	return true;
}

/* A name server. */
bool take_server(struct value *v, struct addr *a)
{
	struct endpoint e = split(v->s);

	return take_host(v, e.host, 0, a) && take_port(v, &e, &a->port);
}

static bool is_uri(struct str s)
{
	return str_starts(s, STR("sip:")) || str_starts(s, STR("sips:"));
}

static void refuse_host(struct value *v, const struct endpoint *e)
{
	if (is_uri(v->s)) {
		BAD(v, QUOTED " is a URI, and `host` an address or a name", TEXT(v->s));
		FIX(v, "Write it without the scheme, like %s.", v->o->example);
		return;
	}
	BAD(v, QUOTED " is neither an address nor a host name", TEXT(e->host));
	if (memchr(e->host.p, ':', e->host.n) || e->host.p[0] == '[')
		FIX(v, "Write one like 2001:db8::20, or \"[2001:db8::20]:5060\" with a port.");
	else
		FIX(v, "Write one like %s or sip.carrier.example.", v->o->example);
}

/* "203.0.113.20", "203.0.113.20:5080", "[2001:db8::20]:5080", "sip.carrier.example". The port of
 * `host` is chosen when the transport is known. */
void bind_host(struct value *v)
{
	struct conf_trunk *t = (struct conf_trunk *)v->item;
	struct endpoint e = split(v->s);
	char text[ADDR_STR_MAX];
	struct addr a = { 0 };

	if (addr_parse(e.host, &a) == 0) {
		if (!take_host(v, e.host, 0, &a))
			return;
	} else if (is_uri(v->s) || !is_host_name(e.host)) {
		refuse_host(v, &e);
		return;
	}
	if (!take_port(v, &e, &t->host_port))
		return;
	t->host = a;
	keep_text(v, &t->host_name, a.family ? str_of(addr_print(&a, text)) : e.host);
}

/* ---- prefixes ---- */

bool take_prefix(struct value *v, struct prefix *p)
{
	char shown[ADDR_STR_MAX];
	bool host_bits;
	int rc = prefix_parse(v->s, p, &host_bits);
	int least = rc == 0 && p->addr.family == 6 ? PREFIX_LEN_MIN6 : PREFIX_LEN_MIN;

	if (rc) {
		BAD(v, QUOTED " is not an address or prefix", TEXT(v->s));
		FIX(v, "Write one like 203.0.113.0/24 or 203.0.113.9.");
	} else if (host_bits) {
		BAD(v, "%.*s has bits after the first %u", STR_FMT(v->s), p->len);
		FIX(v, "Write %s/%u for the whole prefix, or the address without \"/%u\".",
		    addr_print(&p->addr, shown), p->len, p->len);
	} else if (p->len < least) {
		BAD(v, "%.*s lets in nearly everybody", STR_FMT(v->s));
		FIX(v, "Name the prefixes of this trunk, each of length %d or more.", least);
	} else {
		return true;
	}
	return false;
}
