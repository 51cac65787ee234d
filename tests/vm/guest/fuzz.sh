# SPDX-License-Identifier: Apache-2.0
# Random and broken requests to sluice.ko while packets run through it (tests/vm/fuzz); the verdict is the kernel's log.
# usage: tests/vm/run KERNEL fuzz [OPTION of netlink-fuzz ...]     -t SECONDS (10), -s SEED, -r ROUND
#
# vm: built tests/vm/fuzz/netlink-fuzz
# vm: timeout 1200
. /lib.sh

load
check "the module can be loaded" $? || exit 1
/sluice/build/tests/vm/fuzz/netlink-fuzz "$@" 2>&1
check "what it answers is right, and what is good still works" $?
# No drain: the namespaces are gone, and their flows with them.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	rmmod sluice 2>/dev/null && break
	sleep 0.3
done
[ ! -e /sys/module/sluice ]
check "nothing is left that keeps the module" $?
check_leaks
check_log
exit $failed
