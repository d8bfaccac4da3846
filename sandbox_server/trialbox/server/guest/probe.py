"""Run in a jail by the server itself: tries each layer and prints as JSON what it found.

For each layer two entries: what was seen, and, under `..._failure`, what is wrong or "".
"""

import _socket
import errno
import json
import os
import sys

_REFUSED = {_socket.AF_NETLINK: "netlink", _socket.AF_PACKET: "packet", _socket.AF_VSOCK: "vsock"}
_WRITABLE_NOWHERE = ("/", "/etc", "/usr", "/dev", "/run", sys.prefix, os.path.dirname(os.__file__))


def main() -> None:
    """Print the findings."""
    found = {f"ns_{kind}": os.readlink(f"/proc/self/ns/{kind}") for kind in os.listdir("/proc/self/ns")}
    with open("/proc/self/status") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    for name, probe in _PROBES.items():
        seen, failure = probe(status)
        found[name] = seen
        found[f"{name}_failure"] = failure
    found["seccomp_filters"] = status.get("Seccomp_filters", "").strip()
    print(json.dumps(found))


def _ids(status: dict[str, str]) -> tuple[str, str]:
    with open("/proc/self/uid_map") as file:
        outside = [int(line.split()[1]) for line in file]
    seen = f"user {os.getuid()}, groups {os.getgroups()}, host ids {outside}"
    return seen, "the program has a privileged id" if 0 in (os.getuid(), os.getgid(), *outside) else ""


def _root(status: dict[str, str]) -> tuple[str, str]:
    for folder in _WRITABLE_NOWHERE:
        try:
            os.close(os.open(os.path.join(folder, "trialbox-probe"), os.O_CREAT | os.O_WRONLY))
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.ENOENT):
                return "", f"{folder} refused a new file with {error.strerror}, not for being read-only"
        else:
            return "", f"{folder} took a new file"
    return f"no new file in {', '.join(_WRITABLE_NOWHERE)}", ""


def _capabilities(status: dict[str, str]) -> tuple[str, str]:
    held = {name: status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    left = [name for name, mask in held.items() if int(mask, 16)]
    return "all capability sets are empty", f"not empty: {left}" if left else ""


def _no_new_privileges(status: dict[str, str]) -> tuple[str, str]:
    return "set", "" if status["NoNewPrivs"].strip() == "1" else "not set"


def _seccomp(status: dict[str, str]) -> tuple[str, str]:
    if status["Seccomp"].strip() != "2":
        return "", f"mode {status['Seccomp'].strip()}, not 2"
    for number, refused in _REFUSED.items():
        try:
            _socket.socket(number, _socket.SOCK_RAW).close()
        except OSError as error:
            if error.errno != errno.ENOSYS:
                return "", f"a socket of the family {refused} was refused with {error.strerror}, not by the filter"
        else:
            return "", f"a socket of the family {refused} was made"
    return f"mode 2; no sockets of the families {', '.join(_REFUSED.values())}", ""


def _processes(status: dict[str, str]) -> tuple[str, str]:
    seen = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
    foreign = [pid for pid in seen if pid != os.getpid()]
    return f"only its own of pid {os.getpid()} to be seen", f"processes {foreign} can be seen" if foreign else ""


def _descriptors(status: dict[str, str]) -> tuple[str, str]:
    open_ones = [name for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]
    more = sorted(int(name) for name in open_ones if int(name) > 2)
    return "nothing but stdin, stdout and stderr", f"descriptors {more} are open" if more else ""


def _environment(status: dict[str, str]) -> tuple[str, str]:
    return " ".join(sorted(os.environ)), ""


_PROBES = {
    "unprivileged_ids": _ids,
    "read_only_root": _root,
    "no_capabilities": _capabilities,
    "no_new_privileges": _no_new_privileges,
    "seccomp": _seccomp,
    "private_processes": _processes,
    "no_descriptors": _descriptors,
    "no_environment": _environment,
}

main()
