"""Runtimes: what an interpreter needs of the host, worked out once when the server starts."""

import json
import os
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from trialbox.server import seccomp
from trialbox.v1 import values

GUEST_FOLDER = "/run/trialbox"

_GUEST_SOURCES = Path(__file__).parent / "guest"
# Small and harmless: what subprocess, os.system and test programs commonly reach for.
_TOOLS = ("sh", "cat", "echo", "env", "false", "ls", "sleep", "true")
_DATA = ("/usr/lib/locale/C.utf8", "/usr/share/zoneinfo")
_PROGRAMS_OWN = ("/work", "/tmp", "/dev/shm")
# Where a virtual environment lies in the jail; on the host it may be below one of those.
_VENV_ROOT = "/opt/runtime"
_VARIABLES = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/work",
    "LANG": "C.UTF-8",
    # Numeric libraries would start a thread for each processor, which limits may not leave room for.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
_LOADER_CACHE = "/etc/ld.so.cache"
_DEVICES = ("null", "zero", "urandom")

# Run by the runtime's own interpreter, so that the compiled guest fits its version.
_INSPECT = """
import compileall, json, os, platform, py_compile, sys, sysconfig
compileall.compile_dir(sys.argv[1], quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
paths = sysconfig.get_paths()
print(json.dumps({
    "version": platform.python_version(),
    "base_prefix": sys.base_prefix,
    "prefix": sys.prefix,
    "executable": sys.executable,
    "base_executable": os.path.realpath(sys.executable),
    "stdlib": paths["stdlib"],
    "library": os.path.join(sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("INSTSONAME") or "")
               if sysconfig.get_config_var("Py_ENABLE_SHARED") else "",
    "multiarch": sysconfig.get_config_var("MULTIARCH") or "",
}))
"""


class RuntimeUnusableError(Exception):
    """The interpreter named in the settings can't serve as a runtime."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """An interpreter and the read-only root it runs in."""

    name: str
    executable: str
    python_version: str
    environment: dict[str, str]
    preload: tuple[str, ...]
    """Modules that its warm jails have loaded before a program comes."""
    warm: bool
    """Whether programs may run in warm jails."""
    root: dict[str, object]
    """Folders, files, copies, links, binds and masks of the root, by path inside it."""


def default_interpreter() -> str:
    """The interpreter below any virtual environment this server runs in."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def load(
    name: str, interpreter: str, environment: dict[str, str], *, preload: tuple[str, ...] = (), warm: bool = True
) -> Runtime:
    """Inspect `interpreter` and lay out its root; raises RuntimeUnusableError."""
    with tempfile.TemporaryDirectory(prefix="trialbox-guest-") as folder:
        guest = Path(folder)
        for source in sorted(_GUEST_SOURCES.glob("*.py")):
            (guest / source.name).write_bytes(source.read_bytes())
        (guest / "values.py").write_bytes(Path(values.__file__).read_bytes())
        try:
            run = subprocess.run(
                [interpreter, "-I", "-c", _INSPECT, str(guest)], capture_output=True, timeout=60, check=True
            )
            facts = json.loads(run.stdout)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            raise RuntimeUnusableError(f"{interpreter} is no Python that can be used: {_why(error)}") from error
        files = {
            f"{GUEST_FOLDER}/{path.relative_to(guest)}": path.read_bytes().decode("latin-1")
            for path in guest.rglob("*")
            if path.is_file()
        }
    files[f"{GUEST_FOLDER}/seccomp.bpf"] = seccomp.program_filter().decode("latin-1")
    return Runtime(
        name=name,
        executable=f"{_VENV_ROOT}/bin/python" if _is_venv(facts) else facts["executable"],
        python_version=facts["version"],
        environment=_VARIABLES | environment,
        preload=preload,
        warm=warm,
        root=_layout(facts, files),
    )


def _why(error: Exception) -> str:
    """In one line: what was run is longer than anybody wants to read."""
    if isinstance(error, subprocess.CalledProcessError):
        *_, said = error.stderr.decode(errors="replace").strip().rpartition("\n")
        return f"it ended with exit status {error.returncode}: {said or 'nothing was said'}"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"it did not end within {error.timeout} s"
    return error.strerror or str(error) if isinstance(error, OSError) else f"it printed no facts: {error}"


def _layout(facts: dict[str, str], files: dict[str, str]) -> dict[str, object]:
    stdlib = facts["stdlib"]
    binds = system_binds(facts["multiarch"])
    binds |= {path: path for path in (stdlib, facts["base_executable"])}
    masks = [path for path in (f"{stdlib}/site-packages", f"{stdlib}/dist-packages") if Path(path).is_dir()]
    if facts["library"] and not _inside(facts["library"], binds):
        binds[facts["library"]] = facts["library"]
    hidden = [path for path in binds if any(Path(path).is_relative_to(folder) for folder in _PROGRAMS_OWN)]
    if hidden:
        raise RuntimeUnusableError(f"{hidden[0]} lies below one of the program's own folders {_PROGRAMS_OWN}")
    if _is_venv(facts):
        if not Path(facts["prefix"]).stat().st_mode & stat.S_IXOTH:
            raise RuntimeUnusableError(f"{facts['prefix']} is closed to others: chmod o+rx it")
        binds[_VENV_ROOT] = facts["prefix"]
    # Small files are copied into the root: each mount is made and taken down again for every program.
    copies = {path: binds.pop(path) for path in list(binds) if path == _LOADER_CACHE}
    for tool in _TOOLS:
        found = next((place for folder in ("/usr/bin", "/bin") if (place := Path(folder, tool)).exists()), None)
        if found is not None:
            copies[f"/usr/bin/{tool}"] = str(found.resolve())
    binds |= {folder: folder for folder in _DATA if Path(folder).is_dir()}
    binds |= {f"/dev/{device}": f"/dev/{device}" for device in _DEVICES}
    links = system_links() | {
        "/dev/fd": "/proc/self/fd",
        "/dev/stdin": "/proc/self/fd/0",
        "/dev/stdout": "/proc/self/fd/1",
        "/dev/stderr": "/proc/self/fd/2",
    }
    folder = Path(facts["base_executable"]).parent
    for alias in ("python", "python3"):
        if str(folder / alias) != facts["base_executable"]:
            links[str(folder / alias)] = Path(facts["base_executable"]).name
    if Path("/bin").resolve() != Path("/bin"):
        links["/bin"] = "usr/bin"
    return {
        "folders": [*_PROGRAMS_OWN, "/proc"],
        "files": files,
        "links": links,
        "copies": copies,
        "binds": binds,
        "masks": masks,
    }


def _is_venv(facts: dict[str, str]) -> bool:
    return facts["prefix"] != facts["base_prefix"]


def system_binds(multiarch: str) -> dict[str, str]:
    """The system's shared libraries, its loader, and the loader's index of them."""
    places = [f"/usr/lib/{multiarch}", f"/lib/{multiarch}", "/lib64", "/usr/lib64", _LOADER_CACHE]
    # One bind for folders that are the same one, reached by a link.
    return {path: path for path in places if Path(path).exists() and os.path.realpath(path) == path}


def system_links() -> dict[str, str]:
    """The links of a merged /usr, as this host has them."""
    return {path: str(Path(path).readlink()) for path in ("/lib", "/lib64") if Path(path).is_symlink()}


def _inside(path: str, binds: dict[str, str]) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in binds)
