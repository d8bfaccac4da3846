"""One run: a task takes samples into the store, another grades the programs that it finds there."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from trialbox.synthesis.pipeline.grading import Grading
from trialbox.synthesis.pipeline.sources import Batch, Source
from trialbox.synthesis.store import GradedProgram, Store, Ungraded

_PAGE = 256

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run has come."""

    samples: int
    samples_wanted: int
    programs: int
    """Different ones, so far."""
    graded: int
    passed: int
    """Of those that are graded."""


class Pipeline:
    """Fills a store with samples and verdicts.

    The store is the queue: samples go into it as fast as they come, and programs are taken out of it a page at a time.
    So the generator never waits for verdicts, the sandbox never waits while there are programs, what waits takes no
    memory, and a kill loses none of it.
    """

    def __init__(self, store: Store, show: Callable[[Progress], object] = lambda progress: None) -> None:
        """Go on with what the store holds; `show` is told of each step."""
        self._store = store
        self._show = show
        # SQLite's work, and taking programs out of answers, would hold up the stream of verdicts.
        self._thread = ThreadPoolExecutor(1, "store")
        self._news = asyncio.Event()
        self._has_all_samples = False
        counts = store.counts()
        self._progress = Progress(
            samples=counts.samples,
            samples_wanted=counts.samples,
            programs=counts.programs,
            graded=counts.graded,
            passed=counts.passed,
        )

    async def run(self, source: Source | None, grading: Grading | None) -> None:
        """Take what samples are missing, and grade what programs aren't graded; without either, only the other.

        Whatever ends it, what was sampled or graded before is kept. Raises GeneratorError, SandboxError, StoreError,
        and what reading recorded samples does.
        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._sample(source))
                if grading is not None:
                    group.create_task(grading.grade(self._ungraded(), self._keep))
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        finally:
            self._thread.shutdown()

    async def _sample(self, source: Source | None) -> None:
        if source is not None:
            self._tell(samples_wanted=source.wanted)
            there = await self._in_thread(self._store.indices)
            async with aclosing(source.batches(there)) as batches:
                async for batch in batches:
                    samples, programs = await self._in_thread(partial(self._add, batch))
                    self._tell(samples=self._progress.samples + samples, programs=self._progress.programs + programs)
                    self._news.set()
        self._has_all_samples = True
        self._news.set()

    async def _ungraded(self) -> AsyncGenerator[Ungraded, None]:
        last = 0
        while True:
            # Asked before the store is: what came in between is found by the store.
            has_all_samples = self._has_all_samples
            self._news.clear()
            page = await self._in_thread(partial(self._store.ungraded, last, _PAGE))
            for program in page:
                yield program
                last = program.program_id
            if not page:
                if has_all_samples:
                    return
                await self._news.wait()

    def _add(self, batch: Batch) -> tuple[int, int]:
        answers = batch()
        return len(answers), self._store.add(answers)

    async def _keep(self, graded: Sequence[GradedProgram]) -> None:
        await self._in_thread(partial(self._store.grade, graded))
        self._tell(
            graded=self._progress.graded + len(graded),
            passed=self._progress.passed + sum(one.evaluation.passed for one in graded),
        )

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _tell(self, **changes: int) -> None:
        self._progress = replace(self._progress, **changes)
        self._show(self._progress)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error itself; where one task fails, the others are only cancelled."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
