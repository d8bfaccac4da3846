"""However long the story and whatever falls together, turns, permits and memory are as promised."""

import asyncio
import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from scheduler_stage import MEMORY_BYTES, BrokenError, Stage, settle, take

from trialbox.server.scheduler import QueueFullError

_Step = tuple[Any, ...]

_callers = st.sampled_from("abc")
_picks = st.integers(min_value=0, max_value=9)
_asks = st.tuples(st.just("ask"), _callers, st.integers(min_value=1, max_value=MEMORY_BYTES))
_ends = st.tuples(st.just("end"), _picks)
_cancels = st.tuples(st.just("cancel"), _picks)
_failures = st.tuples(st.just("fail"))
_turns = st.tuples(st.just("turn"))
_permits = st.integers(min_value=1, max_value=4)


def _stories(steps: st.SearchStrategy[_Step]) -> st.SearchStrategy[list[_Step]]:
    # Long ones: in a few steps no queue comes about.
    return st.lists(steps, min_size=20, max_size=60)


class Model:
    """The same promises, as plainly as they can be put: the caller that waits longest for a turn has the next."""

    def __init__(self, permits: int) -> None:
        self.permits = permits
        self.waiting: list[tuple[str, int]] = []
        self.running: dict[str, int] = {}
        self.started: list[str] = []
        self.waits_since: dict[str, int] = {}
        self.clock = itertools.count()

    def ask(self, name: str, memory_bytes: int) -> None:
        if all(other[0] != name[0] for other, _ in self.waiting):
            self.waits_since[name[0]] = next(self.clock)
        self.waiting.append((name, memory_bytes))

    def start_all_that_can(self) -> None:
        while self.waiting:
            job = min(self.waiting, key=lambda job: self.waits_since[job[0][0]])  # the first of that caller's
            name, memory_bytes = job
            if len(self.running) == self.permits or sum(self.running.values()) + memory_bytes > MEMORY_BYTES:
                return
            self.waiting.remove(job)
            self.running[name] = memory_bytes
            self.started.append(name)
            self.waits_since[name[0]] = next(self.clock)


@given(_permits, _stories(_asks | _ends | _cancels))
async def test_jobs_start_when_and_in_the_order_the_model_says(permits: int, steps: list[_Step]) -> None:
    stage, model = Stage(permits), Model(permits)
    tasks: dict[str, asyncio.Task[None]] = {}
    for number, step in enumerate(steps):
        match step:
            case "ask", caller, memory_bytes:
                name = f"{caller}{number}"
                tasks[name] = stage.ask(name, memory_bytes)
                model.ask(name, memory_bytes)
            case "end", pick if model.running:
                name = list(model.running)[pick % len(model.running)]
                stage.end(name)
                del model.running[name]
            case "cancel", pick if model.waiting:
                name, _ = model.waiting.pop(pick % len(model.waiting))
                tasks[name].cancel()
        model.start_all_that_can()
        await settle()
        assert stage.started == model.started
        assert stage.facts() == (len(model.running), sum(model.running.values()), len(model.waiting))
    await stage.run_all()
    assert stage.facts() == (0, 0, 0)


@given(_permits, _stories(_asks | _ends | _cancels | _failures | _turns))
async def test_nothing_is_lost_or_given_twice_however_steps_fall_together(permits: int, steps: list[_Step]) -> None:
    stage = Stage(permits, queue_size=5)
    tasks: list[asyncio.Task[None]] = []
    cancelled: list[asyncio.Task[None]] = []
    for number, step in enumerate(steps):
        match step:
            case "ask", caller, memory_bytes:
                tasks.append(stage.ask(f"{caller}{number}", memory_bytes))
            case "end", pick if stage.running:
                stage.end(list(stage.running)[pick % len(stage.running)])
            case "cancel", pick if undone := [task for task in tasks if not task.done()]:
                cancelled.append(undone[pick % len(undone)])
                cancelled[-1].cancel()
            case ("fail",):
                stage.scheduler.fail(BrokenError())
            case ("turn",):
                await asyncio.sleep(0)
        assert len(stage.running) <= stage.scheduler.running <= permits
        assert sum(stage.running.values()) <= stage.scheduler.used_memory_bytes <= MEMORY_BYTES
    await settle()
    undone = [task for task in tasks if not task.done()]
    assert stage.facts() == (len(stage.running), sum(stage.running.values()), len(undone))
    await stage.run_all()
    assert stage.facts() == (0, 0, 0)
    assert all(task.cancelled() for task in cancelled)
    ended = [task.exception() for task in tasks if not task.cancelled()]
    assert ended.count(None) == len(stage.started)
    assert {type(error) for error in ended} <= {type(None), QueueFullError, BrokenError}
    for _ in range(permits):
        take(stage.scheduler)


@given(st.dictionaries(_callers, st.integers(min_value=1, max_value=9)), st.lists(_callers, max_size=20), _picks)
async def test_a_single_request_waits_for_at_most_one_of_each_caller_that_waited_before_it(
    backlog: dict[str, int], later: list[str], served_before: int
) -> None:
    stage = Stage()
    await stage.asked("x", *(f"{caller}{number}" for caller, count in backlog.items() for number in range(count)))
    for _ in range(min(served_before, sum(backlog.values()))):
        stage.end(stage.started[-1])
        await settle()
    before = len(stage.started)
    waited = {caller for caller, count in backlog.items() if f"{caller}{count - 1}" not in stage.started}
    await stage.asked("single", *(f"{caller} later {number}" for number, caller in enumerate(later)))
    await stage.run_all()
    passed_by = [name[0] for name in stage.started[before : stage.started.index("single")]]
    assert sorted(passed_by) == sorted(waited)
