"""Grades the programs of demo_tasks.json in a sandbox of its own, and shows what became of each.

Nothing here is needed to use trialbox; it is the SDK at work: `Sandbox.local`, `evaluate_many`, `run`.
Exit status: 0 when every program got the verdict recorded for it, 1 when one did not.
"""

import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from trialbox.client import (
    Call,
    Case,
    CaseResult,
    Check,
    Comparison,
    Evaluation,
    Execution,
    Limits,
    Outcome,
    Sandbox,
    SandboxError,
    Stdio,
    Suite,
    Verdict,
)

TASKS = Path(__file__).with_name("demo_tasks.json")
PLAIN_WIDTH = 140
CASE_SECONDS = 1.0
LIMITS = Limits(wall_seconds=8, memory_bytes=64 << 20, processes=32, disk_bytes=16 << 20, output_bytes=1 << 20)

RAW_RUNS = [
    ("prints a greeting", "print('hello')", Outcome.SUCCEEDED),
    ("raises an exception", "{}['missing']", Outcome.FAILED),
    ("waits for ever", "import time\nwhile True: time.sleep(1)", Outcome.WALL_TIME_EXCEEDED),
    ("takes all memory", "text = 'x'\nwhile True: text += text * 2", Outcome.MEMORY_EXCEEDED),
    ("follows a null pointer", "import ctypes\nctypes.string_at(0)", Outcome.SIGNALED),
    ("prints without end", "while True: print('spam ' * 1000)", Outcome.OUTPUT_EXCEEDED),
]
RAW_LIMITS = Limits(wall_seconds=1, memory_bytes=64 << 20, output_bytes=1 << 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A program for a task, and the verdicts it deserves, one for each case."""

    task: str
    kind: str
    tries: str
    source: str
    suite: Suite
    verdicts: tuple[Verdict, ...]


def load(path: Path) -> list[Recorded]:
    """Read the tasks with their programs."""
    return [
        Recorded(
            task=task["task"],
            kind=program["kind"],
            tries=program["tries"],
            source="\n".join(program["source"]),
            suite=Suite([case_of(case) for case in task["cases"]], setup="\n".join(task.get("setup", []))),
            verdicts=tuple(Verdict(verdict) for verdict in program["verdicts"]),
        )
        for task in json.loads(path.read_text(encoding="utf-8"))
        for program in task["programs"]
    ]


def case_of(case: Mapping[str, Any]) -> Case:
    """Read one case: a call with its expected value, test code, or input with its expected output."""
    if "call" in case:
        return Call(
            case["call"],
            tuple(case["args"]),
            case.get("kwargs", {}),
            expected=case["expected"],
            relative_tolerance=case.get("relative_tolerance"),
        )
    if "check" in case:
        return Check("\n".join(case["check"]))
    return Stdio(case["stdin"], case["expected"], Comparison(case.get("comparison", "LINES")))


def grade(console: Console, box: Sandbox, programs: Sequence[Recorded]) -> list[Evaluation]:
    """Grade all programs, several at a time."""
    pairs = [(program.source, program.suite) for program in programs]
    evaluations = box.evaluate_many(pairs, limits=LIMITS, case_seconds=CASE_SECONDS, ordered=True)
    quiet = not console.is_terminal
    return list(track(evaluations, "Grading", len(pairs), console=console, transient=True, disable=quiet))


def show_grades(console: Console, programs: Sequence[Recorded], evaluations: Sequence[Evaluation]) -> int:
    """Print a row for each program; returns how many did not get the verdicts they deserve."""
    table = Table("Kind", "Task, and what each program does", "Verdict", "Cases", "Why", "ms", title="Grading programs")
    table.columns[5].justify = "right"
    for column in (0, 2, 3, 5):
        table.columns[column].no_wrap = True
    surprises = 0
    task = ""
    for program, evaluation in zip(programs, evaluations, strict=True):
        if program.task != task:
            task = program.task
            table.add_section()
            table.add_row("", Text(task, "bold"))
        cases = evaluation.cases
        passed = sum(case.verdict is Verdict.PASSED for case in cases)
        number = next((number for number, case in enumerate(cases) if case.verdict is not Verdict.PASSED), 0)
        why = reason(program.suite.cases[number], cases[number])
        if tuple(case.verdict for case in cases) != program.verdicts:
            surprises += 1
            why = f"EXPECTED {', '.join(program.verdicts)}; {why}"
        table.add_row(
            program.kind,
            program.tries,
            Text(cases[number].verdict, "green" if evaluation.passed else "yellow"),
            f"{passed}/{len(cases)}",
            Text(why),
            f"{evaluation.usage.wall_seconds * 1000:.0f}",
        )
    console.print(table)
    return surprises


def reason(case: Case, result: CaseResult) -> str:
    """Say why a case has its verdict."""
    if isinstance(case, Check) and isinstance(case.source, str) and result.message == "AssertionError":
        return f"does not hold: {case.source.splitlines()[-1]}"
    return result.message


def show_runs(console: Console, box: Sandbox) -> int:
    """Run programs as they are and print how each ended; returns how many did not end as expected."""
    table = Table("What the program does", "Outcome", "Details", "ms", title="Running programs")
    table.columns[3].justify = "right"
    surprises = 0
    for does, source, expected in RAW_RUNS:
        execution = box.run(source, limits=RAW_LIMITS)
        details = ending(execution)
        if execution.outcome is not expected:
            surprises += 1
            details = f"EXPECTED {expected}; {details}"
        table.add_row(does, execution.outcome, Text(details), f"{execution.usage.wall_seconds * 1000:.0f}")
    console.print(table)
    return surprises


def ending(execution: Execution) -> str:
    """How a program ended, in a few words."""
    if execution.exception is not None:
        return f"{execution.exception.type}: {execution.exception.message}, line {execution.exception.line}"
    if execution.outcome is Outcome.MEMORY_EXCEEDED:
        return f"stopped at {execution.usage.peak_memory_bytes >> 20} MiB"
    if execution.outcome is Outcome.SIGNALED and execution.signal is not None:
        return signal.strsignal(execution.signal) or f"signal {execution.signal}"
    return f"printed {len(execution.stdout)} bytes" + (", shortened" if execution.stdout_truncated else "")


def main() -> int:
    """Show the demo; returns the exit status."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=PLAIN_WIDTH)
    programs = load(TASKS)
    began = time.monotonic()
    try:
        with Sandbox.local() as box:
            evaluations = grade(console, box, programs)
            surprises = show_grades(console, programs, evaluations)
            surprises += show_runs(console, box)
    except KeyboardInterrupt:
        console.print("interrupted")
        return 130
    except SandboxError as error:
        console.print(f"The sandbox failed: {error}", style="bold red", markup=False)
        return 3
    verdicts = Counter(case.verdict for evaluation in evaluations for case in evaluation.cases)
    counts = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in Verdict if verdicts[verdict])
    tasks = len({program.task for program in programs})
    elapsed = f"{time.monotonic() - began:.1f} s"
    console.print(f"{tasks} tasks, {len(programs)} programs, {verdicts.total()} cases in {elapsed}: {counts}")
    if surprises:
        console.print(f"{surprises} programs got something else than they deserve", style="bold red")
        return 1
    console.print("every program got the verdict it deserves", style="bold green")
    return 0


if __name__ == "__main__":
    sys.exit(main())
