"""Grades programs as they come into the store, over one stream."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from trialbox.client import AsyncSandbox, IsolationPath, Limits, Suite
from trialbox.synthesis.store import GradedProgram, Ungraded
from trialbox.synthesis.tasks import Task

_IN_FLIGHT = 64
_IN_FLIGHT_BY_SLOT = 4
_COMMIT_SECONDS = 0.05
"""Verdicts that come within it are committed together."""
_MOST_UNCOMMITTED = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Grading:
    """How programs are graded."""

    box: AsyncSandbox
    tasks: Sequence[Task]
    limits: Limits | None = None
    case_seconds: float | None = None
    isolation: IsolationPath | None = None

    async def grade(
        self,
        programs: AsyncGenerator[Ungraded, None],
        keep: Callable[[Sequence[GradedProgram]], Awaitable[None]],
    ) -> None:
        """Grade programs until there are no more, and have their verdicts kept soon after they come.

        However it ends, what has come is kept; `keep` may be called twice with the same. Raises SandboxError.
        """
        tasks = {task.task_id: task for task in self.tasks}
        in_flight: dict[int, Ungraded] = {}
        slots = (await self.box.server_info()).slots
        verdicts = _Verdicts(keep)
        try:
            async with asyncio.TaskGroup() as group, aclosing(_pairs(programs, tasks, in_flight)) as pairs:
                committing = group.create_task(verdicts.commit_as_they_come())
                evaluations = self.box.evaluate_many(
                    pairs,
                    in_flight=max(_IN_FLIGHT, _IN_FLIGHT_BY_SLOT * slots),
                    limits=self.limits,
                    case_seconds=self.case_seconds,
                    isolation=self.isolation,
                )
                async with aclosing(evaluations):
                    async for evaluation in evaluations:
                        assert evaluation.index is not None, "evaluate_many numbers them"
                        program = in_flight.pop(evaluation.index)
                        await verdicts.add(GradedProgram(program_id=program.program_id, evaluation=evaluation))
                committing.cancel()
        finally:
            await verdicts.commit()


class _Verdicts:
    """Those that are not kept yet."""

    def __init__(self, keep: Callable[[Sequence[GradedProgram]], Awaitable[None]]) -> None:
        self._keep = keep
        self._waiting: list[GradedProgram] = []
        self._fresh = asyncio.Event()
        self._committing = asyncio.Lock()

    async def add(self, graded: GradedProgram) -> None:
        self._waiting.append(graded)
        self._fresh.set()
        if len(self._waiting) >= _MOST_UNCOMMITTED:
            await self.commit()

    async def commit(self) -> None:
        async with self._committing:
            taken, self._waiting = self._waiting, []
            try:
                if taken:
                    await self._keep(taken)
            except BaseException:
                self._waiting = taken + self._waiting
                raise

    async def commit_as_they_come(self) -> None:
        while True:
            await self._fresh.wait()
            self._fresh.clear()
            await self.commit()
            await asyncio.sleep(_COMMIT_SECONDS)


async def _pairs(
    programs: AsyncGenerator[Ungraded, None], tasks: Mapping[str, Task], in_flight: dict[int, Ungraded]
) -> AsyncGenerator[tuple[str, Suite], None]:
    """What evaluate_many takes; notes which program has which place in it."""
    index = 0
    async with aclosing(programs):
        async for program in programs:
            in_flight[index] = program
            index += 1
            yield program.source, tasks[program.task_id].suite
