// SPDX-License-Identifier: GPL-2.0-only
/* Local address and port -> path. A chain for each port, in pages of 256 ports, as most addresses of a port range are one
 * address: the chain is one entry long, and the page is found without a hash. Readers hold rcu_read_lock(). */
#include <linux/slab.h>
#include "sluice.h"

/* Every packet that comes to a port goes through its chain, and all of 127.0.0.0/8 is local addresses. */
#define CHAIN_MAX 256

struct table_port {
	struct table_port __rcu *next;
	struct sluice_path *path; /* of one flow, always */
	union {
		__be32 ip4;
		struct in6_addr ip6;
	};
	u16 port;
	u8 family;
	struct rcu_head rcu;
};

/* ---- readers ---- */

static struct table_port __rcu **head_of(const struct sluice_net *sn, u16 port)
{
	/* Pairs with make_page(): who sees the page sees that it is empty. */
	struct table_port __rcu **page = smp_load_acquire(&sn->page[port >> 8]);

	return page ? &page[port & 255] : NULL;
}

struct sluice_path *table_find4(const struct sluice_net *sn, __be32 addr, __be16 port)
{
	struct table_port __rcu **head = head_of(sn, ntohs(port));
	struct table_port *p;

	if (!head)
		return NULL;
	for (p = rcu_dereference(*head); p; p = rcu_dereference(p->next))
		if (p->family == 4 && p->ip4 == addr)
			return READ_ONCE(p->path);
	return NULL;
}

struct sluice_path *table_find6(const struct sluice_net *sn, const struct in6_addr *addr,
				__be16 port)
{
	struct table_port __rcu **head = head_of(sn, ntohs(port));
	struct table_port *p;

	if (!head)
		return NULL;
	for (p = rcu_dereference(*head); p; p = rcu_dereference(p->next))
		if (p->family == 6 && ipv6_addr_equal(&p->ip6, addr))
			return READ_ONCE(p->path);
	return NULL;
}

/* ---- the writer ---- */

static struct table_port *own(const struct sluice_net *sn, struct table_port __rcu *p)
{
	return rcu_dereference_protected(p, lockdep_is_held(&sn->lock));
}

static bool is_at(const struct table_port *p, const struct flow_addr *a, u16 port)
{
	return p->port == port && p->family == a->family &&
	       !memcmp(&p->ip6, a->ip, a->family == 4 ? 4 : 16);
}

static struct table_port *find(const struct sluice_net *sn, const struct flow_addr *a, u16 port)
{
	struct table_port __rcu **head = head_of(sn, port);
	struct table_port *p = head ? own(sn, *head) : NULL;

	while (p && !is_at(p, a, port))
		p = own(sn, p->next);
	return p;
}

static bool is_full(const struct sluice_net *sn, u16 port)
{
	struct table_port __rcu **head = head_of(sn, port);
	struct table_port *p = head ? own(sn, *head) : NULL;
	unsigned int n = 0;

	for (; p; p = own(sn, p->next))
		n++;
	return n >= CHAIN_MAX;
}

static int make_page(struct sluice_net *sn, u16 port)
{
	struct table_port __rcu **page;

	if (sn->page[port >> 8])
		return 0;
	page = kcalloc(256, sizeof(*page), GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;
	smp_store_release(&sn->page[port >> 8], page); /* pairs with head_of() */
	return 0;
}

static void link_port(struct sluice_net *sn, struct table_port *p)
{
	struct table_port __rcu **head = head_of(sn, p->port);

	RCU_INIT_POINTER(p->next, own(sn, *head));
	rcu_assign_pointer(*head, p);
}

static void unlink_port(struct sluice_net *sn, struct table_port *p)
{
	struct table_port __rcu **at = head_of(sn, p->port);

	while (own(sn, *at) != p)
		at = &own(sn, *at)->next;
	rcu_assign_pointer(*at, own(sn, p->next));
	kfree_rcu(p, rcu);
}

/* Where path [side][component] of a rule is found; 0: nowhere. */
static u16 port_of(const struct sluice_rule *rule, unsigned int i)
{
	const struct flow_side *s = &rule->flow.side[i / 2];

	return i % 2 == RELAY_RTP ? s->local.port : s->local_rtcp;
}

static bool is_twice(const struct sluice_rule *rule, unsigned int i)
{
	const struct flow_addr *a = &rule->flow.side[i / 2].local;

	for (unsigned int k = 0; k < i; k++) {
		const struct flow_addr *b = &rule->flow.side[k / 2].local;

		if (port_of(rule, k) == port_of(rule, i) && a->family == b->family &&
		    !memcmp(a->ip, b->ip, sizeof(a->ip)))
			return true;
	}
	return false;
}

/* An entry that is not linked, or one that the flow has already. */
static struct table_port *port_get(struct sluice_net *sn, struct sluice_flow *f,
				   const struct sluice_rule *rule, unsigned int i)
{
	const struct flow_addr *a = &rule->flow.side[i / 2].local;
	u16 port = port_of(rule, i);
	struct table_port *p = find(sn, a, port);

	if ((p && p->path->flow != f) || is_twice(rule, i))
		return ERR_PTR(-EADDRINUSE);
	if (p)
		return p;
	if (is_full(sn, port))
		return ERR_PTR(-ENOSPC);
	if (make_page(sn, port))
		return ERR_PTR(-ENOMEM);
	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (!p)
		return ERR_PTR(-ENOMEM);
	p->port = port;
	p->family = a->family;
	memcpy(&p->ip6, a->ip, sizeof(p->ip6));
	return p;
}

/* Entries that are new have no path yet. */
static void give_up(struct table_port **port, unsigned int n)
{
	while (n--)
		if (port[n] && !port[n]->path)
			kfree(port[n]);
}

static bool is_among(const struct table_port *p, struct table_port *const *port)
{
	return p == port[0] || p == port[1] || p == port[2] || p == port[3];
}

static void take_back(struct sluice_net *sn, struct sluice_flow *f, struct table_port *const *keep)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct table_port *p = f->port[i / 2][i % 2];

		if (p && !is_among(p, keep))
			unlink_port(sn, p);
		f->port[i / 2][i % 2] = keep[i];
	}
}

int table_set(struct sluice_net *sn, struct sluice_flow *f, const struct sluice_rule *rule)
{
	struct table_port *port[4] = {};

	for (unsigned int i = 0; i < 4; i++) {
		if (!port_of(rule, i))
			continue;
		port[i] = port_get(sn, f, rule, i);
		if (IS_ERR(port[i])) {
			give_up(port, i);
			return PTR_ERR(port[i]);
		}
	}
	for (unsigned int i = 0; i < 4; i++) {
		bool is_new = port[i] && !port[i]->path;

		if (port[i])
			WRITE_ONCE(port[i]->path, &f->path[i / 2][i % 2]);
		if (is_new)
			link_port(sn, port[i]);
	}
	take_back(sn, f, port);
	return 0;
}

void table_clear(struct sluice_net *sn, struct sluice_flow *f)
{
	static struct table_port *const none[4];

	take_back(sn, f, none);
}

void table_free(struct sluice_net *sn)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(sn->page); i++)
		kfree(sn->page[i]);
}
