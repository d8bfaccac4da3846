"""Samples and grades side by side.

The store is the queue between them: the generator never waits for verdicts, the sandbox has work while any is there,
and memory holds no more than what is in flight, however many programs wait.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from trialbox.client import AsyncSandbox
from trialbox.synthesis.generators import Generator
from trialbox.synthesis.pipeline.grading import GradingOptions, News, grade
from trialbox.synthesis.pipeline.sampling import Sampling, sample
from trialbox.synthesis.store import Store, Verdicts
from trialbox.synthesis.tasks import Task


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a run is."""

    samples: int
    programs: int
    """Different ones."""
    graded: int
    """Of the programs."""
    passed: int
    """Of the programs."""


async def run(
    store: Store,
    tasks: Sequence[Task],
    *,
    sampling: Sampling | None,
    generator: Generator | None,
    box: AsyncSandbox | None,
    options: GradingOptions,
    on_progress: Callable[[Progress], None],
) -> None:
    """Make the samples that are missing and grade the programs that are not graded.

    Without a generator nothing is sampled, without a sandbox nothing graded. Whatever ends it, even a kill, what the
    store has taken stays.

    Raises:
        GeneratorError: The generator can't go on.
        PromptError: A task can't be put into the prompt's format.
        SandboxError: The infrastructure failed, or refused.
        StoreError: The store can't be written.
    """
    counts = store.counts()
    progress = Progress(samples=counts.samples, programs=counts.programs, graded=counts.graded, passed=counts.passed)
    news = News()

    def on_samples(samples: int, programs: int) -> None:
        progress.samples += samples
        progress.programs += programs
        news.tell()
        on_progress(progress)

    def on_graded(graded: Sequence[tuple[int, Verdicts]]) -> None:
        progress.graded += len(graded)
        progress.passed += sum(verdicts.passed for _, verdicts in graded)
        on_progress(progress)

    async def sample_all() -> None:
        try:
            if generator is not None and sampling is not None:
                await sample(store, tasks, sampling, generator, on_samples)
        finally:
            news.end()

    async def grade_all() -> None:
        if box is not None:
            await grade(store, tasks, box, options, news, on_graded)

    await _together(sample_all(), grade_all())


async def _together(*coroutines: Coroutine[None, None, None]) -> None:
    """Run them side by side; when one fails, the others are stopped."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
