#!/bin/busybox sh
# The first program of the virtual machine: makes its world, runs the tests, says on the console how they ended.
set -e

/bin/busybox --install -s /bin
trap 'poweroff -f' EXIT # where a step fails
for module in /modules/*; do insmod "$module"; done

mkdir /host /writes
# The host's files, as they are; what is written goes to memory.
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 host /host
mount -t tmpfs tmpfs /writes
mkdir /writes/upper /writes/work
mount -t overlay -o lowerdir=/host,upperdir=/writes/upper,workdir=/writes/work overlay /root

mount -t proc proc /root/proc
mount -t sysfs sysfs /root/sys
mount -t devtmpfs devtmpfs /root/dev
mkdir /root/dev/shm
mount -t tmpfs tmpfs /root/dev/shm
mount -t cgroup2 cgroup2 /root/sys/fs/cgroup

# The status goes to the console by way of the kernel's log, which doesn't return before it is written.
exec switch_root /root /bin/sh -c '
    stty -F /dev/ttyS1 -opost
    { eval "$0"; echo "the tests ended with status $?" >/dev/kmsg; } </dev/null 2>&1 | cat >/dev/ttyS1
    echo b >/proc/sysrq-trigger
' "$(cat /command)"
