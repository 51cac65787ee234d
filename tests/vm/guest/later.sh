# SPDX-License-Identifier: Apache-2.0
# SRTP with ciphers that answer later, as those of a device do: the kernel is told to like cryptd's the best, which hand
# each packet to another thread.
# usage: tests/vm/run KERNEL later [NAME OF CASES ...]
#
# vm: programs ip ethtool sysctl
# vm: built tests/engine/engine-conformance tests/vm/life/module-flows tests/vm/later/prefer-cipher
# vm: files tests/engine/run.sh
# vm: modules veth
# vm: more-modules crypto_user
. /lib.sh
cd /sluice || exit 2

modprobe -a aes ctr gcm ghash cryptd crypto_user
prefer=build/tests/vm/later/prefer-cipher
$prefer skcipher "cryptd(ctr(aes-generic))" && $prefer aead "gcm_base(cryptd(ctr(aes-generic)),ghash-generic)"
check "the kernel prefers ciphers that answer later" $?
load
check "the module can be loaded" $? || exit 1
AFTER="$PWD/build/tests/vm/life/module-flows total work.cipher_later >/tmp/later"
export AFTER
[ $# -gt 0 ] || set -- srtp rekey
suite "$@"
n=$(cat /tmp/later)
[ "$n" -gt 100 ]
check "ciphers did answer later" $? "$n packets"
echo "# $n packets whose cipher answered later"
unload
check "the module can be removed" $?
check_leaks
check_log
exit $failed
