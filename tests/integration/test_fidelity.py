"""A program does in the jail what `python main.py` does: output, traceback, exit and signal."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from executions import Run
from fidelity_sources import FidelityProgram, programs

from trialbox.client import Limits, Program

# The jail has no site-packages; the interpreter below the virtual environment is its runtime.
INTERPRETER = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
WORKSPACE = b"/work"
LIMITS = Limits(wall_seconds=30, cpu_seconds=30, memory_bytes=512 << 20, processes=64, output_bytes=1 << 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What one run of a program shows to the outside."""

    stdout: bytes
    stderr: bytes
    exit_code: int | None
    signal: int | None


def comparable(output: bytes) -> bytes:
    """Leave out addresses, which differ from run to run anywhere."""
    return re.sub(rb"0x[0-9a-f]{6,}", b"0x...", output)


def behaviour_under_plain_python(program: FidelityProgram, folder: Path) -> Behaviour:
    """Run `python main.py` below `folder`; in the output its path becomes the workspace's."""
    workspace = folder.resolve() / "workspace"
    for name, content in {"main.py": program.source, **program.files}.items():
        path = workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    stdin = folder / "stdin"
    stdin.write_bytes(program.stdin)
    with stdin.open("rb") as file:
        run = subprocess.run(
            [INTERPRETER, "main.py", *program.args],
            cwd=workspace,
            env={"PATH": "/usr/bin:/bin", "HOME": str(workspace), "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"},
            stdin=file,
            capture_output=True,
            start_new_session=True,
            timeout=60,
            check=False,
        )
    return Behaviour(
        stdout=comparable(run.stdout.replace(os.fsencode(workspace), WORKSPACE)),
        stderr=comparable(run.stderr.replace(os.fsencode(workspace), WORKSPACE)),
        exit_code=run.returncode if run.returncode >= 0 else None,
        signal=-run.returncode if run.returncode < 0 else None,
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Callable[[FidelityProgram], Behaviour]:
    """What programs do under plain Python, which is the same whatever their jails are."""
    known: dict[str, Behaviour] = {}

    def behaviour(program: FidelityProgram) -> Behaviour:
        if program.name not in known:
            known[program.name] = behaviour_under_plain_python(program, tmp_path_factory.mktemp("plain"))
        return known[program.name]

    return behaviour


@pytest.mark.parametrize("program", [pytest.param(program, id=program.name) for program in programs()])
def test_a_program_behaves_in_the_jail_as_under_plain_python(
    program: FidelityProgram, run: Run, plain: Callable[[FidelityProgram], Behaviour]
) -> None:
    execution = run(
        Program(program.source, files=program.files, args=program.args, stdin=program.stdin, hash_seed=0),
        limits=LIMITS,
    )
    in_the_jail = Behaviour(
        stdout=comparable(execution.stdout),
        stderr=comparable(execution.stderr),
        exit_code=execution.exit_code,
        signal=execution.signal,
    )
    assert in_the_jail == plain(program)


IMPORTS_AT_EXIT = b"""
class Thing:
    def __del__(self):
        try:
            import os
        except ImportError:
            print("refused")
        else:
            print("imported")

thing = Thing()
"""


def test_what_was_loaded_before_the_program_can_be_imported_at_exit_and_only_in_the_jail(
    run: Run, tmp_path: Path
) -> None:
    # The one difference that ARCHITECTURE.md names.
    program = FidelityProgram(name="imports_at_exit", source=IMPORTS_AT_EXIT)
    assert behaviour_under_plain_python(program, tmp_path).stdout == b"refused\n"
    assert run(Program(IMPORTS_AT_EXIT), limits=LIMITS).stdout == b"imported\n"
