/* SPDX-License-Identifier: Apache-2.0 */
/* A DNS reply of any octets: what is taken from it is bounded, clean and in order, and every choice from it is
 * complete. First octet: the type that was asked for; then the reply. */
#include <stdlib.h>
#include "sip/resolve_priv.h"

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check_name(const char *name)
{
	char again[DNS_NAME_MAX];

	require(dns_name(str_of(name), again) == 0 && strcmp(name, again) == 0);
}

/* Each index once. */
static void check_all(const uint8_t *order, unsigned n, unsigned of)
{
	unsigned seen = 0;

	for (unsigned i = 0; i < n; i++) {
		require(order[i] < of && !(seen & 1u << order[i]));
		seen |= 1u << order[i];
	}
}

static void check_srv(struct loop *l, const struct dns_set *s)
{
	uint8_t order[DNS_RECORDS];
	unsigned n = dns_srv_draw(l, s, order);

	require(n == s->n && (!s->refused || !s->n));
	check_all(order, n, s->n);
	for (unsigned i = 0; i < n; i++) {
		check_name(s->srv[i].target);
		require(s->srv[i].port);
		require(!i || s->srv[order[i - 1]].priority <= s->srv[order[i]].priority);
	}
}

static void check_naptr(const struct dns_set *s)
{
	uint8_t order[DNS_RECORDS];

	for (unsigned bits = 0; bits < 1u << SIP_TRANSPORTS; bits++) {
		unsigned n = dns_naptr_choose(s, (uint8_t)bits, order);

		check_all(order, n, s->n);
		for (unsigned i = 0; i < n; i++)
			require(bits & 1u << s->naptr[order[i]].transport &&
				s->naptr[order[i]].order == s->naptr[order[0]].order);
	}
	for (unsigned i = 0; i < s->n; i++)
		check_name(s->naptr[i].replacement);
}

static void check_addresses(const struct dns_set *s, enum dns_type type)
{
	for (unsigned i = 0; i < s->n; i++) {
		require(s->addr[i].family == 4 || (type == DNS_AAAA && s->addr[i].family == 6));
		require(addr_precedence(&s->addr[i]) && !s->addr[i].port);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA, DNS_SRV, DNS_NAPTR };
	static struct loop *l;
	enum dns_type type;
	struct dns_set *s;
	uint8_t *p;

	if (!l)
		l = loop_new_virtual(1);
	if (!size--)
		return 0;
	type = types[*data++ % 4];
	p = malloc(size ? size : 1);
	require(l && p);
	memcpy(p, data, size);
	if (dns_reply_parse(type, p, size, &s) == 0) {
		require(s->n <= DNS_RECORDS && (s->n || s->refused) && s->ttl_ms <= 86400000);
		if (type == DNS_SRV)
			check_srv(l, s);
		else if (type == DNS_NAPTR)
			check_naptr(s);
		else
			check_addresses(s, type);
		dns_set_put(s);
	}
	free(p);
	return 0;
}
