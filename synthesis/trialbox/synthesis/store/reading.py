"""Reads a run: while another process writes it too."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from types import NoneType, TracebackType
from typing import Any, Self

from trialbox.client import Evaluation
from trialbox.synthesis.prompts import Prompt
from trialbox.synthesis.store import evaluations
from trialbox.synthesis.store.database import FILE, connect, telling
from trialbox.synthesis.store.errors import StoreError
from trialbox.synthesis.store.rows import ProgramRow, SampleRow, TaskRow

_NUMBER = (int, float, NoneType)
_SETTINGS: dict[str, Any] = {
    **dict.fromkeys(("tasks", "data", "data_md5"), str),
    **dict.fromkeys(("samples", "programs"), int),
    **dict.fromkeys(("case_seconds", "wall_seconds", "memory_bytes"), _NUMBER),
    "split": (str, NoneType),
    "ids": (list, NoneType),
    "limit": (int, NoneType),
    "other_ids": list,
}
"""Those that decide what is done with a run."""
_SHOWN = 60


class StoredRun:
    """A run in a folder, to read; a RunView. Each iterator sees the run as it is when it begins.

    Everything raises StoreError where the database can't be read.
    """

    def __init__(self, folder: Path) -> None:
        """Open it."""
        self._path = folder / FILE
        if not self._path.exists():
            raise StoreError(f"there is no run in {folder}: it has no {FILE}")
        self._connection = connect(folder, writing=False)

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the run was asked for."""
        with telling(self._path):
            return read_settings(self._connection)

    @property
    def seconds(self) -> float:
        """How long it was worked on."""
        ((seconds,),) = self._rows("SELECT seconds FROM run")
        return float(seconds)

    @cached_property
    def tasks(self) -> Sequence[TaskRow]:
        """In the data set's order."""
        names = ("task_id", "prompt", "reference", "base_cases", "note")
        query = "SELECT case_names, task_id, prompt, reference, base_cases, note FROM tasks ORDER BY position"
        return [
            TaskRow(case_names=self._case_names(case_names), **dict(zip(names, values, strict=True)))
            for case_names, *values in self._rows(query)
        ]

    def prompt(self, prompt_id: str) -> str:
        """What the model was shown; a chat as JSON. Raises KeyError."""
        for (content,) in self._rows("SELECT content FROM prompts WHERE prompt_id = ?", (prompt_id,)):
            return str(content)
        raise KeyError(prompt_id)

    def samples(self) -> Iterator[SampleRow]:
        """All of them, in the order of tasks."""
        names = ("index", "prompt_id", "seed", "temperature", "text", "finish_reason", "tokens", "seconds")
        query = (
            "SELECT task_id, program_id, number, prompt_id, seed, temperature, text, finish_reason, tokens, seconds"
            " FROM samples JOIN tasks USING (position) ORDER BY position, number"
        )
        for task_id, program_id, *values in self._rows(query):
            yield SampleRow(task_id=task_id, program_id=program_id, **dict(zip(names, values, strict=True)))

    def programs(self) -> Iterator[ProgramRow]:
        """All of them, by task, in the order in which they came."""
        query = (
            "SELECT program_id, task_id, source, evaluation"
            " FROM programs JOIN tasks USING (position) ORDER BY position, program_id"
        )
        cases = {task.task_id: len(task.case_names) for task in self.tasks}
        for program_id, task_id, source, text in self._rows(query):
            evaluation = None if text is None else self._evaluation(text)
            if evaluation is not None and len(evaluation.cases) != cases[task_id]:
                raise StoreError(f"{self._path}: program {program_id} has other verdicts than {task_id} has cases")
            yield ProgramRow(program_id=program_id, task_id=task_id, source=source, evaluation=evaluation)

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _evaluation(self, text: str) -> Evaluation:
        try:
            return evaluations.read(text)
        except ValueError as error:
            raise StoreError(f"{self._path} holds verdicts that can't be read: {error}") from error

    def _case_names(self, text: str) -> list[str]:
        names = _parsed("case_names", text)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise StoreError(f"{self._path} holds case_names that are no list of texts: {text!r:.{_SHOWN}}")
        return names

    def _rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        with telling(self._path):
            cursor = self._connection.execute(query, values)
            try:
                # Not `yield from`, which closes the cursor by itself.
                for row in cursor:  # noqa: UP028
                    yield row
            finally:
                # Whoever turned away may have closed the run before.
                with suppress(sqlite3.ProgrammingError):
                    cursor.close()


def read_settings(connection: sqlite3.Connection) -> dict[str, Any]:
    """What a run was asked for; raises StoreError where a setting is of another kind than its readers expect."""
    settings = {name: _parsed(name, value) for name, value in connection.execute("SELECT name, value FROM settings")}
    for name, value in settings.items():
        # No path holds a NUL.
        no_path = name == "data" and isinstance(value, str) and "\0" in value
        if not isinstance(value, _SETTINGS.get(name, object)) or not _is_flat(value) or no_path:
            raise StoreError(f"the run's setting {name!r:.{_SHOWN}} can't be {value!r:.{_SHOWN}}")
    return settings


def _parsed(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"the run's {name!r:.{_SHOWN}} is not JSON: {error}") from error


def _is_flat(value: Any, levels: int = 3) -> bool:
    """Whether it is of few levels, and its lists hold texts."""
    if isinstance(value, dict):
        return levels > 0 and all(_is_flat(inner, levels - 1) for inner in value.values())
    return not isinstance(value, list) or all(isinstance(item, str) for item in value)


def prompt_text(prompt: Prompt) -> str:
    """A prompt as it is kept: a chat as JSON."""
    if isinstance(prompt.content, str):
        return prompt.content
    return json.dumps([asdict(message) for message in prompt.content], ensure_ascii=False)
