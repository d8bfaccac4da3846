"""A run that is being written: samples as they come, and what grading their programs came to."""

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from trialbox.synthesis.generators import Completion
from trialbox.synthesis.prompts import Prompt
from trialbox.synthesis.store import file
from trialbox.synthesis.store.file import StoreError
from trialbox.synthesis.store.rows import Verdicts
from trialbox.synthesis.tasks import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Ungraded:
    """A program that waits for its verdicts."""

    program_id: int
    task_id: str
    source: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How far a run is."""

    samples: int
    programs: int
    """Different ones."""
    graded: int
    """Of the programs."""
    passed: int
    """Of the programs."""


class Store:
    """The one writer of a run; whatever a method has returned from survives a kill. Methods raise StoreError."""

    def __init__(self, folder: Path, *, settings: Mapping[str, Any], tasks: Sequence[Task]) -> None:
        """Make a run in a folder. Raises StoreError, where it holds one already too, and OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            stack.enter_context(file.only_writer(folder))
            if file.is_run(folder):
                raise StoreError(f"{folder} holds a run already")
            connection = file.create(folder)
            stack.callback(connection.close)
            self._begin(folder, connection, stack.pop_all())
        with self._transaction():
            pairs = [(name, json.dumps(value)) for name, value in settings.items()]
            connection.executemany("INSERT INTO settings VALUES (?, ?)", pairs)
            rows = [
                (number, task.task_id, task.prompt, task.reference, task.base_cases, task.note)
                for number, task in enumerate(tasks)
            ]
            connection.executemany("INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?)", rows)
        self._numbers = {task.task_id: number for number, task in enumerate(tasks)}

    @classmethod
    def resume(cls, folder: Path) -> Self:
        """Go on with the run in a folder. Raises StoreError and OSError."""
        if not file.is_run(folder):
            raise StoreError(f"{folder} holds no run to go on with")
        store = cls.__new__(cls)
        with ExitStack() as stack:
            stack.enter_context(file.only_writer(folder))
            connection = file.open_file(folder)
            stack.callback(connection.close)
            store._begin(folder, connection, stack.pop_all())
        store._numbers = dict(connection.execute("SELECT task_id, task FROM tasks"))
        return store

    def _begin(self, folder: Path, connection: sqlite3.Connection, held: ExitStack) -> None:
        self.folder = folder
        self._connection = connection
        self._held = held
        self._prompts: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others write into the run."""
        self._held.close()

    def settings(self) -> dict[str, Any]:
        """What the run was asked for."""
        rows = self._connection.execute("SELECT name, value FROM settings")
        return {name: json.loads(value) for name, value in rows}

    def task_ids(self) -> list[str]:
        """In the data set's order."""
        return [task_id for (task_id,) in self._connection.execute("SELECT task_id FROM tasks ORDER BY task")]

    def sampled(self, task_id: str) -> set[int]:
        """Which of a task's samples are there."""
        rows = self._connection.execute("SELECT number FROM samples WHERE task = ?", (self._numbers[task_id],))
        return {number for (number,) in rows}

    def add_samples(self, pairs: Sequence[tuple[Completion, str | None]]) -> int:
        """Keep answers, each with the program in it or None, all of them or none; returns how many programs are new."""
        new: set[int] = set()
        with self._transaction():
            for completion, program in pairs:
                request = completion.request
                self._add_prompt(request.prompt)
                task = self._numbers[request.prompt.task_id]
                row = (
                    task,
                    request.index,
                    request.prompt.prompt_id,
                    request.seed,
                    request.temperature,
                    _bytes(completion.text),
                    completion.finish_reason,
                    completion.tokens,
                    completion.seconds,
                    None if program is None else self._program_id(task, _bytes(program), new),
                )
                self._connection.execute("INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        return len(new)

    def ungraded(self, after: int, most: int) -> list[Ungraded]:
        """The first programs without verdicts whose ids are above `after`."""
        rows = self._connection.execute(
            "SELECT program_id, task_id, source FROM programs JOIN tasks USING (task)"
            " WHERE passed IS NULL AND program_id > ? ORDER BY program_id LIMIT ?",
            (after, most),
        )
        return [Ungraded(program_id=number, task_id=task_id, source=source) for number, task_id, source in rows]

    def add_verdicts(self, graded: Sequence[tuple[int, Verdicts]]) -> None:
        """Keep what programs came to, by their ids, all of them or none."""
        rows = [
            (verdicts.passed, verdicts.base_passed, verdicts.error_class, _packed(verdicts), number)
            for number, verdicts in graded
        ]
        with self._transaction():
            self._connection.executemany(
                "UPDATE programs SET passed = ?, base_passed = ?, error_class = ?, cases = ? WHERE program_id = ?", rows
            )

    def counts(self) -> Counts:
        """Count what is there."""
        one = self._connection.execute
        (samples,) = one("SELECT count(*) FROM samples").fetchone()
        programs, graded, passed = one(
            "SELECT count(*), count(passed), coalesce(sum(passed), 0) FROM programs"
        ).fetchone()
        return Counts(samples=samples, programs=programs, graded=graded, passed=passed)

    def _add_prompt(self, prompt: Prompt) -> None:
        if prompt.prompt_id not in self._prompts:
            content = prompt.content
            if not isinstance(content, str):
                content = json.dumps([asdict(message) for message in content])
            self._connection.execute("INSERT OR IGNORE INTO prompts VALUES (?, ?)", (prompt.prompt_id, content))
            self._prompts.add(prompt.prompt_id)

    def _program_id(self, task: int, source: bytes, new: set[int]) -> int:
        """The program's id; one that was not there is added to `new` too."""
        key = (task, hashlib.sha256(source).digest())
        found = self._connection.execute(
            "SELECT program_id FROM programs WHERE task = ? AND digest = ?", key
        ).fetchone()
        if found is not None:
            return int(found[0])
        query = "INSERT INTO programs (task, digest, source) VALUES (?, ?, ?) RETURNING program_id"
        (number,) = self._connection.execute(query, (*key, source)).fetchone()
        new.add(number)
        return int(number)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreError(f"can't write into the run in {self.folder}: {error}") from error


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _packed(verdicts: Verdicts) -> bytes:
    return zlib.compress(json.dumps([asdict(case) for case in verdicts.cases]).encode(), level=1)
