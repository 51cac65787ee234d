#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the conformance suite against sluice-dp, or against another engine, in namespaces that are made for it and
# taken away again. Needs ip(8), and ethtool where there is one; no Python.
#
# usage: tests/engine/run.sh [-b BUILD] [-d af_xdp|af_packet] [-e ENGINE -s START | -e netlink -m MODULE]
#        [--] [ARGUMENT ...]
#   -b BUILD   the build tree (build)
#   -d KIND    how sluice-dp takes packets (af_xdp)
#   -e ENGINE  --engine of engine-conformance, instead of sluice-dp; "netlink": the kernel's, in the namespace $SBC
#   -s START   shell command that starts that engine (again), in the namespace $SBC, and returns when it answers; for
#              "netlink" that is the module loaded (again), which -m does
#   -m MODULE  with -e netlink: the file sluice.ko
#   ARGUMENT   of engine-conformance: names of cases, options
# environment: AFTER, a shell command that runs in the namespace $SBC when the suite is over
set -u

here=$(cd "$(dirname "$0")" && pwd)
build=$here/../../build
device=af_xdp
engine=
start=
module=
while getopts b:d:e:s:m: o; do
	case $o in
	b) build=$OPTARG ;;
	d) device=$OPTARG ;;
	e) engine=$OPTARG ;;
	s) start=$OPTARG ;;
	m) module=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))

id=ec$$
SBC=$id-sbc
A=$id-a
B=$id-b
dir=$(mktemp -d /tmp/engine-conformance.XXXXXX) || exit 2
chmod 755 "$dir"
export SBC A B dir device build module

stop() {
	if [ -s "$dir/pid" ]; then
		kill -9 "$(cat "$dir/pid")" 2>/dev/null
		rm -f "$dir/pid"
	fi
}

cleanup() {
	stop
	for n in $SBC $A $B; do ip netns del "$n" 2>/dev/null; done
	[ "${KEEP:-}" ] || rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 2' INT TERM HUP

# NETWORK-DEVICE PEER-NAMESPACE IPv4-PREFIX IPv6-PREFIX
cable() {
	ip link add "$1" netns "$SBC" type veth peer name eth0 netns "$2" || exit 2
	for x in "$SBC $1" "$2 eth0"; do
		ns=${x% *} dev=${x#* }
		ip netns exec "$ns" sysctl -qw "net.ipv6.conf.$dev.accept_dad=0" 2>/dev/null
		ip netns exec "$ns" ethtool -K "$dev" tx off rx off tso off gso off gro off >/dev/null 2>&1
		ip -n "$ns" link set "$dev" up
		ip -n "$ns" link set lo up
	done
	ip -n "$SBC" addr add "$3.1/24" dev "$1"
	ip -n "$SBC" addr add "${4}1/64" dev "$1" nodad 2>/dev/null
	for h in 10 11 12 13 14 66; do
		ip -n "$2" addr add "$3.$h/24" dev eth0
		# Written as hexadecimal digits: the same last octet.
		ip -n "$2" addr add "$4$(printf %x $h)/64" dev eth0 nodad 2>/dev/null
	done
}

for n in $SBC $A $B; do ip netns add "$n" || exit 2; done
cable outside0 "$A" 203.0.113 2001:db8:a::
cable inside0 "$B" 10.10.0 fd00:0:b::

cat >"$dir/sluice.yaml" <<END
sluice: 1
networks:
  outside: { port: outside0, address: 203.0.113.1/24, address6: 2001:db8:a::1/64, media-ports: 6144-32767 }
  inside: { port: inside0, address: 10.10.0.1/24, address6: fd00:0:b::1/64, media-ports: 6144-32767 }
trunks:
  carrier: { on: outside, profile: static, host: 203.0.113.10 }
  pbx: { on: inside, profile: pbx, host: 10.10.0.10 }
calls:
  - { from: carrier, to: pbx }
  - { from: pbx, to: carrier }
END

cat >"$dir/start" <<'END'
#!/bin/sh
# Ends the engine that is there, as a crash does, and starts another.
pid=$(cat "$dir/pid" 2>/dev/null)
[ "$pid" ] && kill -9 "$pid"
# A process that was killed lets go of its devices a little later, and the kernel of its XDP programs later still.
for try in 1 2 3 4 5; do
	ready=$(grep -c 'inside: ' "$dir/engine.log")
	ip netns exec "$SBC" "$build/dataplane/sluice-dp" --config "$dir/sluice.yaml" --socket "$dir/run/engine.sock" \
		--device "$device" $ENGINE_OPTIONS </dev/null >>"$dir/engine.log" 2>&1 &
	pid=$!
	echo "$pid" >"$dir/pid"
	for i in $(seq 400); do
		[ "$(grep -c 'inside: ' "$dir/engine.log")" -gt "$ready" ] && exit 0
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.05
	done
	sleep 0.2
done
tail -n 5 "$dir/engine.log" >&2
exit 1
END
cat >"$dir/reload" <<'END'
#!/bin/sh
# Ends all flows, and the module with them, and loads it again.
drain=/sys/module/sluice/parameters/drain
if [ -e "$drain" ]; then
	echo 2 >"$drain"
	for i in $(seq 100); do
		rmmod sluice 2>/dev/null && break
		sleep 0.1
	done
fi
exec insmod "$module" ports=6144-32767
END
chmod 755 "$dir/start" "$dir/reload"
ENGINE_OPTIONS=${ENGINE_OPTIONS:-}
export ENGINE_OPTIONS
if [ -z "$engine" ]; then
	engine=seqpacket:$dir/run/engine.sock
	: >"$dir/engine.log"
	start=$dir/start
fi
if [ "$engine" = netlink ]; then
	engine=netlink:/run/netns/$SBC
	[ "$start" ] || start=$dir/reload
fi
sh -c "$start" || exit 2

"$build/tests/engine/engine-conformance" --engine "$engine" --peers "/run/netns/$A,/run/netns/$B" \
	--restart "$start" "$@"
rc=$?
[ -z "${AFTER:-}" ] || ip netns exec "$SBC" sh -c "$AFTER"
if [ -s "$dir/pid" ] && ! kill -0 "$(cat "$dir/pid")" 2>/dev/null; then
	echo "# the engine is gone; the end of its log:"
	tail -n 30 "$dir/engine.log" | sed 's/^/# /'
	rc=1
fi
exit $rc
