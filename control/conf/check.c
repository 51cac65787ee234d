/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_priv.h"

/* Where `key` of an item stands, or the item where the file does not have it. Sets b->key. */
static struct place at(struct binding *b, const char *section, const struct tree *item,
		       const char *key)
{
	const struct tree *t = item->kind == TREE_MAP ? tree_get(item, key) : NULL;

	binding_key(b, "%s.%s.%s", section, item->key, key);
	return t ? t->at : item->key_at;
}

static struct place at_network(struct binding *b, const struct conf_network *n, const char *key)
{
	return at(b, "networks", b->network_at[n->index], key);
}

static struct place at_trunk(struct binding *b, const struct conf_trunk *t, const char *key)
{
	return at(b, "trunks", b->trunk_at[t->index], key);
}

static struct place at_route(struct binding *b, const struct conf_route *r, const char *key)
{
	const struct tree *item = b->route_at[r->index];
	const struct tree *t = item->kind == TREE_MAP ? tree_get(item, key) : NULL;

	binding_key(b, "calls[%u].%s", r->index + 1, key);
	return t ? t->at : item->at;
}

static bool same_prefix(const struct conf_network *n, const struct addr *a)
{
	return ((ip4_of(&n->address) ^ ip4_of(a)) & ip4_mask(n->prefix_len)) == 0;
}

/* The all-zeros and all-ones hosts; /31 (RFC 3021) and /32 have none. */
static bool is_edge(const struct conf_network *n, const struct addr *a)
{
	uint32_t host = ip4_of(a) & ~ip4_mask(n->prefix_len);

	return n->prefix_len < 31 && (host == 0 || host == ~ip4_mask(n->prefix_len));
}

/* ---- networks ---- */

static void check_address(struct binding *b, const struct conf_network *n)
{
	char text[ADDR_STR_MAX];

	if (!is_edge(n, &n->address))
		return;
	fault(b->faults, at_network(b, n, "address"), b->key,
	      "%s is the first or last address of its /%u, which no host can have",
	      addr_print(&n->address, text), n->prefix_len);
	fault_fix(b->faults,
		  "Write the address of this machine there, as \"ip address\" shows it.");
}

static void check_gateway(struct binding *b, const struct conf_network *n)
{
	char gateway[ADDR_STR_MAX], address[ADDR_STR_MAX];

	if (!n->gateway.family)
		return;
	addr_print(&n->gateway, gateway);
	addr_print(&n->address, address);
	if (addr_ip_eq(&n->gateway, &n->address)) {
		fault(b->faults, at_network(b, n, "gateway"), b->key,
		      "%s is the address of sluice itself", gateway);
		fault_fix(b->faults, "Write the address of the router.");
	} else if (!same_prefix(n, &n->gateway) || is_edge(n, &n->gateway)) {
		fault(b->faults, at_network(b, n, "gateway"), b->key,
		      "%s is not a host of %s/%u, so it cannot be reached", gateway, address,
		      n->prefix_len);
		fault_fix(b->faults,
			  "Write the router's address in that prefix, or correct the length "
			  "of the prefix in `address`.");
	}
}

static void check_ports(struct binding *b, const struct conf_network *n)
{
	if (!n->sip_port || n->sip_port < n->media_lo || n->sip_port > n->media_hi)
		return;
	fault(b->faults, at_network(b, n, "media-ports"), b->key,
	      "%u-%u holds %u, which is the SIP port", n->media_lo, n->media_hi, n->sip_port);
	fault_fix(b->faults, "Begin the range at %u, or move sip-port out of it.",
		  (n->sip_port | 1u) + 1);
}

/* False where the two cannot live together: one such error for each network is enough. */
static bool check_pair(struct binding *b, const struct conf_network *n,
		       const struct conf_network *m)
{
	char text[ADDR_STR_MAX];

	if (addr_ip_eq(&n->address, &m->address)) {
		fault(b->faults, at_network(b, n, "address"), b->key,
		      "the network %s has this address too", m->name);
		fault_fix(b->faults, "Give each network an address of its own.");
	} else if (same_prefix(n, &m->address) || same_prefix(m, &n->address)) {
		fault(b->faults, at_network(b, n, "address"), b->key,
		      "this prefix and that of the network %s (%s/%u) overlap", m->name,
		      addr_print(&m->address, text), m->prefix_len);
		fault_fix(b->faults,
			  "Correct the address or the length of the prefix of one of them.");
	} else {
		return true;
	}
	return false;
}

static void check_networks(struct binding *b, const struct conf *c)
{
	for (unsigned i = 0; i < c->n_networks; i++) {
		const struct conf_network *n = &c->networks[i];

		check_ports(b, n);
		if (!n->address.family)
			continue;
		check_address(b, n);
		check_gateway(b, n);
		for (unsigned k = 0; k < i; k++)
			if (c->networks[k].address.family && !check_pair(b, n, &c->networks[k]))
				break;
	}
}

/* ---- trunks ---- */

static void check_host(struct binding *b, const struct conf *c, const struct conf_trunk *t)
{
	char text[ADDR_STR_MAX];
	struct addr ip = t->host;

	ip.port = 0;
	for (unsigned i = 0; t->host.family && i < c->n_networks; i++) {
		const struct conf_network *n = &c->networks[i];

		if (!addr_ip_eq(&ip, &n->address) && !addr_ip_eq(&ip, &n->public))
			continue;
		fault(b->faults, at_trunk(b, t, "host"), b->key,
		      "%s is an address of sluice itself (networks.%s)", addr_print(&ip, text),
		      n->name);
		fault_fix(b->faults, "Write the address of the other side.");
		return;
	}
}

/* The index has equal sources side by side. */
static void check_sources(struct binding *b, const struct source_set *set)
{
	for (unsigned i = 1; i < set->n; i++) {
		const struct source *s = &set->source[i], *before = s - 1;
		const struct conf_trunk *t = s->trunk;
		char text[ADDR_STR_MAX];
		struct addr ip;

		if (s->len != before->len || s->ip != before->ip)
			continue;
		ip = (struct addr){ .family = 4,
				    .ip = { (uint8_t)(s->ip >> 24), (uint8_t)(s->ip >> 16),
					    (uint8_t)(s->ip >> 8), (uint8_t)s->ip } };
		fault(b->faults,
		      at_trunk(b, t, addr_ip_eq(&ip, &t->sources[0].addr) ? "host" : "sources"),
		      b->key, "%s/%u belongs to the trunk %s already", addr_print(&ip, text),
		      s->len, before->trunk->name);
		fault_fix(b->faults,
			  "On one network an address can be one trunk only: make one trunk "
			  "of the two, or put one on another network.");
	}
}

static void check_trunks(struct binding *b, const struct conf *c)
{
	for (unsigned i = 0; i < c->n_trunks; i++)
		check_host(b, c, &c->trunks[i]);
	for (unsigned i = 0; i < c->n_networks; i++)
		check_sources(b, &b->snap->by_network[i]);
}

/* ---- calls ---- */

static void check_route(struct binding *b, const struct conf *c, const struct conf_route *r)
{
	if (r->from == r->to) {
		fault(b->faults, at_route(b, r, "to"), b->key,
		      "a call from %s would go back to where it came from", r->from->name);
		fault_fix(b->faults, "Write another trunk.");
	}
	for (unsigned i = 0; i < r->index; i++) {
		const struct conf_route *before = &c->routes[i];

		if (before->from != r->from || before->at_most != UINT32_MAX)
			continue;
		fault(b->faults, at_route(b, r, "from"), b->key,
		      "no call reaches this line: line %u takes all calls from %s", before->line,
		      r->from->name);
		fault_fix(b->faults, "Give line %u an at-most, or delete this one.", before->line);
		return;
	}
}

static void check_sip(struct binding *b, const struct conf *c, const struct tree *sip)
{
	const struct tree *t2 = sip && sip->kind == TREE_MAP ? tree_get(sip, "t2") : NULL;

	if (!c->sip.t1_ms || !c->sip.t2_ms || c->sip.t2_ms >= c->sip.t1_ms)
		return;
	fault(b->faults, t2 ? t2->at : sip->key_at, "sip.t2",
	      "t2 (%u ms) is shorter than t1 (%u ms)", c->sip.t2_ms, c->sip.t1_ms);
	fault_fix(b->faults, "RFC 3261 has 500ms and 4s: t2 is the upper limit of an interval that "
			     "begins with t1.");
}

void check_all(struct binding *b, const struct tree *root)
{
	const struct conf *c = &b->snap->conf;

	check_networks(b, c);
	check_trunks(b, c);
	for (unsigned i = 0; i < c->n_routes; i++)
		if (c->routes[i].from && c->routes[i].to)
			check_route(b, c, &c->routes[i]);
	check_sip(b, c, tree_get(root, "sip"));
}
