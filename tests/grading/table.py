"""Prints how many cheats each grader accepts, and how many honest programs it fails: `make cheats`.

Counted are the programs that a grader can grade at all. The naive ones are not put to programs that would harm the
machine, so these count for none of them.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import corpus
import naive
from corpus import CorpusProgram
from suites import CASE_SECONDS, grade, settings

from trialbox.client import Evaluation, Sandbox

_SECOND_PROGRAM = "warm_worker"
"""The naive grader whose verdict is on the program that comes after a cheat."""
_ALONE = "stdout_lines"
"""The one that reads what scripts print; the others call functions."""
# Published graders give a few seconds.
_SECONDS = 3.0
_EXAMPLES_ONLY = {"evalplus", "pickled_result", "stdin_tests"}


@dataclass(frozen=True, slots=True)
class Count:
    """How many of the programs that a grader can grade."""

    programs: int
    of: int

    def __str__(self) -> str:
        return f"{self.programs} of {self.of}" if self.of else "-"


Row = tuple[str, Count, Count, Count]
"""A grader, the published cheats that it accepts, all cheats that it accepts, the honest programs that it fails."""


def can_grade(grader: str, program: CorpusProgram) -> bool:
    """Whether a naive grader knows what to do with the program's tests."""
    if program.harmful or naive.interpreter_of(program.runtime) is None:
        return False
    if grader == _ALONE:
        return bool(program.task.dialogues)
    return bool(program.task.examples or (program.task.checks and grader not in _EXAMPLES_ONLY))


def naive_row(grader: str, pool: ThreadPoolExecutor) -> Row:
    """What a naive grader makes of the corpus."""
    programs = [program for program in (*corpus.cheats(), *corpus.honest_programs()) if can_grade(grader, program)]
    accepted = dict(
        zip(programs, pool.map(lambda program: naive.accepts(grader, program, seconds=_SECONDS), programs), strict=True)
    )

    def count(verdict: bool, *, honest: bool, published: bool = False) -> Count:
        graded = [program for program in programs if program.is_honest is honest]
        graded = [program for program in graded if program.published or not published]
        return Count(sum(accepted[program] is verdict for program in graded), len(graded))

    failed = Count(0, 0) if grader == _SECOND_PROGRAM else count(False, honest=True)
    return grader, count(True, honest=False, published=True), count(True, honest=False), failed


def own_row() -> Row:
    """What this project makes of it."""
    with Sandbox.local(settings=settings()) as box:
        cheats = grade(box, corpus.cheats(), isolation="warm", case_seconds=CASE_SECONDS)
        honest = grade(box, corpus.honest_programs(), isolation="warm", case_seconds=None)
    passed = {name for name, outcome in (cheats | honest).items() if isinstance(outcome, Evaluation) and outcome.passed}
    published = [cheat.name for cheat in corpus.cheats() if cheat.published and cheat.name in cheats]
    return (
        "trialbox",
        Count(len(passed & set(published)), len(published)),
        Count(len(passed & cheats.keys()), len(cheats)),
        Count(len(honest.keys() - passed), len(honest)),
    )


def main() -> int:
    """Print the table; returns the exit status, 1 where a cheat passed here or an honest program failed."""
    own = own_row()
    show("grader", "published cheats accepted", "all cheats accepted", "honest programs failed")
    show("---", "---", "---", "---")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for grader in naive.NAMES:
            show(*naive_row(grader, pool))
    show(*own)
    return 0 if not own[2].programs and not own[3].programs else 1


def show(*cells: object) -> None:
    """Print a row."""
    sys.stdout.write(f"| {' | '.join(map(str, cells))} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
