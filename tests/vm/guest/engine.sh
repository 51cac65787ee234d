# SPDX-License-Identifier: Apache-2.0
# The conformance suite against sluice.ko, then the module's coming and going.
# usage: tests/vm/run KERNEL engine [NAME OF CASES ...] [OPTION OF engine-conformance ...]
#
# vm: programs ip ethtool sysctl
# vm: built tests/engine/engine-conformance
# vm: files tests/engine/run.sh
# vm: modules veth
. /lib.sh
cd /sluice || exit 2

again() {
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		load && unload || return 1
	done
}

load
check "the module can be loaded" $? || exit 1
suite "$@"
unload
check "the module can be removed after the suite" $?
again
check "loaded and removed 15 times" $?
check_leaks
check_log
echo "# tainted: $(cat /proc/sys/kernel/tainted)"
exit $failed
