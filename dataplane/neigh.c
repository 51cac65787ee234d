/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <netlink/cache.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_jhash.h>
#include "neigh.h"
#include "route.h"

#define HOPS_MAX   8192
#define REFRESH_MS 10000
#define FORGET_S   300
#define SETTLE_MS  100 /* routes change in swarms: look once, after the swarm */
#define USABLE     (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

struct neigh {
	struct ports *ports;
	struct loop *loop;
	struct log *log;
	struct rte_hash *hops; /* key -> struct hop */
	struct hop *hop;
	u32 *vacant;
	u32 n_vacant;
	struct nl_cache_mngr *mngr;
	struct nl_cache *neighbours; /* the manager's */
	struct route *route;
	struct loop_fd kernel_fd, route_fd;
	struct timer refresh, settle;
	void (*wake)(void *arg);
	void *wake_arg;
};

struct hop *neigh_find(const struct neigh *n, const struct hop_key *key)
{
	void *hop;
	return rte_hash_lookup_data(n->hops, key, &hop) < 0 ? NULL : hop;
}

/* Called by the hash after the grace period of a deleted key. */
static void on_hop_free(void *arg, void *data)
{
	struct neigh *n = arg;
	n->vacant[n->n_vacant++] = (u32)((struct hop *)data - n->hop);
}

static const struct network *network_of(const struct neigh *n, const struct hop *h)
{
	return &n->ports->network[atomic_load_explicit(&h->place, memory_order_relaxed) - 1];
}

static void set_link(struct neigh *n, struct hop *h, u64 link)
{
	u64 old = atomic_exchange_explicit(&h->link, link, memory_order_release);
	if (link != old && n->wake)
		n->wake(n->wake_arg);
}

static void take(struct neigh *n, struct hop *h, struct rtnl_neigh *nb)
{
	struct nl_addr *mac = rtnl_neigh_get_lladdr(nb);
	int state = rtnl_neigh_get_state(nb);
	h->stale = state == NUD_STALE;
	if (state & USABLE && mac && nl_addr_get_len(mac) == 6)
		set_link(n, h, HOP_KNOWN | port_mac_pack(nl_addr_get_binary_addr(mac)));
	else
		set_link(n, h, 0);
}

/* A datagram to the neighbour makes the kernel ask for its hardware address or confirm it. That
 * takes no privilege, unlike changing the neighbour table. */
static void resolve(struct neigh *n, struct hop *h)
{
	const struct network *net = network_of(n, h);
	if (route_next_hop(n->route, net, (const u8 *)h->ip, h->via)) {
		set_link(n, h, HOP_NEVER);
		return;
	}
	struct nl_addr *dst = nl_addr_build(net->family == 6 ? AF_INET6 : AF_INET, h->via,
					    net->family == 6 ? 16 : 4);
	struct rtnl_neigh *nb = dst ? rtnl_neigh_get(n->neighbours, (int)net->ifindex, dst) : NULL;
	if (nb)
		take(n, h, nb);
	else
		set_link(n, h, 0);
	if (!nb || h->stale || !(atomic_load(&h->link) & HOP_KNOWN))
		route_poke(n->route, net, h->via);
	if (nb)
		rtnl_neigh_put(nb);
	nl_addr_put(dst);
}

void neigh_want(struct neigh *n, const struct hop_key *key)
{
	struct hop *h = neigh_find(n, key);
	if (!h) {
		if (!n->n_vacant || key->place > n->ports->n_networks)
			return;
		h = &n->hop[n->vacant[--n->n_vacant]];
		atomic_store(&h->link, 0);
		h->stale = false;
		atomic_store(&h->used, (u32)(loop_now(n->loop) / 1000));
		memcpy(h->ip, key->ip, sizeof(h->ip));
		atomic_store_explicit(&h->place, key->place, memory_order_release);
		if (rte_hash_add_key_data(n->hops, key, h)) {
			atomic_store(&h->place, 0);
			n->n_vacant++;
			return;
		}
	}
	if (!(atomic_load(&h->link) & HOP_KNOWN))
		resolve(n, h);
}

static void each_hop(struct neigh *n, void (*fn)(struct neigh *n, struct hop *h, const void *arg),
		     const void *arg)
{
	for (u32 i = 0; i < HOPS_MAX; i++)
		if (atomic_load_explicit(&n->hop[i].place, memory_order_relaxed))
			fn(n, &n->hop[i], arg);
}

struct change {
	struct rtnl_neigh *nb;
	unsigned ifindex;
	u8 family;
	bool gone;
	u8 ip[16];
};

static void hop_change(struct neigh *n, struct hop *h, const void *arg)
{
	const struct change *c = arg;
	const struct network *net = network_of(n, h);
	if (net->family != c->family || net->ifindex != c->ifindex ||
	    memcmp(h->via, c->ip, sizeof(c->ip)) != 0)
		return;
	if (c->gone)
		set_link(n, h, 0);
	else
		take(n, h, c->nb);
}

static void on_neighbour(struct nl_cache *cache, struct nl_object *obj, int action, void *arg)
{
	struct neigh *n = arg;
	struct rtnl_neigh *nb = (struct rtnl_neigh *)obj;
	struct nl_addr *dst = rtnl_neigh_get_dst(nb);
	struct change c = { .nb = nb,
			    .ifindex = (unsigned)rtnl_neigh_get_ifindex(nb),
			    .gone = action == NL_ACT_DEL };
	unsigned len = dst ? nl_addr_get_len(dst) : 0;
	(void)cache;
	if (len == 4 && nl_addr_get_family(dst) == AF_INET)
		c.family = 4;
	else if (len == 16 && nl_addr_get_family(dst) == AF_INET6)
		c.family = 6;
	else
		return;
	memcpy(c.ip, nl_addr_get_binary_addr(dst), len);
	each_hop(n, hop_change, &c);
}

/* An interface got another hardware address: send with that one from now on. */
static void on_link(struct nl_cache *cache, struct nl_object *obj, int action, void *arg)
{
	struct neigh *n = arg;
	struct rtnl_link *link = (struct rtnl_link *)obj;
	struct nl_addr *mac = rtnl_link_get_addr(link);
	(void)cache;
	if (action == NL_ACT_DEL || !mac || nl_addr_get_len(mac) != 6)
		return;
	for (unsigned i = 0; i < n->ports->n; i++)
		if ((int)n->ports->port[i].ifindex == rtnl_link_get_ifindex(link))
			atomic_store(&n->ports->port[i].mac,
				     port_mac_pack(nl_addr_get_binary_addr(mac)));
}

static void hop_resolve(struct neigh *n, struct hop *h, const void *arg)
{
	(void)arg;
	resolve(n, h);
}

static void on_kernel(void *arg, uint32_t events)
{
	struct neigh *n = arg;
	(void)events;
	/* Below zero something was lost on the way, or a dump was interrupted: look at all again.
	 */
	if (nl_cache_mngr_data_ready(n->mngr) < 0)
		timer_start(n->loop, &n->settle, SETTLE_MS);
}

static void on_route(void *arg, uint32_t events)
{
	struct neigh *n = arg;
	(void)events;
	route_drain(n->route);
	if (!timer_is_set(&n->settle))
		timer_start(n->loop, &n->settle, SETTLE_MS);
}

static void on_settle(void *arg)
{
	struct neigh *n = arg;
	each_hop(n, hop_resolve, NULL);
}

static void hop_refresh(struct neigh *n, struct hop *h, const void *arg)
{
	u32 now = *(const u32 *)arg, idle = now - atomic_load(&h->used);
	if (idle > FORGET_S && (s32)idle > 0) {
		struct hop_key key = { { h->ip[0], h->ip[1] }, atomic_exchange(&h->place, 0) };
		rte_hash_del_key(n->hops, &key);
	} else if (h->stale && idle <= REFRESH_MS / 1000) {
		/* The kernel does not see our packets, so it would never ask for this neighbour
		 * again. */
		route_poke(n->route, network_of(n, h), h->via);
	}
}

static void on_refresh(void *arg)
{
	struct neigh *n = arg;
	u32 now = (u32)(loop_now(n->loop) / 1000);
	each_hop(n, hop_refresh, &now);
	timer_start(n->loop, &n->refresh, REFRESH_MS);
}

static int make_hash(struct neigh *n, struct rte_rcu_qsbr *rcu)
{
	u32 seed;
	loop_random(n->loop, &seed, sizeof(seed));
	struct rte_hash_parameters hp = { .name = "hops",
					  .entries = HOPS_MAX * 2,
					  .key_len = sizeof(struct hop_key),
					  .hash_func = rte_jhash,
					  .hash_func_init_val = seed,
					  .socket_id = SOCKET_ID_ANY,
					  .extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF };
	struct rte_hash_rcu_config rc = { .v = rcu,
					  .mode = RTE_HASH_QSBR_MODE_DQ,
					  .dq_size = HOPS_MAX,
					  .key_data_ptr = n,
					  .free_key_data_func = on_hop_free };
	n->hops = rte_hash_create(&hp);
	if (!n->hops || rte_hash_rcu_qsbr_add(n->hops, &rc))
		return rte_errno ? -rte_errno : -ENOMEM;
	return 0;
}

static int follow(struct neigh *n)
{
	struct nl_cache *links;
	int err = nl_cache_mngr_alloc(NULL, NETLINK_ROUTE, NL_AUTO_PROVIDE, &n->mngr);
	if (!err)
		err = nl_cache_mngr_add(n->mngr, "route/link", on_link, n, &links);
	if (!err)
		err = nl_cache_mngr_add(n->mngr, "route/neigh", on_neighbour, n, &n->neighbours);
	if (err)
		return -EIO;
	n->kernel_fd = (struct loop_fd){ nl_cache_mngr_get_fd(n->mngr), EPOLLIN, on_kernel, n };
	n->route_fd = (struct loop_fd){ route_fd(n->route), EPOLLIN, on_route, n };
	err = loop_fd_add(n->loop, &n->kernel_fd);
	return err ? err : loop_fd_add(n->loop, &n->route_fd);
}

int neigh_open(struct neigh **out, struct ports *ports, struct rte_rcu_qsbr *rcu, struct loop *loop,
	       struct log *log)
{
	struct neigh *n = calloc(1, sizeof(*n));
	*out = n;
	if (!n)
		return -ENOMEM;
	*n = (struct neigh){ .ports = ports, .loop = loop, .log = log };
	n->hop = calloc(HOPS_MAX, sizeof(*n->hop));
	n->vacant = calloc(HOPS_MAX, sizeof(*n->vacant));
	int err = n->hop && n->vacant ? make_hash(n, rcu) : -ENOMEM;
	if (!err)
		err = route_open(&n->route, ports, log);
	if (!err)
		err = follow(n);
	if (err) {
		log_error(log, "neigh", "the kernel's neighbours cannot be followed: %s",
			  strerror(-err));
		neigh_close(n);
		*out = NULL;
		return err;
	}
	for (u32 i = 0; i < HOPS_MAX; i++)
		n->vacant[n->n_vacant++] = HOPS_MAX - 1 - i;
	timer_init(&n->refresh, on_refresh, n);
	timer_init(&n->settle, on_settle, n);
	timer_start(loop, &n->refresh, REFRESH_MS);
	return 0;
}

void neigh_on_known(struct neigh *n, void (*wake)(void *arg), void *arg)
{
	n->wake = wake;
	n->wake_arg = arg;
}

void neigh_close(struct neigh *n)
{
	if (!n)
		return;
	if (n->kernel_fd.ready)
		loop_fd_del(n->loop, &n->kernel_fd);
	if (n->route_fd.ready)
		loop_fd_del(n->loop, &n->route_fd);
	timer_stop(n->loop, &n->refresh);
	timer_stop(n->loop, &n->settle);
	route_close(n->route);
	nl_cache_mngr_free(n->mngr);
	rte_hash_free(n->hops);
	free(n->vacant);
	free(n->hop);
	free(n);
}
