"""What is measured really ran: every program once, every answer checked, by the path asked for."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from typing import Any, cast

import pytest

from trialbox.bench.bare_fork import answer_to
from trialbox.bench.loads import Load
from trialbox.bench.programs import MeasurementError, Numbers
from trialbox.bench.stretch import Stretch
from trialbox.client import AsyncSandbox, Execution, FakeCall, FakeSandbox, Isolation, IsolationPath, Outcome

LOADS: list[Callable[[Load], Any]] = [lambda load: load.unary(0.01, concurrency=3), lambda load: load.batch(0.01)]


def right(call: FakeCall) -> Execution:
    number = int(str(call.program.source).partition("range(")[2].partition(",")[0])
    assert call.isolation is not None
    path = IsolationPath(call.isolation)
    return Execution(outcome=Outcome.SUCCEEDED, stdout=answer_to(number), isolation=Isolation(path=path))


class Box:
    """A FakeSandbox for asyncio."""

    def __init__(self, answer: Callable[[FakeCall], Execution] = right) -> None:
        self.fake = FakeSandbox(answer)

    async def run(self, source: str, *, isolation: IsolationPath) -> Execution:
        return self.fake.run(source, isolation=isolation)

    async def run_many(self, sources: Iterable[str], *, isolation: IsolationPath) -> AsyncIterator[Execution]:
        for execution in self.fake.run_many(sources, isolation=isolation):
            yield execution


def load_on(box: Box) -> Load:
    return Load(cast(AsyncSandbox, box), IsolationPath.WARM, Numbers())


async def test_no_two_programs_are_the_same_and_each_counts_once() -> None:
    box = Box()
    load = load_on(box)
    stretches: list[Stretch] = [await run(load) for run in (*LOADS, *LOADS)]
    sources = [call.program.source for call in box.fake.calls]
    assert len(set(sources)) == len(sources) == sum(stretch.executions for stretch in stretches)
    assert {call.isolation for call in box.fake.calls} == {IsolationPath.WARM}


async def test_each_of_those_at_once_runs_a_program_however_short_the_time() -> None:
    assert (await load_on(Box()).unary(0, concurrency=16)).executions == 16


@pytest.mark.parametrize("run", LOADS)
async def test_a_wrong_answer_ends_the_measurement(run: Callable[[Load], Any]) -> None:
    box = Box(lambda call: replace(right(call), stdout=b"42\n"))
    with pytest.raises(MeasurementError, match=r"wrong answer to print.*b'42"):
        await run(load_on(box))


@pytest.mark.parametrize("run", LOADS)
async def test_an_answer_by_another_path_ends_the_measurement(run: Callable[[Load], Any]) -> None:
    box = Box(lambda call: replace(right(call), isolation=Isolation(path=IsolationPath.COLD)))
    with pytest.raises(MeasurementError, match="asked for the warm path, and went by cold"):
        await run(load_on(box))


async def test_a_batch_that_loses_an_answer_ends_the_measurement() -> None:
    class Forgetful(Box):
        async def run_many(self, sources: Iterable[str], *, isolation: IsolationPath) -> AsyncIterator[Execution]:
            async for execution in super().run_many(sources, isolation=isolation):
                if execution.index != 0:
                    yield execution

    with pytest.raises(MeasurementError, match=r"a batch of \d+ programs has \d+ answers"):
        await load_on(Forgetful()).batch(0.01)
