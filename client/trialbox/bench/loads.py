"""What the service is asked to do, through the SDK: lone programs, many at once, a batch, a data set.

Everything goes through AsyncSandbox, since the client's work is done on the processors that it measures: with tasks
a call costs it a third less of them than with threads and Sandbox.
"""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trialbox.bench.programs import MeasurementError, Numbers, check, source_of
from trialbox.bench.stretch import Stretch
from trialbox.client import AsyncSandbox, Execution, IsolationPath
from trialbox.synthesis.tasks import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """A data set's programs, graded."""

    programs: int
    passed: int
    elapsed_seconds: float

    @property
    def per_second(self) -> float:
        """The rate."""
        return self.programs / self.elapsed_seconds


@dataclass(frozen=True, slots=True)
class Load:
    """One sandbox and the isolation that its programs get. All methods raise MeasurementError and SandboxError."""

    box: AsyncSandbox
    isolation: IsolationPath
    numbers: Numbers

    async def one(self, number: int) -> float:
        """Run one program, and return the seconds until its answer."""
        source = source_of(number)
        began = time.perf_counter()
        execution = await self.box.run(source, isolation=self.isolation)
        taken = time.perf_counter() - began
        self._check(number, execution)
        return taken

    async def unary(self, seconds: float, *, concurrency: int) -> Stretch:
        """Run lone programs, `concurrency` at once, each followed by the next."""
        deadline = time.perf_counter() + seconds
        numbers = itertools.count(self.numbers.first())

        async def loop() -> list[float]:
            taken = [await self.one(next(numbers))]
            while time.perf_counter() < deadline:
                taken.append(await self.one(next(numbers)))
            return taken

        return Stretch.of(await asyncio.gather(*(loop() for _ in range(concurrency))))

    async def batch(self, seconds: float) -> Stretch:
        """Run programs over one stream."""
        first = self.numbers.first()
        began = time.perf_counter()
        sent = 0

        def sources() -> Iterator[str]:
            nonlocal sent
            while not sent or time.perf_counter() < began + seconds:
                sent += 1
                yield source_of(first + sent - 1)

        answered = set()
        async for execution in self.box.run_many(sources(), isolation=self.isolation):
            answered.add(execution.index)
            self._check(first + (execution.index or 0), execution)
        elapsed = time.perf_counter() - began
        if answered != set(range(sent)):
            raise MeasurementError(f"a batch of {sent} programs has {len(answered)} answers")
        return Stretch(executions=sent, elapsed_seconds=elapsed)

    async def evaluate(self, samples: Sequence[Sample]) -> Graded:
        """Grade each program by its task's tests, over one stream."""
        began = time.perf_counter()
        pairs = [(sample.source, sample.task.suite) for sample in samples]
        evaluations = [done async for done in self.box.evaluate_many(pairs, isolation=self.isolation)]
        elapsed = time.perf_counter() - began
        for evaluation in evaluations:
            self._check_path(evaluation.isolation.path)
        return Graded(
            programs=len(evaluations), passed=sum(done.passed for done in evaluations), elapsed_seconds=elapsed
        )

    def _check(self, number: int, execution: Execution) -> None:
        check(number, execution.stdout)
        self._check_path(execution.isolation.path)

    def _check_path(self, path: IsolationPath | None) -> None:
        if path is not self.isolation:
            raise MeasurementError(f"asked for the {self.isolation} path, and went by {path}")
