"""Hostile programs, and the two places to run them: a jail, and a world that protects from nothing.

They are the functions in escape/hostile/, which says what makes one. A victim stands on the host while they run in
jails, and another one in each world.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO

from escape.hostile import across_runs, files, kernel, network, processes, resources, service, unnamespaced
from escape.hostile.tools import HARMED, Hostile, Victim
from executions import Run

from trialbox.client import Execution, Limits, Program

CLASSES = (files, processes, kernel, unnamespaced, network, resources, service, across_runs)
PACKAGE = "escape/hostile"
FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Attack:
    """One hostile program, and the one that comes before it, if one does."""

    module: str
    program: Hostile

    @property
    def name(self) -> str:
        """What it is called among all."""
        return f"{self.module}.{self.program.name}"

    @property
    def steps(self) -> list[Hostile]:
        """What runs, in this order."""
        return [self.program.after, self.program] if self.program.after else [self.program]


def attacks() -> list[Attack]:
    """All of them, by class."""
    found = [
        Attack(_short(module), each)
        for module in CLASSES
        for each in vars(module).values()
        if isinstance(each, Hostile)
    ]
    first_halves = {attack.program.after for attack in found}
    return [attack for attack in found if attack.program not in first_halves]


def run_in_jail(run: Run, attack: Attack, victim: Victim) -> Execution:
    """Run an attack in jails, and return how it ended."""
    for step in attack.steps:
        source = f"from escape.hostile import tools, {attack.module} as programs\ntools.attempt(programs.{step.name})"
        packages = {f"{PACKAGE}/{name}.py": _source(name) for name in ("tools", attack.module)}
        told = {"victim.json": json.dumps(victim._asdict()).encode()}
        program = Program(source, files=packages | told, stdin=b"standard input")
        execution = run(program, limits=Limits(**step.limits))  # type: ignore[arg-type]
    return execution


@contextlib.contextmanager
def harmless_world() -> Iterator[Callable[[Attack], str]]:
    """Gives what runs an attack where nothing is in its way, and returns what it printed."""
    # As a server is started, with a token among its variables.
    environment = {**os.environ, "TRIALBOX_TOKEN": "secret"}
    command = [sys.executable, "-m", "escape.hostile.world"]
    with subprocess.Popen(
        command, cwd=FOLDER, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        wishes, answers = _pipe(process.stdin), _pipe(process.stdout)

        def show(attack: Attack) -> str:
            wishes.write(f"{attack.module} {' '.join(step.name for step in attack.steps)}\n")
            wishes.flush()
            told: str = json.loads(answers.readline())
            return told

        yield show
        wishes.close()


def did_harm(told: str) -> bool:
    """Whether a program says that it did harm."""
    return HARMED in told.splitlines()


@contextlib.contextmanager
def standing_victim() -> Iterator[tuple[Victim, Callable[[], list[str]]]]:
    """A victim on the host; gives also what tells what was done to it since last asked."""
    command = [sys.executable, "-m", "escape.hostile.victim"]
    with subprocess.Popen(command, cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        wishes, answers = _pipe(process.stdin), _pipe(process.stdout)

        def look() -> list[str]:
            wishes.write("\n")
            wishes.flush()
            found: list[str] = json.loads(answers.readline())
            return found

        yield Victim(**json.loads(answers.readline())), look
        wishes.close()


def _pipe(end: IO[str] | None) -> IO[str]:
    if end is None:
        raise ValueError("no pipe")
    return end


def _source(name: str) -> bytes:
    return (FOLDER / PACKAGE / f"{name}.py").read_bytes()


def _short(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]
