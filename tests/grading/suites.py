"""Has a sandbox grade programs of the corpus: tasks become suites of the SDK."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import naive
from corpus import CorpusProgram
from graded_tasks import Example, Task

from trialbox.client import Call, Case, Check, Evaluation, Limits, Program, Sandbox, SandboxError, Stdio, Suite

# A second is much for what the honest parts of a cheat do, and little to wait for.
CASE_SECONDS = 1.0
LIMITS = Limits(
    wall_seconds=30,
    cpu_seconds=30,
    # Little, so that who takes it all has done so within a case, on a busy machine too.
    memory_bytes=96 << 20,
    processes=32,
    disk_bytes=16 << 20,
    output_bytes=1 << 20,
)

Outcomes = dict[str, Evaluation | SandboxError]
"""What became of programs, by name."""

Graded = Callable[[str], Outcomes]
"""The same for a way of isolation."""


def settings() -> dict[str, str]:
    """What a server is to be told, so that it has the runtimes that the corpus asks for as far as they are built."""
    scientific = naive.interpreter_of("scientific")
    return {"runtimes": json.dumps({"scientific": {"interpreter": str(scientific)}} if scientific else {})}


def grade(box: Sandbox, programs: Sequence[CorpusProgram], *, isolation: str, case_seconds: float | None) -> Outcomes:
    """What becomes of these programs, by name; those whose runtime is not built are left out."""
    programs = [program for program in programs if naive.interpreter_of(program.runtime)]
    outcomes: Outcomes = {}

    def note(error: SandboxError) -> None:
        assert error.index is not None
        outcomes[programs[error.index].name] = error

    pairs = [(program_of(program), suite_of(program.task)) for program in programs]
    for evaluation in box.evaluate_many(
        pairs, limits=LIMITS, case_seconds=case_seconds, isolation=isolation, on_error=note
    ):
        assert evaluation.index is not None
        outcomes[programs[evaluation.index].name] = evaluation
    return outcomes


def suite_of(task: Task) -> Suite:
    """The tests of a task."""
    cases: list[Case] = [_call(task, example) for example in task.examples]
    cases += [Check(source) for source in task.checks]
    cases += [Stdio(dialogue.stdin, dialogue.expected) for dialogue in task.dialogues]
    return Suite(cases, setup=task.setup)


def program_of(program: CorpusProgram) -> Program:
    """The program, with what lies beside it."""
    return Program(program.source, files=program.files, runtime=program.runtime)


def _call(task: Task, example: Example) -> Call:
    wanted: dict[str, Any] = {"oracle": task.oracle} if task.oracle else {"expected": example.expected}
    return Call(task.entry_point, example.arguments, absolute_tolerance=task.tolerance, **wanted)
