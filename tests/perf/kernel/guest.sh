# SPDX-License-Identifier: Apache-2.0
# The guest of tools/bench kernel: what a packet costs each relay, one after another.
# usage: FOLDER COUNT ROUNDS   FOLDER has the modules; each figure is of COUNT packets, and comes ROUNDS times
# What is measured has namespaces of its own, so that none is left with the hooks of another.
#
# vm: programs ip
# vm: modules veth iptable_filter x_tables aesni_intel sha1_ssse3 ghash_clmulni_intel ctr gcm hmac
# vm: cpus 1
# vm: memory 512
# vm: timeout 900
. /lib.sh
mods=$1 COUNT=$2 ROUNDS=$3
export XTABLES_LIBDIR="$mods/xtables"
status=0

cables() {
	for n in A R B; do
		ip netns add $n
		ip -n $n link set lo up
	done
	ip link add va netns A type veth peer name r0 netns R
	ip link add vb netns B type veth peer name r1 netns R
	ip -n A addr add 10.0.1.2/24 dev va
	ip -n R addr add 10.0.1.1/24 dev r0
	ip -n R addr add 10.0.2.1/24 dev r1
	ip -n B addr add 10.0.2.2/24 dev vb
	for d in A:va R:r0 R:r1 B:vb; do ip -n ${d%:*} link set ${d#*:} up; done
	ip -n A route add default via 10.0.1.1
	ip -n B route add default via 10.0.2.1
}

cut_cables() {
	for n in A R B; do ip netns del $n; done
	sleep 1
}

inside() { ip netns exec R "$@"; }

# NAME FROM TO: in batches of 1 and of 32
cost() {
	for batch in 1 32; do
		kernelcost measure $1 $2 $3 $batch $COUNT || status=1
	done
}

stop() {
	kill $1
	wait $1 2>/dev/null
}

direct() { cost direct R 10.0.2.2:5004; }

forwarding() {
	inside sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	cost forwarding A 10.0.2.2:5004
}

plain() {
	inside insmod "$mods/plain_relay.ko" || status=1
	cost plain A 10.0.1.1:40000
	rmmod plain_relay || status=1
}

user() {
	kernelcost relay &
	p=$!
	sleep 1
	cost user A 10.0.1.1:40000
	stop $p
}

rtpengine() {
	insmod "$mods/xt_RTPENGINE.ko" || status=1
	rtpengine-target &
	p=$!
	sleep 1
	inside iptables-legacy -A INPUT -p udp -j RTPENGINE --id 0 || status=1
	cost rtpengine A 10.0.1.1:40000
	inside iptables-legacy -F INPUT
	stop $p
	sleep 1
	echo 'del 0' >/proc/rtpengine/control
	rmmod xt_RTPENGINE || status=1
}

# What one flow seals, another one with the same keys opens.
srtp() {
	for batch in 1 32; do
		kernelcost flow set 2 out=$2 || return 1
		kernelcost measure sluice-seal-$1 A 10.0.1.1:40000 $batch $COUNT sealed keep=/run/sealed || status=1
		kernelcost flow del 2
		kernelcost flow set 3 in=$2 || return 1
		kernelcost measure sluice-open-$1 A 10.0.1.1:40000 $batch $COUNT replay=/run/sealed || status=1
		kernelcost flow del 3
	done
}

# The numbers are those of enum flow_suite.
sluice() {
	kernelcost flow set 1 || status=1
	cost sluice A 10.0.1.1:40000
	kernelcost flow del 1
	srtp cm-128 1 && srtp cm-256 3 && srtp gcm-128 5 && srtp gcm-256 6 || status=1
}

each() {
	for what in "$@"; do
		cables
		$what
		cut_cables
	done
}

insmod "$mods/raw_cipher.ko" && rmmod raw_cipher || status=1
dmesg | sed -n 's/.*raw_cipher: //p'
round=0
while [ $round -lt $ROUNDS ]; do
	round=$((round + 1))
	each direct forwarding plain user
	[ ! -e "$mods/xt_RTPENGINE.ko" ] || each rtpengine
	load && each sluice && unload || status=1
done
dmesg | grep -E "$SPLATS" && status=1
exit $status
