# SPDX-License-Identifier: Apache-2.0
# The cipher of sluice.ko by itself, against OpenSSL and the RFCs. "bench" as an argument: and what it takes.
#
# vm: built tests/vm/cipher/cipher_cases
# vm: own tests/vm/cipher
# vm: timeout 240
. /lib.sh
bench=
[ "${1:-}" = bench ] && bench=bench=1
modprobe -a aes ctr gcm ghash hmac sha1 cryptd
insmod /sluice/tests/vm/cipher/cipher_test.ko $bench
check "the cipher" $?
dmesg | sed -n 's/.*cipher_test: \(ok\|not ok\|#\) /\1 /p'
rmmod cipher_test
check "nothing of it is left" $?
check_leaks
check_log
exit $failed
