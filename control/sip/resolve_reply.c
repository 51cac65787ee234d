/* SPDX-License-Identifier: Apache-2.0 */
/* What a server sent becomes records. c-ares reads them; the TTL, which it does not tell for SRV and NAPTR,
 * is read here. A stub asks servers that follow aliases (RFC 1034 5.3.1): an alias without its records is no
 * record, so there is no chain that could be a loop. */
#include <arpa/inet.h>
#include <ares.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <strings.h>
#include "sip/resolve_priv.h"

#define TTL_MAX_MS (24 * 3600 * 1000)
#define HEADER     12

/* Past the name at `at`, or 0: it does not end inside. Pointers end a name and are not followed. */
static size_t skip_name(const uint8_t *p, size_t n, size_t at)
{
	while (at < n) {
		if (p[at] >= 0xc0)
			return at + 2 <= n ? at + 2 : 0;
		if (!p[at])
			return at + 1;
		at += 1 + (size_t)p[at];
	}
	return 0;
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static uint32_t bounded_ms(uint32_t ttl_s)
{
	if (ttl_s & 0x80000000u) /* RFC 2181 8 */
		ttl_s = 0;
	if (ttl_s >= TTL_MAX_MS / 1000)
		return TTL_MAX_MS;
	return ttl_s * 1000;
}

/* Smallest TTL of the answer section, aliases included, in ms and bounded. 0 or -EBADMSG. */
static int smallest_ttl(const uint8_t *p, size_t n, uint32_t *ms)
{
	size_t at = HEADER;
	uint32_t best = UINT32_MAX, ttl;

	if (n < HEADER)
		return -EBADMSG;
	for (uint32_t q = get16(p + 4); q; q--) {
		at = skip_name(p, n, at);
		if (!at || n - at < 4)
			return -EBADMSG;
		at += 4;
	}
	for (uint32_t a = get16(p + 6); a; a--) {
		at = skip_name(p, n, at);
		if (!at || n - at < 10 || n - at - 10 < get16(p + at + 8))
			return -EBADMSG;
		ttl = bounded_ms(get32(p + at + 4));
		best = ttl < best ? ttl : best;
		at += 10 + get16(p + at + 8);
	}
	*ms = best == UINT32_MAX ? 0 : best;
	return 0;
}

/* ---- sets ---- */

struct dns_set *dns_set_get(struct dns_set *s)
{
	s->refs++;
	return s;
}

void dns_set_put(struct dns_set *s)
{
	if (s && !--s->refs)
		free(s);
}

static struct dns_set *set_new(size_t names)
{
	struct dns_set *s = calloc(1, sizeof(*s) + names);

	if (s)
		s->refs = 1;
	return s;
}

static int found(struct dns_set *s, struct dns_set **out)
{
	if (!s->n && !s->refused) {
		dns_set_put(s);
		return -ENOENT;
	}
	*out = s;
	return 0;
}

static int of_ares(int rc)
{
	switch (rc) {
	case ARES_SUCCESS:
		return 0;
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
		return -ENOENT;
	case ARES_ENOMEM:
		return -ENOMEM;
	default:
		return -EBADMSG;
	}
}

/* ---- addresses ---- */

/* Nobody has these, so a reply with them sends us astray. */
static bool is_unicast(const struct addr *a)
{
	static const uint8_t none[16];

	if (a->family == 4)
		return a->ip[0] != 0 && a->ip[0] < 224;
	return a->ip[0] != 0xff && memcmp(a->ip, none, 16) != 0;
}

static void take_address(struct dns_set *s, const struct sockaddr *sa, uint8_t family)
{
	struct addr *a = &s->addr[s->n];

	if (addr_from_sockaddr(sa, a) == 0 && a->family == family && is_unicast(a))
		s->n++;
	else
		*a = (struct addr){ 0 };
}

static int parse_a(const uint8_t *p, int n, struct dns_set **out)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct ares_addrttl got[DNS_RECORDS];
	int n_got = DNS_RECORDS, rc = of_ares(ares_parse_a_reply(p, n, NULL, got, &n_got));

	if (rc < 0)
		return rc;
	*out = set_new(0);
	if (!*out)
		return -ENOMEM;
	for (int i = 0; i < n_got; i++) {
		sin.sin_addr = got[i].ipaddr;
		take_address(*out, (struct sockaddr *)&sin, 4);
	}
	return found(*out, out);
}

static int parse_aaaa(const uint8_t *p, int n, struct dns_set **out)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	struct ares_addr6ttl got[DNS_RECORDS];
	int n_got = DNS_RECORDS, rc = of_ares(ares_parse_aaaa_reply(p, n, NULL, got, &n_got));

	if (rc < 0)
		return rc;
	*out = set_new(0);
	if (!*out)
		return -ENOMEM;
	for (int i = 0; i < n_got; i++) {
		memcpy(&sin6.sin6_addr, &got[i].ip6addr, 16);
		take_address(*out, (struct sockaddr *)&sin6, 6);
	}
	return found(*out, out);
}

/* ---- records with names ---- */

/* The place of a record of that rank among n sorted ones, behind its equals. */
static unsigned insert_at(const uint32_t *rank, unsigned n, uint32_t r)
{
	unsigned i = n;

	while (i && rank[i - 1] > r)
		i--;
	return i;
}

struct ranked {
	uint32_t rank[DNS_RECORDS];
	const void *record[DNS_RECORDS];
	unsigned n;
};

/* Keeps the DNS_RECORDS of the lowest ranks; equals in the order they came. */
static void keep(struct ranked *k, uint32_t rank, const void *record)
{
	unsigned i = insert_at(k->rank, k->n, rank), end = k->n < DNS_RECORDS ? k->n++ : k->n - 1;

	if (i >= DNS_RECORDS)
		return;
	memmove(&k->rank[i + 1], &k->rank[i], (end - i) * sizeof(k->rank[0]));
	memmove(&k->record[i + 1], &k->record[i], (end - i) * sizeof(k->record[0]));
	k->rank[i] = rank;
	k->record[i] = record;
}

static bool is_root(const char *name)
{
	return !name[0] || strcmp(name, ".") == 0;
}

static int srv_set(const struct ranked *k, bool refused, struct dns_set **out)
{
	struct dns_set *s = set_new((size_t)k->n * DNS_NAME_MAX);

	if (!s)
		return -ENOMEM;
	for (unsigned i = 0; i < k->n; i++) {
		const struct ares_srv_reply *r = k->record[i];
		char *name = s->names + (size_t)i * DNS_NAME_MAX;

		dns_name(str_of(r->host), name);
		s->srv[s->n++] = (struct dns_srv){ name, r->priority, r->weight, r->port };
	}
	s->refused = refused && !s->n;
	return found(s, out);
}

static int parse_srv(const uint8_t *p, int n, struct dns_set **out)
{
	struct ares_srv_reply *all = NULL;
	struct ranked k = { .n = 0 };
	char name[DNS_NAME_MAX];
	bool refused = false;
	int rc = of_ares(ares_parse_srv_reply(p, n, &all));

	for (struct ares_srv_reply *r = rc < 0 ? NULL : all; r; r = r->next) {
		if (is_root(r->host))
			refused = true;
		else if (r->port && dns_name(str_of(r->host), name) == 0)
			keep(&k, r->priority, r);
	}
	if (rc == 0)
		rc = srv_set(&k, refused, out);
	if (all)
		ares_free_data(all);
	return rc;
}

/* RFC 3263 4.1: flag "s", no expression, a service of SIP. SIP_TRANSPORTS: another. */
static enum sip_transport naptr_transport(const struct ares_naptr_reply *r)
{
	static const char *const service[SIP_TRANSPORTS] = { "SIP+D2U", "SIP+D2T", "SIPS+D2T" };
	char name[DNS_NAME_MAX];

	if (strcasecmp((const char *)r->flags, "s") != 0 || r->regexp[0] ||
	    dns_name(str_of(r->replacement), name) < 0)
		return SIP_TRANSPORTS;
	for (unsigned t = 0; t < SIP_TRANSPORTS; t++)
		if (strcasecmp((const char *)r->service, service[t]) == 0)
			return t;
	return SIP_TRANSPORTS;
}

static int naptr_set(const struct ranked *k, struct dns_set **out)
{
	struct dns_set *s = set_new((size_t)k->n * DNS_NAME_MAX);

	if (!s)
		return -ENOMEM;
	for (unsigned i = 0; i < k->n; i++) {
		const struct ares_naptr_reply *r = k->record[i];
		char *name = s->names + (size_t)i * DNS_NAME_MAX;

		dns_name(str_of(r->replacement), name);
		s->naptr[s->n++] = (struct dns_naptr){ name, r->order, r->preference,
						       (uint8_t)naptr_transport(r) };
	}
	return found(s, out);
}

static int parse_naptr(const uint8_t *p, int n, struct dns_set **out)
{
	struct ares_naptr_reply *all = NULL;
	struct ranked k = { .n = 0 };
	int rc = of_ares(ares_parse_naptr_reply(p, n, &all));

	for (struct ares_naptr_reply *r = rc < 0 ? NULL : all; r; r = r->next)
		if (naptr_transport(r) != SIP_TRANSPORTS)
			keep(&k, (uint32_t)r->order << 16 | r->preference, r);
	if (rc == 0)
		rc = naptr_set(&k, out);
	if (all)
		ares_free_data(all);
	return rc;
}

int dns_reply_parse(enum dns_type type, const uint8_t *p, size_t n, struct dns_set **out)
{
	uint32_t ttl_ms;
	int rc = n > UINT16_MAX ? -EBADMSG : smallest_ttl(p, n, &ttl_ms);

	*out = NULL;
	if (rc < 0)
		return rc;
	switch (type) {
	case DNS_A:
		rc = parse_a(p, (int)n, out);
		break;
	case DNS_AAAA:
		rc = parse_aaaa(p, (int)n, out);
		break;
	case DNS_SRV:
		rc = parse_srv(p, (int)n, out);
		break;
	case DNS_NAPTR:
		rc = parse_naptr(p, (int)n, out);
		break;
	default:
		rc = -EBADMSG;
	}
	if (rc == 0)
		(*out)->ttl_ms = ttl_ms;
	else
		*out = NULL;
	return rc;
}
