# SPDX-License-Identifier: Apache-2.0
# The life of sluice.ko: its reference while there are flows, drain, max_flows, the end of a namespace, who said HELLO.
# usage: tests/vm/run KERNEL life [PART ...]     ciphers, flows, end, traffic, namespaces, bounds; without one: all
#
# vm: programs ip
# vm: built tests/vm/life/module-flows
# vm: memory 384
# vm: timeout 200
. /lib.sh
module_flows=/sluice/build/tests/vm/life/module-flows
parameters=/sys/module/sluice/parameters

# NAME WANTED COMMAND...: what it prints.
says() {
	name=$1 wanted=$2
	shift 2
	got=$("$@" 2>&1)
	[ "$got" = "$wanted" ]
	check "$name" $? "$got, not $wanted"
}

refused() {
	! rmmod sluice 2>/dev/null
}

# A reference on the module goes with the last flow; what is left of those flows after it.
removed() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		rmmod sluice 2>/dev/null && return 0
		sleep 0.2
	done
	return 1
}

# A cipher that the kernel has found once is there for good, so this comes first. Two modules have AES-GCM; a kernel that has
# it built in cannot lack it.
ciphers() {
	mkdir /tmp/hidden
	for m in $(find /lib/modules -name gcm.ko -o -name aesni-intel.ko); do
		mv "$m" "/tmp/hidden/$(basename "$m")"
		echo "mv /tmp/hidden/$(basename "$m") $m"
	done >/tmp/back
	if [ -s /tmp/back ]; then
		load
		says "without a cipher there is no SRTP" 0 $module_flows srtp
		unload
		. /tmp/back
	fi
	load
	says "with all ciphers there is" 1 $module_flows srtp
	unload
}

flows() {
	load
	says "without HELLO nothing is answered" -71 $module_flows plain
	says "HELLO is forgotten with the socket" -71 $module_flows forgotten
	says "an address that is not ours" -99 $module_flows stranger
	says "three flows" 0 $module_flows set 1 3 1
	says "they are there" 3 $module_flows count
	refused
	check "the module stays while there are flows" $?
	echo 1 >$parameters/drain
	says "drain 1: no new flow" -108 $module_flows set 4 1 1
	says "drain 1: an old one can be changed" 0 $module_flows set 2 1 2
	says "drain 1: all are there" 3 $module_flows count
	echo 0 >$parameters/drain
	says "drain 0: as usual" 0 $module_flows set 4 1 1
	echo 4 >$parameters/max_flows
	says "max_flows" -12 $module_flows set 5 1 1
	says "one less" 0 $module_flows del 4
	says "room for one" 0 $module_flows set 5 1 1
	echo 2 >$parameters/drain
	says "drain 2: none is left" 0 $module_flows count
	removed
	check "it can be removed after drain 2" $?
}

end() {
	load
	says "2000 flows" 0 $module_flows set 1 2000 1
	says "all in one dump" 2000 $module_flows count
	echo 2 >$parameters/drain
	removed
	check "removed while their memory waits" $?
}

traffic() {
	load
	says "a flow comes and goes under its packets" 0 $module_flows churn 200
	echo 2 >$parameters/drain
	removed
	check "removed after that" $?
}

namespaces() {
	load
	for round in 1 2 3; do
		ip netns add x$round
		ip -n x$round link set lo up
		says "flows of a namespace, round $round" 0 ip netns exec x$round $module_flows set 1 200 1
		says "that are nobody else's, round $round" 0 $module_flows count
		refused
		check "the module stays for them, round $round" $?
		ip netns del x$round
	done
	removed
	check "it can be removed after those namespaces" $?
}

# NAME WANTED N: the namespace of the one before ends in its own time.
contained() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		got=$($module_flows contained set 1 "$3" 1 2>&1)
		[ "$got" = "$2" ] && break
		sleep 0.3
	done
	[ "$got" = "$2" ]
	check "$1" $? "$got, not $2"
}

bounds() {
	load
	says "what netlink sends back of a refused SET has no keys" 0 $module_flows keys
	says "so many addresses may have a port" 0 $module_flows crowd 256
	echo 2 >$parameters/drain
	echo 0 >$parameters/drain
	says "and no more" -28 $module_flows crowd 257
	echo 2 >$parameters/drain
	echo 0 >$parameters/drain
	says "so many sockets get events" 0 $module_flows listeners 256
	says "and no more of them" -28 $module_flows listeners 257
	echo 30 >$parameters/max_user_flows
	says "the host is not bound by max_user_flows" 0 $module_flows set 1 40 1
	contained "who is root of a namespace alone has what it says" 0 30
	contained "and no more" -122 31
	contained "and after that as much as before" 0 30
	echo 2 >$parameters/drain
	removed
	check "it can be removed after that" $?
}

ip link set lo up
for part in ${*:-ciphers flows end traffic namespaces bounds}; do $part; done
check_leaks
check_log
exit $failed
