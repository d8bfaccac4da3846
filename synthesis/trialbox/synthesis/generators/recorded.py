"""Samples that were made before: a file answers, as fast as it can be read."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from trialbox.synthesis.generators.generator import Completion, FinishReason, GeneratorError, Request
from trialbox.synthesis.tasks import Task, TaskFileError
from trialbox.synthesis.tasks.rows import stream_rows
from trialbox.synthesis.tasks.samples import recorded_text
from trialbox.synthesis.tasks.selection import tasks_by_id

_TOGETHER = 256
"""So many are yielded at once."""
_SHOWN = 3
"""So many tasks are named that have too few samples."""


@dataclass(frozen=True, slots=True)
class _Recorded:
    task_id: str
    text: str
    program: str


class RecordedSamples:
    """Answers with the rows of a file: `task_id` and `solution` or `completion`; a Generator.

    A task's first row answers its request of index 0, and so on. JSON Lines are read as they are asked for: what comes
    in the file before it is asked for waits in memory, so ask in the file's order where it is long.
    """

    def __init__(self, path: Path, tasks: Sequence[Task]) -> None:
        """Take samples for `tasks` from a file; ids may be written in any way that SampleFile takes."""
        self._path = path
        self._tasks = tasks_by_id(tasks)
        self._task_ids = [task.task_id for task in tasks]

    def check(self, samples: int) -> int:
        """Read the file through, before anything is kept; returns how many rows there are beyond `samples` of a task.

        Raises GeneratorError where a task has fewer.
        """
        with closing(self._texts()) as texts:
            counts = Counter(recorded.task_id for recorded in texts)
        short = [task_id for task_id in self._task_ids if counts[task_id] < samples]
        if short:
            named = ", ".join(f"{counts[task_id]} for {task_id}" for task_id in short[:_SHOWN])
            more = f" and too few for {len(short) - _SHOWN} more" if len(short) > _SHOWN else ""
            raise GeneratorError(
                f"{self._path} holds too few samples for {len(short)} of {len(self._task_ids)} tasks: "
                f"{samples} for each are wanted, and there are {named}{more}"
            )
        return counts.total() - samples * len(self._task_ids)

    async def generate(self, requests: Iterable[Request]) -> AsyncGenerator[Sequence[Completion], None]:
        """Answer in the order asked. Raises GeneratorError, where the file holds no answer too."""
        waiting = iter(requests)
        with closing(self._texts()) as texts:
            found = _Found(self._path, texts)
            while taken := list(islice(waiting, _TOGETHER)):
                yield [found.answer(request) for request in taken]
                # Reading never waits, so others would never have their turn.
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Let go of nothing: the file is closed with the last answer."""

    def _texts(self) -> Generator[_Recorded, None, None]:
        """What each row holds; those of other tasks are left out."""
        try:
            for row in stream_rows(self._path):
                task = self._tasks.get(row.identifier("task_id").lower())
                if task is not None:
                    text, whole = recorded_text(row)
                    yield _Recorded(task.task_id, text, task.whole(text) if whole else task.complete(text))
        except (TaskFileError, OSError) as error:
            raise GeneratorError(str(error)) from error


class _Found:
    """What was read of the file and not yet asked for."""

    def __init__(self, path: Path, texts: Iterator[_Recorded]) -> None:
        self._path = path
        self._texts = texts
        self._counts: Counter[str] = Counter()
        self._early: dict[tuple[str, int], _Recorded] = {}

    def answer(self, request: Request) -> Completion:
        """What the row of this number of a task holds."""
        recorded = self._take(request.prompt.task_id, request.index)
        return Completion(
            request=request,
            text=recorded.text,
            finish_reason=FinishReason.STOP,
            tokens=None,
            seconds=None,
            program=recorded.program,
        )

    def _take(self, task_id: str, index: int) -> _Recorded:
        while (task_id, index) not in self._early:
            row = next(self._texts, None)
            if row is None:
                raise GeneratorError(
                    f"{self._path} holds {self._counts[task_id]} samples for {task_id}; number {index + 1} is wanted"
                )
            self._early[row.task_id, self._counts[row.task_id]] = row
            self._counts[row.task_id] += 1
        return self._early.pop((task_id, index))
