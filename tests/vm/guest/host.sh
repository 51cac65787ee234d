# SPDX-License-Identifier: Apache-2.0
# A command on this machine's files, with sluice.ko in its kernel. The files are read only: what is written goes to memory,
# and away with the machine. Standard output is a terminal.
# usage: tests/vm/run KERNEL host [-C FOLDER] COMMAND [WORD ...]
#
# vm: host files
# vm: memory 2048
. /lib.sh

folder=/
if [ "$1" = -C ]; then
	folder=$2
	shift 2
fi
load || exit 1
mkdir -p /low /up /new
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 host /low &&
	mount -t tmpfs up /up && mkdir /up/new /up/work &&
	mount -t overlay -o lowerdir=/low,upperdir=/up/new,workdir=/up/work host /new || exit 1
for d in proc sys dev; do mount --bind /$d /new/$d; done
mount -t tmpfs run /new/run
mkdir -p /new/dev/shm /new/dev/pts /new/run/netns
mount -t tmpfs -o mode=1777 shm /new/dev/shm
mount -t devpts pts /new/dev/pts
# Modules that are asked for from here on are all that the kernel has, and are found by this machine's modprobe, which has an
# index: busybox's reads all of the list each time.
mkdir -p /new/lib/modules
mount --bind "/low$(cat /modroot)/lib/modules" /new/lib/modules
printf '#!/bin/sh\nexec chroot /new /sbin/modprobe "$@"\n' >/bin/modprobe-host
chmod 755 /bin/modprobe-host
echo /bin/modprobe-host >/proc/sys/kernel/modprobe
stty -F /dev/ttyS1 -opost
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec chroot /new /bin/sh -c 'cd "$0" && exec "$@"' "$folder" "$@"
