"""Samples that were made before: a file answers, as fast as it can be read."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from trialbox.synthesis.generators.generator import Completion, FinishReason, GeneratorError, Request
from trialbox.synthesis.tasks import Task, TaskFileError
from trialbox.synthesis.tasks.rows import stream_rows
from trialbox.synthesis.tasks.samples import recorded_text

_TOGETHER = 256
"""So many are yielded at once."""


class RecordedSamples:
    """Answers with the rows of a file: `task_id` and `solution` or `completion`; a Generator.

    A task's first row answers its request of index 0, and so on. JSON Lines are read as they are asked for: what comes
    in the file before it is asked for waits in memory, so ask in the file's order where it is long.
    """

    def __init__(self, path: Path, tasks: Sequence[Task]) -> None:
        """Take samples for `tasks` from a file; ids may be written in any way that load_samples takes."""
        self._path = path
        self._ids = {
            name: task.task_id for task in tasks for name in (task.task_id.lower(), task.task_id.rpartition("/")[2])
        }

    async def generate(self, requests: Iterable[Request]) -> AsyncGenerator[Sequence[Completion], None]:
        """Answer in the order asked. Raises GeneratorError, where the file holds no answer too."""
        waiting = iter(requests)
        with closing(self._texts()) as texts:
            found = _Found(self._path, texts)
            while taken := list(islice(waiting, _TOGETHER)):
                yield [
                    Completion(
                        request=request,
                        text=found.take(request.prompt.task_id, request.index),
                        finish_reason=FinishReason.STOP,
                        tokens=None,
                        seconds=None,
                    )
                    for request in taken
                ]
                # Reading never waits, so others would never have their turn.
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Let go of nothing: the file is closed with the last answer."""

    def _texts(self) -> Generator[tuple[str, str], None, None]:
        """Each row's task and text; those of other tasks are left out."""
        try:
            for row in stream_rows(self._path):
                task_id = self._ids.get(row.identifier("task_id").lower())
                if task_id is not None:
                    yield task_id, recorded_text(row)[0]
        except (TaskFileError, OSError) as error:
            raise GeneratorError(str(error)) from error


class _Found:
    """What was read of the file and not yet asked for."""

    def __init__(self, path: Path, texts: Iterator[tuple[str, str]]) -> None:
        self._path = path
        self._texts = texts
        self._counts: Counter[str] = Counter()
        self._early: dict[tuple[str, int], str] = {}

    def take(self, task_id: str, index: int) -> str:
        """The text that a task's row of this number holds."""
        while (task_id, index) not in self._early:
            row = next(self._texts, None)
            if row is None:
                raise GeneratorError(
                    f"{self._path} holds {self._counts[task_id]} samples for {task_id}; number {index + 1} is wanted"
                )
            self._early[row[0], self._counts[row[0]]] = row[1]
            self._counts[row[0]] += 1
        return self._early.pop((task_id, index))
