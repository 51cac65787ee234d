/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include "base/addr.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

/* ::ffff:a.b.c.d becomes a.b.c.d, so that one host has one spelling. */
static void from_ip6(const uint8_t ip[16], struct addr *out)
{
	*out = (struct addr){ .family = 6 };
	if (memcmp(ip, mapped, sizeof(mapped)) == 0) {
		out->family = 4;
		memcpy(out->ip, ip + 12, 4);
		return;
	}
	memcpy(out->ip, ip, 16);
}

/* *was_mapped tells a prefix that its length counts from bit 96. */
static int parse_ip(struct str s, struct addr *out, bool *was_mapped)
{
	bool brackets = s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']';
	char z[INET6_ADDRSTRLEN];
	uint8_t ip[16];

	if (brackets)
		s = (struct str){ s.p + 1, s.n - 2 };
	if (!s.n || s.n >= sizeof(z) || memchr(s.p, 0, s.n))
		return -EINVAL;
	memcpy(z, s.p, s.n);
	z[s.n] = 0;
	*was_mapped = false;
	if (memchr(z, ':', s.n)) {
		if (inet_pton(AF_INET6, z, ip) != 1)
			return -EINVAL;
		from_ip6(ip, out);
		*was_mapped = out->family == 4;
		return 0;
	}
	if (brackets || inet_pton(AF_INET, z, ip) != 1)
		return -EINVAL;
	*out = (struct addr){ .family = 4 };
	memcpy(out->ip, ip, 4);
	return 0;
}

int addr_parse(struct str s, struct addr *out)
{
	bool was_mapped;

	return parse_ip(s, out, &was_mapped);
}

/* Clears all bits after the first `len`; true where one of them was set. */
static bool clear_host(struct addr *a, unsigned len)
{
	unsigned n = a->family == 4 ? 4 : 16;
	bool any = false;

	for (unsigned i = len / 8; i < n; i++) {
		uint8_t keep = i == len / 8 ? (uint8_t)(0xff00 >> len % 8) : 0;

		any |= (a->ip[i] & ~keep) != 0;
		a->ip[i] &= keep;
	}
	return any;
}

static int prefix_len(struct str s, const struct addr *a, bool was_mapped, uint8_t *out)
{
	uint32_t max = a->family == 4 && !was_mapped ? 32 : 128;
	uint32_t len;
	int rc = str_u32(s, max, &len);

	if (rc)
		return rc;
	if (s.n > 1 && s.p[0] == '0')
		return -EINVAL;
	if (was_mapped) {
		if (len < 96) /* holds more than IPv4: has no spelling here */
			return -EINVAL;
		len -= 96;
	}
	*out = (uint8_t)len;
	return 0;
}

int prefix_parse(struct str s, struct prefix *out, bool *host_bits)
{
	const char *slash = s.n ? memchr(s.p, '/', s.n) : NULL;
	struct str ip = slash ? (struct str){ s.p, (size_t)(slash - s.p) } : s;
	struct prefix p = { 0 };
	bool was_mapped, any;
	int rc;

	rc = parse_ip(ip, &p.addr, &was_mapped);
	if (rc)
		return rc;
	p.len = p.addr.family == 4 ? 32 : 128;
	if (slash) {
		struct str len = { slash + 1, s.n - ip.n - 1 };

		rc = prefix_len(len, &p.addr, was_mapped, &p.len);
		if (rc)
			return rc;
	}
	any = clear_host(&p.addr, p.len);
	if (host_bits)
		*host_bits = any;
	*out = p;
	return 0;
}

bool prefix_has(const struct prefix *p, const struct addr *a)
{
	unsigned whole = p->len / 8, bits = p->len % 8;

	if (p->addr.family != a->family || !a->family)
		return false;
	if (memcmp(p->addr.ip, a->ip, whole) != 0)
		return false;
	return !bits || ((p->addr.ip[whole] ^ a->ip[whole]) >> (8 - bits)) == 0;
}

bool addr_ip_eq(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_ip_eq(a, b) && a->port == b->port;
}

bool addr_is_private(const struct addr *a)
{
	static const struct prefix private[] = {
		{ { .family = 4, .ip = { 10 } }, 8 },
		{ { .family = 4, .ip = { 172, 16 } }, 12 },
		{ { .family = 4, .ip = { 192, 168 } }, 16 },
		{ { .family = 4, .ip = { 100, 64 } }, 10 },
		{ { .family = 4, .ip = { 169, 254 } }, 16 },
		{ { .family = 4, .ip = { 127 } }, 8 },
		{ { .family = 6, .ip = { 0xfc } }, 7 },
		{ { .family = 6, .ip = { 0xfe, 0x80 } }, 10 },
		{ { .family = 6, .ip = { [15] = 1 } }, 128 },
	};

	for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++)
		if (prefix_has(&private[i], a))
			return true;
	return false;
}

static void put_ip4(struct buf *b, const uint8_t ip[4])
{
	for (int i = 0; i < 4; i++) {
		if (i)
			buf_lit(b, ".");
		buf_u64(b, ip[i]);
	}
}

void addr_put_sdp(struct buf *b, const struct addr *a)
{
	char z[INET6_ADDRSTRLEN];

	if (a->family == 4) {
		put_ip4(b, a->ip);
	} else if (a->family == 6) {
		inet_ntop(AF_INET6, a->ip, z, sizeof(z));
		buf_put(b, str_of(z));
	}
}

void addr_put_sip(struct buf *b, const struct addr *a)
{
	if (a->family == 6)
		buf_lit(b, "[");
	addr_put_sdp(b, a);
	if (a->family == 6)
		buf_lit(b, "]");
}

const char *addr_print(const struct addr *a, char out[ADDR_STR_MAX])
{
	struct buf b;

	buf_init(&b, out, ADDR_STR_MAX - 1);
	if (!a->family)
		buf_lit(&b, "none");
	else if (a->port)
		addr_put_sip(&b, a);
	else
		addr_put_sdp(&b, a);
	if (a->family && a->port) {
		buf_lit(&b, ":");
		buf_u64(&b, a->port);
	}
	out[b.n] = 0;
	return out;
}

socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof(*ss));
	if (a->family == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)ss;

		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->ip, 4);
		return sizeof(*in);
	}
	if (a->family == 6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(a->port);
		memcpy(&in6->sin6_addr, a->ip, 16);
		return sizeof(*in6);
	}
	return 0;
}

int addr_from_sockaddr(const struct sockaddr *sa, struct addr *out)
{
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

		*out = (struct addr){ .family = 4, .port = ntohs(in->sin_port) };
		memcpy(out->ip, &in->sin_addr, 4);
		return 0;
	}
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;

		from_ip6(in6->sin6_addr.s6_addr, out);
		out->port = ntohs(in6->sin6_port);
		return 0;
	}
	return -EAFNOSUPPORT;
}
