/* SPDX-License-Identifier: Apache-2.0 */
/* Which engine relays media. A stream goes from one network to another and has one engine, so all of a configuration have
 * the same. */
#include "conf_priv.h"

const char *const conf_media_words[] = {
	[CONF_MEDIA_AUTO] = "auto",
	[CONF_MEDIA_DPDK] = "dpdk",
	[CONF_MEDIA_KERNEL] = "kernel",
	NULL,
};

static bool is_interface(const struct conf_network *n)
{
	return !n->port || (strncmp(n->port, "net_", 4) != 0 && !strchr(n->port, ':'));
}

/* The first that was asked for by name; *by: the network that did, NULL: media.engine. */
static enum conf_media asked(const struct conf *c, const struct conf_network **by)
{
	*by = NULL;
	if (c->media.engine)
		return c->media.engine;
	for (unsigned i = 0; i < c->n_networks; i++) {
		if (!c->networks[i].engine)
			continue;
		*by = &c->networks[i];
		return c->networks[i].engine;
	}
	return CONF_MEDIA_AUTO;
}

enum conf_media conf_media_of(const struct conf *c)
{
	const struct conf_network *by;
	enum conf_media m = asked(c, &by);

	/* The kernel does not see what DPDK has taken. */
	for (unsigned i = 0; i < c->n_networks && !m; i++)
		if (!is_interface(&c->networks[i]))
			m = CONF_MEDIA_DPDK;
	return m;
}

static struct place place_of(struct binding *b, const struct conf_network *n, const char *key)
{
	const struct tree *item = b->network_at[n->index], *t = tree_get(item, key);

	binding_key(b, "networks.%s.%s", n->name, key);
	return t ? t->at : item->key_at;
}

static void check_agrees(struct binding *b, const struct conf_network *n, enum conf_media m,
			 const struct conf_network *by)
{
	if (!n->engine || n->engine == m)
		return;
	fault(b->faults, place_of(b, n, "engine"), b->key,
	      "%s here and %s at %s%s%s: a call between them could not be relayed, for it has one "
	      "engine",
	      conf_media_words[n->engine], conf_media_words[m], by ? "networks." : "media.engine",
	      by ? by->name : "", by ? ".engine" : "");
	fault_fix(b->faults, "Write the one that you want as media.engine, and delete this line.");
}

static void check_port(struct binding *b, const struct conf_network *n)
{
	if (is_interface(n))
		return;
	fault(b->faults, place_of(b, n, "port"), b->key,
	      "%s is no interface of the kernel, and media goes through the kernel engine",
	      n->port);
	fault_fix(b->faults, "Write the interface (\"ip link\" lists them), or engine: dpdk.");
}

void check_engine(struct binding *b, const struct conf *c)
{
	const struct conf_network *by;
	enum conf_media m = asked(c, &by);

	for (unsigned i = 0; i < c->n_networks; i++) {
		const struct conf_network *n = &c->networks[i];

		if (b->network_at[i]->kind != TREE_MAP)
			continue;
		check_agrees(b, n, m, by);
		if (m == CONF_MEDIA_KERNEL)
			check_port(b, n);
	}
}
