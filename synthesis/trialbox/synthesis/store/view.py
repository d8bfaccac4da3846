"""A run as its readers see it, also while it is being written."""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from trialbox.client import Trust, Verdict
from trialbox.synthesis.store import file
from trialbox.synthesis.store.file import StoreError
from trialbox.synthesis.store.rows import CaseRow, ErrorClass, ProgramRow, SampleRow, TaskRow, Verdicts

_SAMPLES = """
SELECT task_id, number, prompt_id, seed, temperature, text, finish_reason, tokens, seconds, program_id
FROM samples JOIN tasks USING (task) ORDER BY task, number
"""
_PROGRAMS = """
SELECT program_id, task_id, source, passed, base_passed, error_class, cases
FROM programs JOIN tasks USING (task) ORDER BY task, program_id
"""


class StoredRun:
    """Implements RunView on the file of a run."""

    def __init__(self, folder: Path) -> None:
        """Open the run in a folder to read it. Raises StoreError."""
        self._folder = folder
        self._connection = file.open_file(folder, read_only=True)
        # All that is read is of one moment.
        self._connection.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the run was asked for."""
        rows = self._connection.execute("SELECT name, value FROM settings")
        return {name: json.loads(value) for name, value in rows}

    @property
    def tasks(self) -> Sequence[TaskRow]:
        """In the data set's order."""
        query = "SELECT task_id, prompt, reference, base_cases, note FROM tasks ORDER BY task"
        return [
            TaskRow(task_id=task_id, prompt=prompt, reference=reference, base_cases=base_cases, note=note)
            for task_id, prompt, reference, base_cases, note in self._connection.execute(query)
        ]

    def prompt(self, prompt_id: str) -> str:
        """What the model was shown; a chat as JSON. Raises StoreError where no prompt has this id."""
        query = "SELECT content FROM prompts WHERE prompt_id = ?"
        found = self._connection.execute(query, (prompt_id,)).fetchone()
        if found is None:
            raise StoreError(f"the run in {self._folder} has no prompt {prompt_id!r}")
        return str(found[0])

    def samples(self) -> Iterator[SampleRow]:
        """All, in the order of tasks, then of samples."""
        for row in self._connection.execute(_SAMPLES):
            task_id, number, prompt_id, seed, temperature, text, finish_reason, tokens, seconds, program_id = row
            yield SampleRow(
                task_id=task_id,
                index=number,
                prompt_id=prompt_id,
                seed=seed,
                temperature=temperature,
                text=_text(text),
                finish_reason=finish_reason,
                tokens=tokens,
                seconds=seconds,
                program_id=program_id,
            )

    def programs(self) -> Iterator[ProgramRow]:
        """All, in the order of tasks."""
        for number, task_id, source, passed, *told in self._connection.execute(_PROGRAMS):
            verdicts = None if passed is None else _verdicts(bool(passed), *told)
            yield ProgramRow(program_id=number, task_id=task_id, source=_text(source), verdicts=verdicts)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _verdicts(passed: bool, base_passed: int | None, error_class: str | None, cases: bytes) -> Verdicts:
    told = json.loads(zlib.decompress(cases))
    return Verdicts(
        passed=passed,
        base_passed=None if base_passed is None else bool(base_passed),
        error_class=None if error_class is None else ErrorClass(error_class),
        cases=[
            CaseRow(**{**case, "verdict": Verdict(case["verdict"]), "trust": Trust(case["trust"])}) for case in told
        ],
    )
