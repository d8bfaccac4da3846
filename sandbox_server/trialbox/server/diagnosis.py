"""Why no jail can be started: which namespaces this kernel refuses to make."""

import json
import subprocess
import sys
from pathlib import Path

from trialbox.server.layers import JAIL_REMEDY, NAMESPACES

_FLAGS = {
    "user": 0x10000000,
    "pid": 0x20000000,
    "mnt": 0x20000,
    "net": 0x40000000,
    "ipc": 0x8000000,
    "uts": 0x4000000,
    "cgroup": 0x2000000,
}
# In a process for each, since what is made is the process's own from then on.
_TRY = """
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
told = {}
for kind, flag in json.loads(sys.argv[1]).items():
    read_end, write_end = os.pipe()
    if not os.fork():
        failed = libc.unshare(flag)
        os.write(write_end, os.strerror(ctypes.get_errno()).encode() if failed else b"-")
        os._exit(0)
    os.wait()
    told[kind] = os.read(read_end, 1000).decode()
print(json.dumps(told))
"""


def refused_namespaces() -> str:
    """Name the layers that can't be had here and why; empty where there are none, or nothing can be found out."""
    try:
        run = subprocess.run(
            [sys.executable, "-I", "-c", _TRY, json.dumps(_FLAGS)], capture_output=True, timeout=10, check=True
        )
        told: dict[str, str] = json.loads(run.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return ""
    return "".join(f"\n  {name}: {_reason(kind, told[kind])}" for name, kind in NAMESPACES.items() if told[kind] != "-")


def _reason(kind: str, error: str) -> str:
    limit = Path(f"/proc/sys/user/max_{kind}_namespaces")
    try:
        if int(limit.read_text()) == 0:
            return f"{limit} is 0: raise it"
    except (OSError, ValueError):
        pass
    return f"refused with {error!r}: {JAIL_REMEDY}"
