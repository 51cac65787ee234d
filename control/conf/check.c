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

static bool in_prefix(const struct addr *net, uint8_t len, const struct addr *a)
{
	return prefix_has(&(struct prefix){ *net, len }, a);
}

/* Its bits after the prefix: none or all? */
static bool host_is(const struct addr *a, uint8_t len, bool ones)
{
	for (unsigned i = len; i < addr_bits(a); i++)
		if ((a->ip[i / 8] >> (7 - i % 8) & 1) != ones)
			return false;
	return true;
}

/* The all-zeros and all-ones hosts; /31 (RFC 3021) and /32 have none. IPv6 has the first only, that
 * of all routers (RFC 4291 2.6.1, RFC 6164). */
static bool is_edge(const struct addr *a, uint8_t len)
{
	if (len + 1 >= addr_bits(a))
		return false;
	return host_is(a, len, false) || (a->family == 4 && host_is(a, len, true));
}

/* ---- networks ---- */

static void check_address(struct binding *b, const struct conf_network *n, const char *key,
			  const struct addr *a, uint8_t len)
{
	char text[ADDR_STR_MAX];

	if (!a->family || !is_edge(a, len))
		return;
	fault(b->faults, at_network(b, n, key), b->key,
	      "%s is the first%s address of its /%u, which no host can have", addr_print(a, text),
	      a->family == 4 ? " or last" : "", len);
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
	} else if (!in_prefix(&n->address, n->prefix_len, &n->gateway) ||
		   is_edge(&n->gateway, n->prefix_len)) {
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

static void check_tls(struct binding *b, const struct conf_network *n)
{
	const struct tree *item = b->network_at[n->index];
	const struct tree *listed = tree_get(item, "sip-transports");
	bool tls = tree_get(item, "certificate") || tree_get(item, "tls-port");

	if (tls && n->sip_port && n->sip_port == n->tls_port) {
		fault(b->faults, at_network(b, n, "tls-port"), b->key,
		      "%u is the port for SIP without TLS already (sip-port)", n->tls_port);
		fault_fix(b->faults, "Write another one for one of the two.");
	}
	if (listed && listed->kind == TREE_LIST && !listed->n && !tree_get(item, "certificate")) {
		fault(b->faults, at_network(b, n, "sip-transports"), b->key,
		      "nothing is listened for on this network");
		fault_fix(b->faults, "Write [udp, tcp], or give it a certificate for TLS.");
	}
}

/* `at` is where the key stands, b->key its path. */
static void check_key(struct binding *b, struct place at, const struct tree *item)
{
	if (item->kind != TREE_MAP || !tree_get(item, "key") || tree_get(item, "certificate"))
		return;
	fault(b->faults, at, b->key, "there is a key, but no certificate to it");
	fault_fix(b->faults, "Add `certificate`, or delete this line.");
}

/* One of the addresses of two networks. False where they cannot live together. */
static bool check_pair(struct binding *b, const char *key, const struct conf_network *n,
		       const struct conf_network *m)
{
	bool six = strcmp(key, "address6") == 0;
	const struct addr *x = six ? &n->address6 : &n->address;
	const struct addr *y = six ? &m->address6 : &m->address;
	uint8_t x_len = six ? n->prefix_len6 : n->prefix_len;
	uint8_t y_len = six ? m->prefix_len6 : m->prefix_len;
	char text[ADDR_STR_MAX];

	if (!x->family || !y->family)
		return true;
	if (addr_ip_eq(x, y)) {
		fault(b->faults, at_network(b, n, key), b->key,
		      "the network %s has this address too", m->name);
		fault_fix(b->faults, "Give each network an address of its own.");
	} else if (in_prefix(x, x_len, y) || in_prefix(y, y_len, x)) {
		fault(b->faults, at_network(b, n, key), b->key,
		      "this prefix and that of the network %s (%s/%u) overlap", m->name,
		      addr_print(y, text), y_len);
		fault_fix(b->faults,
			  "Correct the address or the length of the prefix of one of them.");
	} else {
		return true;
	}
	return false;
}

/* One such error for each address is enough. */
static void check_pairs(struct binding *b, const struct conf *c, const char *key,
			const struct conf_network *n)
{
	for (unsigned k = 0; k < n->index; k++)
		if (!check_pair(b, key, n, &c->networks[k]))
			return;
}

/* The network before it in the file, or it itself, that has address `k` of its list already; NULL: none. */
static const struct conf_network *owner_of(const struct conf *c, const struct conf_network *n,
					   unsigned k)
{
	const struct addr *a = &n->media[k];

	for (unsigned i = 0; i < k; i++)
		if (addr_ip_eq(a, &n->media[i]))
			return n;
	for (unsigned i = 0; i < c->n_networks; i++) {
		const struct conf_network *m = &c->networks[i];

		if (addr_ip_eq(a, &m->address) || addr_ip_eq(a, &m->address6))
			return m;
		for (unsigned j = 0; m->index < n->index && j < m->n_media; j++)
			if (addr_ip_eq(a, &m->media[j]))
				return m;
	}
	return NULL;
}

static void check_media(struct binding *b, const struct conf *c, const struct conf_network *n)
{
	struct place at = at_network(b, n, "media-addresses");
	char text[ADDR_STR_MAX];

	for (unsigned i = 0; i < n->n_media; i++) {
		const struct addr *a = &n->media[i];
		const struct conf_network *m = owner_of(c, n, i);

		addr_print(a, text);
		if (m) {
			fault(b->faults, at, b->key, "%s is an address of the network %s already",
			      text, m->name);
			fault_fix(b->faults, "Name each address once.");
		} else if (a->family == 6 && !n->address6.family &&
			   !tree_get(b->network_at[n->index], "address6")) {
			fault(b->faults, at, b->key,
			      "%s is an IPv6 address, and the network has no address6", text);
			fault_fix(b->faults, "Add address6, which SIP needs.");
		} else if (a->family == n->public.family) {
			fault(b->faults, at, b->key,
			      "what others see of %s is not known: `public` is the other side of "
			      "`address` alone",
			      text);
			fault_fix(b->faults, "Leave out one of the two.");
		} else {
			continue;
		}
		return;
	}
}

static void check_vlan(struct binding *b, const struct conf_network *n)
{
	bool interface = n->port && strncmp(n->port, "net_", 4) != 0 && !strchr(n->port, ':');

	if (!n->vlan || !interface)
		return;
	fault(b->faults, at_network(b, n, "vlan"), b->key,
	      "%s is an interface of the kernel, which has its VLANs by other names", n->port);
	fault_fix(b->faults,
		  "Write port: %s.%u without this line (ip link add link %s name %s.%u "
		  "type vlan id %u).",
		  n->port, n->vlan, n->port, n->port, n->vlan, n->vlan);
}

static void check_networks(struct binding *b, const struct conf *c)
{
	for (unsigned i = 0; i < c->n_networks; i++) {
		const struct conf_network *n = &c->networks[i];

		if (b->network_at[i]->kind != TREE_MAP)
			continue;
		check_ports(b, n);
		check_tls(b, n);
		check_key(b, at_network(b, n, "key"), b->network_at[i]);
		check_address(b, n, "address", &n->address, n->prefix_len);
		check_address(b, n, "address6", &n->address6, n->prefix_len6);
		if (n->address.family)
			check_gateway(b, n);
		check_media(b, c, n);
		check_vlan(b, n);
		check_pairs(b, c, "address", n);
		check_pairs(b, c, "address6", n);
	}
}

/* ---- trunks ---- */

static bool is_own(const struct conf_network *n, const struct addr *ip)
{
	for (unsigned i = 0; i < n->n_media; i++)
		if (addr_ip_eq(ip, &n->media[i]))
			return true;
	return addr_ip_eq(ip, &n->address) || addr_ip_eq(ip, &n->address6) ||
	       addr_ip_eq(ip, &n->public);
}

static void check_host(struct binding *b, const struct conf *c, const struct conf_trunk *t)
{
	char text[ADDR_STR_MAX];
	struct addr ip = t->host;

	ip.port = 0;
	for (unsigned i = 0; t->host.family && i < c->n_networks; i++) {
		const struct conf_network *n = &c->networks[i];

		if (!is_own(n, &ip))
			continue;
		fault(b->faults, at_trunk(b, t, "host"), b->key,
		      "%s is an address of sluice itself (networks.%s)", addr_print(&ip, text),
		      n->name);
		fault_fix(b->faults, "Write the address of the other side.");
		return;
	}
}

/* An IPv6 trunk needs an IPv6 network. */
static void check_family(struct binding *b, const struct conf_trunk *t)
{
	const struct tree *on = t->on ? b->network_at[t->on->index] : NULL;
	const struct prefix *six = NULL;
	char text[ADDR_STR_MAX];

	for (unsigned i = 0; !six && i < t->n_sources; i++)
		if (t->sources[i].addr.family == 6)
			six = &t->sources[i];
	/* Where the network has one that is wrong, that is the error. */
	if (!six || !on || on->kind != TREE_MAP || tree_get(on, "address6"))
		return;
	fault(b->faults, at_trunk(b, t, t->host.family == 6 ? "host" : "sources"), b->key,
	      "%s is an IPv6 address, and the network %s has none", addr_print(&six->addr, text),
	      t->on->name);
	fault_fix(b->faults, "Add address6 to networks.%s.", t->on->name);
}

static void check_transport(struct binding *b, const struct conf_trunk *t)
{
	if (t->transport != CONF_TRANSPORT_UDP || !t->on || t->on->udp ||
	    !(t->on->tcp || t->on->certificate))
		return;
	fault(b->faults, at_trunk(b, t, "transport"), b->key,
	      "the network %s has no UDP: no answer would be heard", t->on->name);
	fault_fix(b->faults, "Add udp to networks.%s.sip-transports, or write tcp or tls here.",
		  t->on->name);
}

static void fix_shared(struct binding *b)
{
	fault_fix(b->faults, "On one network an address can be one trunk only: make one trunk "
			     "of the two, or put one on another network.");
}

/* Names are not resolved here, but one name is one host. */
static void check_name(struct binding *b, const struct conf *c, const struct conf_trunk *t)
{
	if (!t->host_name || t->host.family || !t->on)
		return;
	for (unsigned i = 0; i < t->index; i++) {
		const struct conf_trunk *before = &c->trunks[i];

		if (before->on != t->on || !before->host_name ||
		    !str_caseeq(str_of(before->host_name), str_of(t->host_name)))
			continue;
		fault(b->faults, at_trunk(b, t, "host"), b->key,
		      "%.60s belongs to the trunk %s already", t->host_name, before->name);
		fix_shared(b);
		return;
	}
}

static bool is_of_host(const struct conf_trunk *t, const struct prefix *p)
{
	return p->len == addr_bits(&p->addr) && addr_ip_eq(&p->addr, &t->host);
}

/* The index has equal sources side by side. */
static void check_sources(struct binding *b, const struct source_set *set)
{
	for (unsigned i = 1; i < set->n; i++) {
		const struct source *s = &set->source[i], *before = s - 1;
		const struct prefix *p = &s->prefix;
		char text[ADDR_STR_MAX];

		if (p->len != before->prefix.len || !addr_ip_eq(&p->addr, &before->prefix.addr))
			continue;
		fault(b->faults,
		      at_trunk(b, s->trunk, is_of_host(s->trunk, p) ? "host" : "sources"), b->key,
		      "%s/%u belongs to the trunk %s already", addr_print(&p->addr, text), p->len,
		      before->trunk->name);
		fix_shared(b);
	}
}

static void check_session(struct binding *b, const struct conf_trunk *t)
{
	if (!t->session_expires_s || t->session_min_s <= t->session_expires_s)
		return;
	fault(b->faults, at_trunk(b, t, "session-min"), b->key,
	      "%us is longer than session-expires (%us)", t->session_min_s, t->session_expires_s);
	fault_fix(b->faults, "Write up to %us, or a longer session-expires.", t->session_expires_s);
}

static bool has_codec(const char *const *list, struct str name)
{
	for (; list && *list; list++)
		if (str_caseeq(str_of(*list), name))
			return true;
	return false;
}

/* The entries of a list of a trunk in the file; NULL: there are none. */
static const struct tree *entries(struct binding *b, const struct conf_trunk *t, const char *key)
{
	const struct tree *item = b->trunk_at[t->index];
	const struct tree *list = item->kind == TREE_MAP ? tree_get(item, key) : NULL;

	return list && list->kind == TREE_LIST ? list->child : NULL;
}

static void check_codecs(struct binding *b, const struct conf_trunk *t)
{
	const struct tree *drop = entries(b, t, "codecs-drop");

	for (at_trunk(b, t, "codecs-drop"); drop; drop = drop->next) {
		if (drop->kind != TREE_SCALAR || !has_codec(t->codecs_first, drop->text))
			continue;
		fault(b->faults, drop->at, b->key, "%s is in codecs-first too", drop->text.p);
		fault_fix(b->faults, "Delete it from one of the two.");
	}
}

/* A line for all failures would leave no status as it is. */
static void check_failures(struct binding *b, const struct conf_trunk *t)
{
	const struct tree *line = entries(b, t, "failures");

	for (unsigned n = 1; line; line = line->next, n++) {
		if (line->kind != TREE_MAP || tree_get(line, "status") || tree_get(line, "cause"))
			continue;
		binding_key(b, "trunks.%s.failures[%u]", t->name, n);
		fault(b->faults, line->at, b->key, "there is neither a status nor a cause");
		fault_fix(b->faults, "Add status: 503 or cause: 34, for example.");
	}
}

static void check_trunks(struct binding *b, const struct conf *c)
{
	for (unsigned i = 0; i < c->n_trunks; i++) {
		const struct conf_trunk *t = &c->trunks[i];

		check_host(b, c, t);
		check_family(b, t);
		check_transport(b, t);
		check_name(b, c, t);
		check_key(b, at_trunk(b, t, "key"), b->trunk_at[i]);
		check_session(b, t);
		check_codecs(b, t);
		check_failures(b, t);
	}
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
	check_engine(b, c);
	check_trunks(b, c);
	for (unsigned i = 0; i < c->n_routes; i++)
		if (c->routes[i].from && c->routes[i].to)
			check_route(b, c, &c->routes[i]);
	check_sip(b, c, tree_get(root, "sip"));
}
