// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>
#include <net/genetlink.h>
#include "sluice.h"

unsigned int sluice_max_flows = 65536;
module_param_named(max_flows, sluice_max_flows, uint, 0644);
MODULE_PARM_DESC(max_flows, "most flows of one network namespace");

unsigned int sluice_max_user_flows = 8192;
module_param_named(max_user_flows, sluice_max_user_flows, uint, 0644);
MODULE_PARM_DESC(max_user_flows,
		 "most flows of all namespaces together that are of user namespaces");

unsigned int sluice_drain;
bool sluice_srtp;

static int drain_set(const char *value, const struct kernel_param *kp)
{
	unsigned int drain;
	int err = kstrtouint(value, 0, &drain);

	if (err)
		return err;
	if (drain > 2)
		return -EINVAL;
	WRITE_ONCE(sluice_drain, drain);
	if (drain == 2)
		sluice_net_clear_all();
	return 0;
}

static const struct kernel_param_ops drain_ops = {
	.set = drain_set,
	.get = param_get_uint,
};

module_param_cb(drain, &drain_ops, &sluice_drain, 0644);
MODULE_PARM_DESC(drain, "1: no new flows; 2: those that are there end, too; 0: as usual");

static int __init sluice_init(void)
{
	int err = sluice_keys_begin();

	if (err == -ENOMEM)
		goto keys;
	sluice_srtp = !err;
	if (err)
		pr_notice("sluice: no SRTP: the kernel lacks ctr(aes), gcm(aes) or hmac(sha1)\n");
	err = flow_caches_make();
	if (err)
		goto keys;
	err = sluice_net_register();
	if (err)
		goto caches;
	err = netlink_register();
	if (err)
		goto nets;
	return 0;
nets:
	sluice_net_unregister();
caches:
	flow_caches_free();
keys:
	sluice_keys_end();
	return err;
}

/* There are no flows: they hold a reference on the module. What is left of them ends with their namespaces. */
static void __exit sluice_exit(void)
{
	netlink_unregister();
	sluice_net_unregister();
	sluice_keys_end();
	flow_caches_free();
}

module_init(sluice_init);
module_exit(sluice_exit);

/* Ciphers are asked for by name, and with these there the accelerated ones are. One line: modprobe reads the first. */
MODULE_SOFTDEP("pre: aes ctr gcm ghash hmac sha1");
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("sluice: relay of RTP, RTCP and SRTP");
MODULE_ALIAS_GENL_FAMILY("sluice");
