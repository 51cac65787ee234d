// SPDX-License-Identifier: GPL-2.0-only
/* The state of a network namespace, from its first flow to its end. */
#include <linux/module.h>
#include <linux/random.h>
#include <linux/wait_bit.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include "sluice.h"

static unsigned int net_id __read_mostly;

/* Are there namespaces to clear? The parameter of the module can be written before and after. */
static DEFINE_MUTEX(registered_lock);
static bool registered;

struct sluice_net *sluice_net_of(struct net *net)
{
	return net_generic(net, net_id);
}

/* ---- places ---- */

/* Of all namespaces that are of user namespaces. Their flows are charged to who has them made, as far as the module allocates;
 * the transforms of their keys are the crypto API's and are not. */
static atomic_t user_flows = ATOMIC_INIT(0);

bool sluice_net_take_place(struct sluice_net *sn)
{
	if (!sluice_net_is_users(sn))
		return true;
	if (atomic_inc_return(&user_flows) <= READ_ONCE(sluice_max_user_flows))
		return true;
	atomic_dec(&user_flows);
	return false;
}

void sluice_net_give_place(struct sluice_net *sn)
{
	if (sluice_net_is_users(sn))
		atomic_dec(&user_flows);
}

/* ---- flows ---- */

static int begin(struct sluice_net *sn)
{
	int err;

	if (!try_module_get(THIS_MODULE)) /* it is about to go */
		return -ESHUTDOWN;
	err = hooks_up(sn);
	if (err)
		module_put(THIS_MODULE);
	else
		queue_delayed_work(system_wq, &sn->idle, SLUICE_IDLE_JIFFIES);
	return err;
}

/* The hooks stay until sn->idle finds no flow: to put them there and to take them away patches code on all CPUs. */
static void end(void)
{
	module_put(THIS_MODULE);
}

int sluice_net_add(struct sluice_net *sn, struct sluice_flow *f)
{
	int err = sn->n_flows ? 0 : begin(sn);

	if (err)
		return err;
	err = xa_insert(&sn->flows, f->rule->flow.id, f, GFP_KERNEL_ACCOUNT);
	if (err)
		goto out;
	err = table_set(sn, f, f->rule);
	if (err)
		goto erase;
	event_due(f);
	sn->n_flows++;
	return 0;
erase:
	xa_erase(&sn->flows, f->rule->flow.id);
out:
	if (!sn->n_flows)
		end();
	return err;
}

void sluice_net_remove(struct sluice_net *sn, struct sluice_flow *f)
{
	table_clear(sn, f);
	xa_erase(&sn->flows, f->rule->flow.id);
	flow_retire(f);
	if (!--sn->n_flows)
		end();
}

static void clear(struct sluice_net *sn)
{
	struct sluice_flow *f;
	unsigned long id;

	mutex_lock(&sn->lock);
	xa_for_each(&sn->flows, id, f) {
		sluice_net_remove(sn, f);
		cond_resched();
	}
	mutex_unlock(&sn->lock);
}

void sluice_net_clear_all(void)
{
	struct net *net;

	mutex_lock(&registered_lock);
	if (registered) {
		down_read(&net_rwsem);
		for_each_net(net)
			clear(sluice_net_of(net));
		up_read(&net_rwsem);
	}
	mutex_unlock(&registered_lock);
}

/* ---- life ---- */

static int __net_init net_begin(struct net *net)
{
	struct sluice_net *sn = sluice_net_of(net);

	sn->counters = alloc_percpu_gfp(struct sluice_counters, GFP_KERNEL_ACCOUNT);
	if (!sn->counters)
		return -ENOMEM;
	sn->net = net;
	mutex_init(&sn->lock);
	xa_init_flags(&sn->flows, XA_FLAGS_ACCOUNT);
	xa_init_flags(&sn->clients, XA_FLAGS_ACCOUNT);
	spin_lock_init(&sn->tick_lock);
	INIT_LIST_HEAD(&sn->ticking);
	INIT_DELAYED_WORK(&sn->tick, path_tick_work);
	INIT_DELAYED_WORK(&sn->idle, event_idle_work);
	spin_lock_init(&sn->retire_lock);
	INIT_LIST_HEAD(&sn->retired);
	INIT_LIST_HEAD(&sn->retiring);
	INIT_RCU_WORK(&sn->reaper, flow_reap_work);
	get_random_bytes(&sn->epoch, sizeof(sn->epoch));
	return 0;
}

/* No requests come any more: sockets hold their namespace, and the family goes before the module. A grace period passes between
 * this and net_exit(), for all namespaces at once. */
static void __net_exit net_pre_exit(struct net *net)
{
	struct sluice_net *sn = sluice_net_of(net);

	clear(sn);
	mutex_lock(&sn->lock);
	hooks_down(sn);
	mutex_unlock(&sn->lock);
}

static void __net_exit net_exit(struct net *net)
{
	struct sluice_net *sn = sluice_net_of(net);

	cancel_delayed_work_sync(&sn->idle);
	wait_var_event(&sn->alive, !atomic_read(&sn->alive));
	cancel_delayed_work_sync(&sn->tick); /* after that: it gives back what it has of flows */
	flush_rcu_work(&sn->reaper);
	table_free(sn);
	xa_destroy(&sn->flows);
	xa_destroy(&sn->clients);
	free_percpu(sn->counters);
}

static struct pernet_operations net_ops = {
	.init = net_begin,
	.pre_exit = net_pre_exit,
	.exit = net_exit,
	.id = &net_id,
	.size = sizeof(struct sluice_net),
};

static void set_registered(bool is)
{
	mutex_lock(&registered_lock);
	registered = is;
	mutex_unlock(&registered_lock);
}

int sluice_net_register(void)
{
	int err = register_pernet_subsys(&net_ops);

	if (!err)
		set_registered(true);
	return err;
}

void sluice_net_unregister(void)
{
	set_registered(false);
	unregister_pernet_subsys(&net_ops);
}
