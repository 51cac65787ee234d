# SPDX-License-Identifier: Apache-2.0
# sluiced and sluicectl with the kernel engine: what they say of it, with what rights, and flows that outlive sluiced.
#
# vm: programs ip
# vm: built control/sluiced tools/sluicectl/sluicectl tests/vm/client/genl-client
# vm: timeout 400
. /lib.sh

ip link set lo up
ip addr add 10.10.0.1/24 dev lo
echo "nobody:x:65534:65534::/:/bin/false" >/etc/passwd
cat >/tmp/sluice.yaml <<END
sluice: 1
networks:
  outside: { port: lo, address: 127.0.0.1/8 }
  inside: { port: lo, address: 10.10.0.1/24 }
trunks:
  carrier: { on: outside, profile: static, host: 127.0.0.10 }
  pbx: { on: inside, profile: pbx, host: 10.10.0.10 }
calls:
  - { from: carrier, to: pbx }
media: { engine: ENGINE }
END

ctl() {
	/sluice/build/tools/sluicectl/sluicectl "$@" 2>&1
}

# TEXT COMMAND ...: its output has that, within some seconds.
says() {
	text=$1
	shift
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		said=$("$@")
		case $said in *"$text"*) return 0 ;; esac
		sleep 0.3
	done
	return 1
}

# ENGINE as the configuration has it
begin() {
	sed "s/ENGINE/$1/" /tmp/sluice.yaml >/tmp/now.yaml
	/sluice/build/control/sluiced --config /tmp/now.yaml >>/tmp/log 2>&1 &
	pid=$!
}

end() {
	kill -9 $pid
	wait $pid 2>/dev/null
}

begin auto
says "load the kernel engine with \`modprobe sluice\`" ctl status
check "without any engine: said, and what to do" $? "$said"
! grep -q "^sluice " /proc/modules
check "auto loads no module" $?
load
says "CAP_NET_ADMIN" ctl status
check "the module comes late: said, for the right to use it was given up" $? "$said"
end
unload

begin kernel
says "data plane: connected (the kernel engine), as configured" ctl status
check "engine: kernel has the module loaded" $? "$said"
says "inside   10.10.0.1  udp tcp 5060  10000-32767  sluice.ko" ctl status
check "every network has its data path" $? "$said"
caps=$(sed -n 's/^Cap[EP][a-z]*:\t*//p' /proc/$pid/status | sort -u)
[ "$caps" = 0000000000001000 ] && grep -q '^Uid:.65534' /proc/$pid/status
check "it is nobody, with CAP_NET_ADMIN alone" $? "$caps"
end

begin auto
says "media goes through the kernel engine" cat /tmp/log
check "auto: the kernel engine is taken and said" $? "$said"
says "data plane: connected (the kernel engine), taken by auto: sluice-dp was not there" ctl status
check "auto: connected, and why" $?
end

/sluice/build/tests/vm/client/genl-client leave >/dev/null 2>&1
check "flows are left" $?
begin kernel
says '"generation"' ctl --json flows
check "sluiced has them" $? "$said"
before=$(ctl --json flows | grep -o '"id"' | wc -l)
end
begin kernel
says "data plane: connected" ctl status
after=$(ctl --json flows | grep -o '"id"' | wc -l)
[ "$before" = "$after" ] && [ "$after" -gt 0 ]
check "they outlive sluiced, which finds them again" $? "$before, then $after"
says "no route, or our address" ctl drops --all
check "drops are told with what they mean" $? "$said"
says "does not measure its stages" ctl stage
check "stage says that it cannot" $? "$said"
lsmod | grep -q sluice && ! rmmod sluice 2>/dev/null
check "with flows the module stays" $?
unload
check "drained it goes" $?
says "NOT CONNECTED" ctl status
check "which is said" $? "$said"
says "unloaded" cat /tmp/log
check "in the log, too" $?
load
says "data plane: connected" ctl status
check "and it comes back" $? "$said"
end
unload
check_log
[ $failed = 0 ] || cat /tmp/log
exit $failed
