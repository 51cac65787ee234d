# SPDX-License-Identifier: Apache-2.0
# What the tests in a virtual machine have in common. To be sourced.
failed=0

# NAME STATUS [TEXT]: one line of TAP; the numbers begin where no suite's end.
n_checks=1000
check() {
	n_checks=$((n_checks + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n_checks - $1"
		return 0
	fi
	echo "not ok $n_checks - $1"
	[ -z "${3:-}" ] || echo "$3" | sed 's/^/# /'
	failed=1
}

# Module sluice.ko, loaded. By modprobe: with what it depends on.
load() {
	modprobe sluice
}

# All flows end, and the module goes.
unload() {
	echo 2 >/sys/module/sluice/parameters/drain
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		rmmod sluice 2>/dev/null && return 0
		sleep 0.2
	done
	rmmod sluice
}

# [NAME OF CASES ...]: the conformance suite against the module, which is loaded. On processors that are played by software,
# beside what else the host does, many are late now and then.
suite() {
	module=$(modinfo -n sluice 2>/dev/null || find /lib/modules -name sluice.ko)
	sh /sluice/tests/engine/run.sh -e netlink -m "$module" -- --again 30 "$@"
	check "the suite" $?
}

# What a kernel with its checks on says when something is wrong, and every other says of the worst.
SPLATS='BUG:|WARNING:|WARNING: |KASAN|INFO: (possible|task|rcu)|UBSAN|suspicious RCU|ODEBUG|general protection'
SPLATS="$SPLATS"'|unregister_netdevice: waiting|leaked reference|Call Trace|refcount_t|percpu ref|Object.*remaining'

check_log() {
	dmesg >/tmp/dmesg
	bad=$(grep -E "$SPLATS" /tmp/dmesg)
	[ -z "$bad" ]
	check "nothing bad in the kernel's log" $? "$(grep -E -A30 "$SPLATS" /tmp/dmesg | head -n 120)"
	# Lockdep looks no more once it has said something, or has no room left.
	[ -e /proc/lockdep_stats ] || return 0
	grep -Eq '^ *debug_locks: +1$' /proc/lockdep_stats
	check "lockdep looked until the end" $? "$(cat /proc/lockdep_stats)"
}

# On a kernel that has it: memory that nobody knows any more. It takes two looks, some seconds apart, to be sure of it.
check_leaks() {
	leaks=/sys/kernel/debug/kmemleak
	[ -e $leaks ] || return 0
	for _ in 1 2; do
		sleep 6
		# Refused when it has given up, for want of memory of its own.
		echo scan >$leaks
		check "kmemleak looks" $?
	done
	found=$(head -n 80 $leaks)
	[ -z "$found" ]
	check "no memory was lost (kmemleak)" $? "$found"
}
