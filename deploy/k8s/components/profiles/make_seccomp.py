"""Writes the seccomp profile of the server's container: `python make_seccomp.py > seccomp.json`.

It is an allow list: what a program in a jail may do, which the server knows, and what the server, nsjail and the
launchers do to make jails. It takes nothing away from the filters of the jails: of several the strictest answer counts.
"""

import errno
import json
import sys

from trialbox.server import seccomp

# Name spaces, mounts and ids for jails, and confining them.
JAIL_MAKING = (
    "capset", "chroot", "mount", "personality", "pivot_root", "seccomp", "setdomainname", "sethostname", "setns",
    "umount2", "unshare",
)  # fmt: skip
# Allowed to programs for some arguments only; the jail's own filter sees to that.
WIDER = (
    "clone", "fcntl", "ioctl", "kill", "memfd_create", "mmap", "pidfd_send_signal", "prctl", "prlimit64",
    "rt_sigqueueinfo", "rt_tgsigqueueinfo", "setrlimit", "setsockopt", "tgkill", "tkill",
)  # fmt: skip
# What 32-bit calls of these names are called there is of no use: foreign architectures are not listed.
ARCHITECTURES = ("SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64")
# Not all but AF_VSOCK, which reaches the machine's own host: the kernel takes half of the word that a filter compares.
SOCKET_FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
INT = 0xFFFF_FFFF


def profile() -> dict[str, object]:
    """The profile as container runtimes read it."""
    names = sorted({*seccomp.ALLOWED, *JAIL_MAKING, *WIDER})
    return {
        # Not EPERM: libc falls back where a call is not known, from clone3 to clone for one.
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": errno.ENOSYS,
        "architectures": list(ARCHITECTURES),
        "syscalls": [
            {"names": names, "action": "SCMP_ACT_ALLOW"},
            *(
                {
                    "names": ["socket"],
                    "action": "SCMP_ACT_ALLOW",
                    "args": [{"index": 0, "value": INT, "valueTwo": family, "op": "SCMP_CMP_MASKED_EQ"}],
                }
                for family in SOCKET_FAMILIES.values()
            ),
        ],
    }


if __name__ == "__main__":
    json.dump(profile(), sys.stdout, indent=2)
    sys.stdout.write("\n")
