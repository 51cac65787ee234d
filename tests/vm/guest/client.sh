# SPDX-License-Identifier: Apache-2.0
# The control plane's client and the kernel engine: lost answers, a module that goes and comes, a client that is killed.
#
# vm: programs ip
# vm: built tests/vm/client/genl-client
# vm: timeout 400
. /lib.sh

ip link set lo up
load
check "the module can be loaded" $? || exit 1
/sluice/build/tests/vm/client/genl-client "modprobe sluice" ". /lib.sh; unload"
check "the client" $?
unload
check "the module can be removed" $?
check_leaks
check_log
exit $failed
