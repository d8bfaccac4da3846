"""Tenants take turns, whatever each one's clients ask for, and none runs or waits more than its share."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scheduler_stage import Stage, settle

from trialbox.server.scheduler import QueueFullError, QueueQuotaError, Share


async def _asked(stage: Stage, tenant: str, *names: str) -> list[asyncio.Task[None]]:
    tasks = [stage.ask(name, tenant=tenant) for name in names]
    await settle()
    return tasks


async def test_a_tenant_with_many_clients_has_no_more_turns_than_one_with_few() -> None:
    stage = Stage()
    await _asked(stage, "x", "first", *"abcd")
    await _asked(stage, "y", "p1", "p2")
    await stage.run_all()
    assert stage.started == ["first", "p1", "a", "p2", "b", "c", "d"]


async def test_within_a_tenant_its_clients_take_turns() -> None:
    stage = Stage()
    await _asked(stage, "x", "first", "a1", "a2", "a3", "b1")
    await stage.run_all()
    assert stage.started == ["first", "a1", "b1", "a2", "a3"]


async def test_a_tenant_at_its_concurrency_waits_in_its_own_queue_and_holds_nobody_up() -> None:
    stage = Stage(permits=3)
    stage.scheduler.share_out({"x": Share(concurrency=1)})
    await _asked(stage, "x", "a", "b", "c")
    await _asked(stage, "y", "p", "q", "r")
    assert list(stage.running) == ["a", "p", "q"]
    stage.end("p")
    await settle()
    assert list(stage.running) == ["a", "q", "r"]
    stage.end("a")
    await settle()
    assert list(stage.running) == ["q", "r", "b"]


async def test_who_waits_at_their_concurrency_leaves_a_free_permit_to_others_at_once() -> None:
    stage = Stage(permits=2, queue_size=0)
    stage.scheduler.share_out({"x": Share(concurrency=1)})
    stage.ask("a", tenant="x")
    stage.ask("b", tenant="x", bounded=False)
    await settle()
    assert list(stage.running) == ["a"]
    await asyncio.wait_for(stage.ask("p", tenant="y"), 1)
    assert list(stage.running) == ["a", "p"]


async def test_a_larger_share_has_those_start_who_wait_for_it() -> None:
    stage = Stage(permits=3)
    stage.scheduler.share_out({"x": Share(concurrency=1)})
    await _asked(stage, "x", "a", "b", "c", "d")
    stage.scheduler.share_out({"x": Share(concurrency=2)})
    await settle()
    assert list(stage.running) == ["a", "b"]
    stage.scheduler.share_out({})
    await settle()
    assert list(stage.running) == ["a", "b", "c"]


async def test_whoever_is_next_in_turn_and_fits_starts_though_another_waits_for_memory() -> None:
    stage = Stage(permits=3, memory_bytes=6)
    await _asked(stage, "y", "before")
    stage.end("before")
    stage.ask("a", 4, tenant="x")
    stage.ask("b", 4, tenant="x")
    await _asked(stage, "y", "p")
    assert list(stage.running) == ["a", "p"]


async def test_a_full_queue_of_one_tenant_takes_no_place_from_another() -> None:
    stage = Stage(queue_size=2)
    await _asked(stage, "x", "a", "b", "c")
    with pytest.raises(QueueFullError):
        await stage.ask("d", tenant="x")
    await _asked(stage, "y", "p", "q")
    with pytest.raises(QueueFullError):
        await stage.ask("r", tenant="y")


async def test_a_queue_quota_bounds_one_tenant_only_and_counts_what_streams_have_waiting() -> None:
    stage = Stage(queue_size=9)
    stage.scheduler.share_out({"x": Share(queue_size=2)})
    stage.ask("a", tenant="x")
    for name in "bc":
        stage.ask(name, tenant="x", bounded=False)
    await settle()
    with pytest.raises(QueueQuotaError, match="queue_size"):
        await stage.ask("d", tenant="x")
    await _asked(stage, "y", *"pqrs")
    assert stage.facts() == (1, 1, 6)


@given(
    limits=st.fixed_dictionaries({"x": st.integers(1, 3), "y": st.integers(1, 3)}),
    permits=st.integers(1, 4),
    steps=st.lists(st.sampled_from(["x", "y", "z", "end", "cancel"]), max_size=40),
)
async def test_whatever_happens_no_share_is_exceeded_and_no_permit_idles(
    limits: dict[str, int], permits: int, steps: list[str]
) -> None:
    stage = Stage(permits=permits, memory_bytes=100)
    stage.scheduler.share_out({name: Share(concurrency=limit) for name, limit in limits.items()})
    tasks: dict[str, asyncio.Task[None]] = {}
    for number, step in enumerate(steps):
        if step == "end":
            if stage.running:
                stage.end(next(iter(stage.running)))
        elif step == "cancel":
            waiting = [task for name, task in tasks.items() if name not in stage.started and not task.done()]
            if waiting:
                waiting[-1].cancel()
        else:
            tasks[f"{step}{number}"] = stage.ask(f"{step}{number}", tenant=step)
        await settle()
        by_tenant = stage.scheduler.by_tenant()
        held = {name for name, limit in limits.items() if by_tenant.get(name, (0, 0))[0] >= limit}
        assert all(by_tenant.get(name, (0, 0))[0] <= limit for name, limit in limits.items())
        could_run = any(waits for name, (_, waits) in by_tenant.items() if name not in held)
        assert stage.scheduler.running == permits or not could_run
    await stage.run_all()
    assert stage.facts() == (0, 0, 0)
    assert stage.scheduler.by_tenant() == {}


@given(first_ends=st.lists(st.floats(0.01, 1), min_size=1, max_size=4))
async def test_a_flood_of_programs_like_its_own_at_most_doubles_a_tenant_s_time(first_ends: list[float]) -> None:
    stage = Stage(permits=len(first_ends), memory_bytes=100)
    tasks = await _asked(stage, "flood", *(f"f{number}" for number in range(100)))
    ends = dict(zip(stage.running, first_ends, strict=True))
    asked_at, now, times = 0.0, 0.0, list[float]()
    tasks.append(stage.ask("v0", tenant="victim"))
    while len(times) < 10:
        await settle()
        # Whoever has begun takes one unit of time, as the tenant's own program would alone.
        ends |= {name: now + 1 for name in stage.running if name not in ends}
        name = min(stage.running, key=ends.__getitem__)
        now = ends[name]
        stage.end(name)
        if name.startswith("v"):
            times.append(now - asked_at)
            asked_at = now
            tasks.append(stage.ask(f"v{len(times)}", tenant="victim"))
    assert max(times) <= 2 + 1e-9
    for task in tasks:
        task.cancel()
    await settle()
