/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 5923: a neighbour that proved its name over TLS may ask us to use its connection for requests to the port of
 * its Via. Kept on the shard that the hash of that address names, wherever the connection is. */
#include "sip/transport_priv.h"

#include <stddef.h>
#include <stdlib.h>

#define ALIASES_MAX                  4096 /* without more, a new connection is made */

#define container_of(p, type, field) ((type *)(void *)((char *)(p)-offsetof(type, field)))

struct alias {
	struct table_node node;
	struct sip_hop hop;
	uint32_t conn;
};

static uint64_t hash_of(const struct transport *t, const struct sip_hop *h)
{
	return table_hash(&t->aliases, &h->addr, sizeof(h->addr));
}

static bool stands_for(const struct table_node *n, const void *key)
{
	const struct sip_hop *a = &container_of(n, struct alias, node)->hop, *b = key;

	return addr_eq(&a->addr, &b->addr) && a->network == b->network && a->peer == b->peer &&
	       a->transport == b->transport;
}

static struct alias *find(const struct transport *t, const struct sip_hop *hop)
{
	struct table_node *n = table_find(&t->aliases, hash_of(t, hop), stands_for, hop);

	return n ? container_of(n, struct alias, node) : NULL;
}

/* The newest counts. */
void transport_alias_add(struct transport *t, const struct sip_hop *hop, uint32_t conn)
{
	struct alias *a = find(t, hop);

	if (!a && t->aliases.count < ALIASES_MAX && (a = calloc(1, sizeof(*a)))) {
		a->hop = *hop;
		table_add(&t->aliases, &a->node, hash_of(t, hop));
		transport_count(t, TRANSPORT_ALIASES);
	}
	if (a)
		a->conn = conn;
}

uint32_t transport_alias_of(const struct transport *t, const struct sip_hop *to)
{
	const struct alias *a = t->aliases.count ? find(t, to) : NULL;

	return a ? a->conn : 0;
}

struct victim {
	struct transport *t;
	uint32_t conn;
};

static void drop_if(struct table_node *n, void *arg)
{
	struct alias *a = container_of(n, struct alias, node);
	struct victim *v = arg;

	if (v->conn && a->conn != v->conn)
		return;
	table_del(&v->t->aliases, n);
	free(a);
}

void transport_alias_drop(struct transport *t, uint32_t conn)
{
	struct victim v = { t, conn };

	if (t->aliases.count)
		table_each(&t->aliases, drop_if, &v);
}

void transport_alias_free(struct transport *t)
{
	transport_alias_drop(t, 0);
	table_fini(&t->aliases);
}

bool transport_alias_asked(char *buf, size_t len, uint16_t *port)
{
	struct sip_msg m;
	struct sip_via v;
	struct str via, ignored;

	if (sip_msg_parse(&m, buf, len) < 0 || m.status)
		return false;
	via = sip_value(&m, SIP_HDR_VIA);
	if (sip_via_parse(&via, &v) < 0 || sip_param(v.params, STR("alias"), &ignored) <= 0)
		return false;
	*port = v.port ? v.port : sip_default_port(SIP_TLS);
	return true;
}
