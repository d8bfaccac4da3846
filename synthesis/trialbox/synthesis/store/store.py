"""Writes a run: what was asked for, samples, programs and verdicts, each batch in one transaction."""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from trialbox.client import Evaluation
from trialbox.synthesis.prompts import Prompt
from trialbox.synthesis.store import evaluations
from trialbox.synthesis.store.database import FILE, as_json, as_text, telling, transaction
from trialbox.synthesis.store.errors import StoreError
from trialbox.synthesis.store.reading import prompt_text, read_settings

_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A sample to keep."""

    task_id: str
    index: int
    text: str
    source: str | None
    """The program in it, if there is one."""
    finish_reason: str
    prompt: Prompt | None = None
    seed: int | None = None
    temperature: float | None = None
    tokens: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ungraded:
    """A program without verdicts."""

    program_id: int
    task_id: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedProgram:
    """What grading a program came to."""

    program_id: int
    evaluation: Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How far a run has come."""

    samples: int
    programs: int
    graded: int
    """Of the programs."""
    passed: int


class Store:
    """A run in a folder, to write; one process at a time has it. For use from one thread at a time.

    Every method raises StoreError where the database can't be used.
    """

    def __init__(self, folder: Path, connection: sqlite3.Connection, held: IO[str]) -> None:
        """Take what `begin` or `reopen` opened."""
        self._path = folder / FILE
        self._connection = connection
        self._held = held
        self._positions: dict[str, int] = dict(self._rows("SELECT task_id, position FROM tasks"))
        self._task_ids = {position: task_id for task_id, position in self._positions.items()}
        ((earlier_seconds,),) = self._rows("SELECT seconds FROM run")
        began = time.monotonic()
        self._seconds: Callable[[], float] = lambda: earlier_seconds + time.monotonic() - began

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the run was asked for."""
        with telling(self._path):
            return read_settings(self._connection)

    @property
    def task_ids(self) -> Collection[str]:
        """Those of the run's tasks."""
        return self._positions.keys()

    def agree(self, fixed: Mapping[str, Any], grading: Mapping[str, Any], free: Mapping[str, Any]) -> None:
        """Add settings to those the run has; `free` ones take the place of theirs.

        So do `grading` ones as long as there is no verdict. Raises StoreError where another differs from the run's own.
        """
        with telling(self._path), transaction(self._connection):
            stored = dict(self._connection.execute("SELECT name, value FROM settings WHERE fixed"))
            ((is_graded,),) = self._connection.execute(
                "SELECT EXISTS (SELECT 1 FROM programs WHERE evaluation NOT NULL)"
            )
            for name, value in {**fixed, **(grading if is_graded else {})}.items():
                if stored.get(name, as_json(value)) != as_json(value):
                    raise StoreError(
                        f"{name} is {stored[name]:.{_SHOWN}} in the run in {self._path.parent}, "
                        f"and {as_json(value):.{_SHOWN}} is asked for; another run needs another folder"
                    )
            self._connection.executemany(
                "INSERT OR REPLACE INTO settings VALUES (?, ?, ?)",
                [
                    (name, as_json(value), is_fixed)
                    for settings, is_fixed in ((fixed, True), (grading, True), (free, False))
                    for name, value in settings.items()
                ],
            )

    def indices(self) -> dict[str, set[int]]:
        """Which samples of each task are there."""
        found: dict[str, set[int]] = {task_id: set() for task_id in self._positions}
        for position, number in self._rows("SELECT position, number FROM samples"):
            found[self._task_ids[position]].add(number)
        return found

    def counts(self) -> Counts:
        """How far the run has come."""
        ((samples,),) = self._rows("SELECT count(*) FROM samples")
        ((programs, graded, passed),) = self._rows(
            "SELECT count(*), count(evaluation), count(nullif(passed, 0)) FROM programs"
        )
        return Counts(samples=samples, programs=programs, graded=graded, passed=passed)

    def add(self, answers: Sequence[Answer]) -> int:
        """Keep samples, and their programs where they are new to their tasks; returns how many were."""
        with telling(self._path), transaction(self._connection):
            self._keep_time()
            return sum(map(self._add, answers))

    def ungraded(self, after: int, most: int) -> list[Ungraded]:
        """The next programs without verdicts, at most so many, after the one with this id."""
        rows = self._rows(
            "SELECT program_id, position, source FROM programs"
            " WHERE evaluation IS NULL AND program_id > ? ORDER BY program_id LIMIT ?",
            (after, most),
        )
        return [
            Ungraded(program_id=program_id, task_id=self._task_ids[position], source=source)
            for program_id, position, source in rows
        ]

    def grade(self, graded: Sequence[GradedProgram]) -> None:
        """Keep verdicts."""
        rows = [(one.evaluation.passed, evaluations.written(one.evaluation), one.program_id) for one in graded]
        with telling(self._path), transaction(self._connection):
            self._connection.executemany("UPDATE programs SET passed = ?, evaluation = ? WHERE program_id = ?", rows)
            self._keep_time()

    def close(self) -> None:
        """Let go of the folder."""
        with telling(self._path):
            self._connection.close()
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _add(self, answer: Answer) -> bool:
        position = self._positions[answer.task_id]
        program_id, is_new = (None, False) if answer.source is None else self._program(position, as_text(answer.source))
        if answer.prompt is not None:
            self._connection.execute(
                "INSERT OR IGNORE INTO prompts VALUES (?, CAST(? AS TEXT))",
                (answer.prompt.prompt_id, as_text(prompt_text(answer.prompt))),
            )
        self._connection.execute(
            "INSERT INTO samples VALUES (?, ?, ?, ?, ?, CAST(? AS TEXT), ?, ?, ?, ?)",
            (
                position,
                answer.index,
                answer.prompt and answer.prompt.prompt_id,
                answer.seed,
                answer.temperature,
                as_text(answer.text),
                answer.finish_reason,
                answer.tokens,
                answer.seconds,
                program_id,
            ),
        )
        return is_new

    def _program(self, position: int, source: bytes) -> tuple[int, bool]:
        key = (position, hashlib.sha256(source).digest())
        added = self._connection.execute(
            "INSERT OR IGNORE INTO programs (position, digest, source) VALUES (?, ?, CAST(? AS TEXT))", (*key, source)
        )
        found = self._connection.execute("SELECT program_id FROM programs WHERE position = ? AND digest = ?", key)
        ((program_id,),) = found
        return int(program_id), added.rowcount == 1

    def _keep_time(self) -> None:
        self._connection.execute("UPDATE run SET seconds = ?", (self._seconds(),))

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with telling(self._path):
            return self._connection.execute(query, values).fetchall()
