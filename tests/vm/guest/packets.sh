# SPDX-License-Identifier: Apache-2.0
# What only a kernel does to packets: destinations on the same host, loops, packets that others look at, GSO and GRO.
# usage: tests/vm/run KERNEL packets
#
# vm: programs ip ethtool nft
# vm: built tests/vm/packets/vm-packets
# vm: modules veth
# vm: more-modules nf_tables nft_counter nft_queue nfnetlink_queue
. /lib.sh

# DEVICE NAMESPACE NETWORK
cable() {
	ip netns add "$2"
	ip link add "$1" type veth peer name eth0 netns "$2"
	ip link set "$1" up
	ip -n "$2" link set lo up
	ip -n "$2" link set eth0 up
	ip addr add "10.0.$3.1/24" dev "$1"
	ip addr add "fd00:$3::1/64" dev "$1" nodad
	ip -n "$2" addr add "10.0.$3.2/24" dev eth0
	ip -n "$2" addr add "fd00:$3::2/64" dev eth0 nodad
	ip -n "$2" route add default via "10.0.$3.1"
	ip -n "$2" route add default via "fd00:$3::1"
}

run() {
	name=$1
	shift
	/sluice/build/tests/vm/packets/vm-packets /run/netns/a /run/netns/b "$@"
	check "$name" $?
}

# Rules that packets meet before the module and after it. What has a service type waits for a program's word, and comes to the
# module in that program's context; on one processor, where softirqs come in between.
rules() {
	modprobe nfnetlink_queue
	nft -f - <<-E
		table inet t {
			chain before {
				type filter hook prerouting priority raw
				iifname "a0" udp length 180 ip dscp ef queue num 7
			}
			chain after {
				type filter hook postrouting priority 0
				oifname "b0" udp length 180 counter
				oifname "b0" udp length 180 iifname "a0" counter
			}
		}
	E
}

# What nft counted by the n-th rule of the chain "after".
counted() {
	nft list chain inet t after | sed -n 's/.*counter packets \([0-9]*\).*/\1/p' | sed -n "$1p"
}

mkdir -p /run/netns
cable a0 a 1
cable b0 b 2
load
check "the module can be loaded" $? || exit 1
run "as devices are"
ethtool -K a0 gro on rx-udp-gro-forwarding on
run "with GRO of what is forwarded"
ethtool -K a0 rx-gro-list on
run "with GRO of lists"
ethtool -K a0 gro off
rules
check "rules are taken" $?
echo 2 >/sys/class/net/a0/queues/rx-0/rps_cpus
run "what waited for a program's word" queued
[ "$(counted 1)" -gt 1000 ] && [ "$(counted 2)" = 0 ]
check "what leaves is the host's own, and did not come in anywhere" $? "$(nft list chain inet t after)"
unload
check "the module can be removed" $?
check_leaks
check_log
exit $failed
