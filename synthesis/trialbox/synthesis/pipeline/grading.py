"""Has programs graded as they come into the store, and keeps what they come to."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from trialbox.client import AsyncSandbox, IsolationPath, Limits, Program, Suite
from trialbox.synthesis.results.errors import verdicts_of
from trialbox.synthesis.store import Store, Verdicts
from trialbox.synthesis.tasks import Task

_PAGE_PROGRAMS = 256
_KEPT_TOGETHER = 64
_KEPT_AFTER_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingOptions:
    """How programs are graded; None leaves it to the service."""

    limits: Limits = field(default_factory=Limits)
    case_seconds: float | None = None
    isolation: IsolationPath | None = None


class News:
    """Tells the grader that there are programs in the store, and in the end that no more will come."""

    def __init__(self) -> None:
        """Begin with nothing to tell."""
        self._event = asyncio.Event()
        self.is_last = False

    def tell(self) -> None:
        """There are programs."""
        self._event.set()

    def end(self) -> None:
        """There will be no more."""
        self.is_last = True
        self._event.set()

    async def wait(self) -> None:
        """Wait until there is something to tell that was not told before."""
        await self._event.wait()
        self._event.clear()


async def grade(
    store: Store,
    tasks: Sequence[Task],
    box: AsyncSandbox,
    options: GradingOptions,
    news: News,
    on_graded: Callable[[Sequence[tuple[int, Verdicts]]], None],
) -> None:
    """Grade all programs without verdicts, those too that come meanwhile; tells what was kept each time.

    Raises SandboxError and StoreError; what was graded before is kept.
    """
    by_id = {task.task_id: task for task in tasks}
    in_flight: dict[int, tuple[int, Task]] = {}

    async def pairs() -> AsyncIterator[tuple[Program, Suite]]:
        last, index = 0, 0
        while True:
            is_last = news.is_last  # before looking: what came in between is found
            page = store.ungraded(last, _PAGE_PROGRAMS)
            for program in page:
                task = by_id[program.task_id]
                in_flight[index] = (program.program_id, task)
                index, last = index + 1, program.program_id
                yield Program(program.source), task.suite
            if not page:
                if is_last:
                    return
                await news.wait()

    graded: list[tuple[int, Verdicts]] = []
    kept_at = time.monotonic()

    def keep() -> None:
        nonlocal kept_at
        if graded:
            store.add_verdicts(graded)
            on_graded(graded)
            graded.clear()
        kept_at = time.monotonic()

    evaluations = box.evaluate_many(
        pairs(), limits=options.limits, case_seconds=options.case_seconds, isolation=options.isolation
    )
    try:
        async with aclosing(evaluations):  # type: ignore[type-var]
            async for evaluation in evaluations:
                assert evaluation.index is not None, "evaluate_many numbers them"
                program_id, task = in_flight.pop(evaluation.index)
                graded.append((program_id, verdicts_of(task, evaluation)))
                if len(graded) >= _KEPT_TOGETHER or time.monotonic() >= kept_at + _KEPT_AFTER_SECONDS:
                    keep()
    finally:
        keep()
