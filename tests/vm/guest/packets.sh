# SPDX-License-Identifier: Apache-2.0
# What only a kernel does to packets: destinations on the same host, loops, packets that others look at, GSO and GRO.
# usage: tests/vm/run KERNEL packets
#
# vm: programs ip ethtool
# vm: built tests/vm/packets/vm-packets
# vm: modules veth
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
	/sluice/build/tests/vm/packets/vm-packets /run/netns/a /run/netns/b
	check "$1" $?
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
unload
check "the module can be removed" $?
check_leaks
check_log
exit $failed
