# SPDX-License-Identifier: Apache-2.0
# Runs in the guest of tools/bench kernel, by busybox's sh. $COUNT packets for each figure, $ROUNDS times.
# Each thing that is measured has namespaces of its own, so that none is left with another one's hooks.
status=0
mods=/lib/mods

cables() {
	for n in A R B; do /bin/ip netns add $n; /bin/ip -n $n link set lo up; done
	/bin/ip link add va netns A type veth peer name r0 netns R
	/bin/ip link add vb netns B type veth peer name r1 netns R
	/bin/ip -n A addr add 10.0.1.2/24 dev va
	/bin/ip -n R addr add 10.0.1.1/24 dev r0
	/bin/ip -n R addr add 10.0.2.1/24 dev r1
	/bin/ip -n B addr add 10.0.2.2/24 dev vb
	for d in A:va R:r0 R:r1 B:vb; do /bin/ip -n ${d%:*} link set ${d#*:} up; done
	/bin/ip -n A route add default via 10.0.1.1
	/bin/ip -n B route add default via 10.0.2.1
}

cut_cables() {
	for n in A R B; do /bin/ip netns del $n; done
	sleep 1
}

inside() { /bin/ip netns exec R "$@"; }

# NAME FROM TO [MORE]: in batches of 1 and of 32
cost() {
	name=$1 from=$2 to=$3
	shift 3
	for batch in 1 32; do
		kernelcost measure $name $from $to $batch $COUNT "$@" || status=1
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
	inside insmod $mods/plain_relay.ko || status=1
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
	insmod $mods/xt_RTPENGINE.ko || status=1
	rtpengine-target &
	p=$!
	sleep 1
	inside /bin/iptables-legacy -A INPUT -p udp -j RTPENGINE --id 0 || status=1
	cost rtpengine A 10.0.1.1:40000
	inside /bin/iptables-legacy -F INPUT
	stop $p
	sleep 1
	echo 'del 0' >/proc/rtpengine/control
	rmmod xt_RTPENGINE || status=1
}

# What one flow seals, another one with the same keys opens.
srtp() {
	name=$1 suite=$2
	for batch in 1 32; do
		kernelcost flow set 2 out=$suite || return 1
		kernelcost measure sluice-seal-$name A 10.0.1.1:40000 $batch $COUNT sealed keep=/sealed || status=1
		kernelcost flow del 2
		kernelcost flow set 3 in=$suite || return 1
		kernelcost measure sluice-open-$name A 10.0.1.1:40000 $batch $COUNT replay=/sealed || status=1
		kernelcost flow del 3
	done
}

sluice() {
	insmod $mods/sluice.ko || status=1
	kernelcost flow set 1 || status=1
	cost sluice A 10.0.1.1:40000
	kernelcost flow del 1
	# Numbers of enum flow_suite.
	srtp cm-128 1 && srtp cm-256 3 && srtp gcm-128 5 && srtp gcm-256 6 || status=1
	rmmod sluice || status=1
}

each() {
	for what in "$@"; do
		cables
		$what
		cut_cables
	done
}

insmod $mods/raw_cipher.ko && rmmod raw_cipher || status=1
dmesg | sed -n 's/.*raw_cipher: //p'
round=0
while [ $round -lt $ROUNDS ]; do
	round=$((round + 1))
	echo "# round $round"
	each direct forwarding plain user
	[ ! -e $mods/xt_RTPENGINE.ko ] || each rtpengine
	[ ! -e $mods/sluice.ko ] || each sluice
done
dmesg | grep -E 'WARN|BUG|Oops|RTPENGINE' | tail -5 | sed 's/^/# /'
exit $status
