"""The last free permit is left to a tenant that was here a moment ago, as long as it is likely to come back."""

import asyncio

from clockwork import hurried, passed
from hypothesis import given
from hypothesis import strategies as st
from scheduler_stage import Stage, settle

from trialbox.server.scheduler import Share

SECONDS = 1.0


async def asked(stage: Stage, tenant: str, *names: str) -> list[asyncio.Task[None]]:
    tasks = [stage.ask(name, tenant=tenant) for name in names]
    await settle()
    return tasks


async def seen_a_moment_ago(tenant: str, permits: int = 2) -> Stage:
    """A scheduler that has just run something of a tenant."""
    stage = Stage(permits=permits, memory_bytes=100, reserved_seconds=SECONDS)
    await asked(stage, tenant, "before")
    stage.end("before")
    return stage


@hurried
async def test_a_tenant_that_comes_back_waits_for_no_end_of_another_s_flood() -> None:
    stage = await seen_a_moment_ago("other", permits=3)
    await asked(stage, "flood", *(f"f{number}" for number in range(9)))
    for turn in range(5):
        assert sorted(stage.running) == ["f0", "f1"]
        await asked(stage, "other", f"o{turn}")
        assert f"o{turn}" in stage.running
        stage.end(f"o{turn}")
        await settle()


@hurried
async def test_when_it_does_not_come_back_the_permit_is_for_all() -> None:
    stage = await seen_a_moment_ago("other")
    await asked(stage, "flood", "f0", "f1", "f2")
    await passed(SECONDS * 0.4)
    # Asked for while it was kept, and looked for again when it is not, however often somebody came meanwhile.
    await asked(stage, "flood", "f3")
    await passed(SECONDS * 0.59)
    assert list(stage.running) == ["f0"]
    await passed(SECONDS * 0.02)
    assert list(stage.running) == ["f0", "f1"]


@hurried
async def test_whoever_runs_nothing_takes_the_last_permit_and_so_does_a_lone_tenant() -> None:
    stage = await seen_a_moment_ago("other")
    await asked(stage, "flood", "f0")
    await asked(stage, "third", "t0")
    assert list(stage.running) == ["f0", "t0"]
    alone = await seen_a_moment_ago("flood")
    await asked(alone, "flood", "f0", "f1")
    assert list(alone.running) == ["f0", "f1"]


@hurried
async def test_for_a_tenant_that_runs_already_nothing_is_kept() -> None:
    stage = await seen_a_moment_ago("other", permits=3)
    await asked(stage, "other", "o0")
    await asked(stage, "flood", "f0", "f1")
    assert list(stage.running) == ["o0", "f0", "f1"]


@hurried
async def test_whom_a_permit_is_kept_from_keeps_its_turn() -> None:
    stage = Stage(permits=4, memory_bytes=100, reserved_seconds=SECONDS)
    for tenant, name in (("long", "l0"), ("short", "s0"), ("flood", "f0"), ("flood", "f1")):
        await asked(stage, tenant, name)
    for tenant, name in (("long", "l1"), ("short", "s1"), ("flood", "f2")):
        await asked(stage, tenant, name)
    stage.end("s0")
    await settle()
    assert list(stage.running) == ["l0", "f0", "f1", "s1"]
    stage.end("f0")
    await settle()
    assert list(stage.running) == ["l0", "f1", "s1", "l1"]


@hurried
async def test_a_job_that_waits_for_memory_is_not_passed_because_of_the_permit() -> None:
    stage = Stage(permits=2, memory_bytes=6, reserved_seconds=SECONDS)
    await asked(stage, "large", "small")
    await asked(stage, "other", "o0")
    stage.end("o0")
    stage.ask("all", 6, tenant="large")
    await settle()
    await asked(stage, "other", "o1")
    assert list(stage.running) == ["small"]
    stage.end("small")
    await settle()
    assert list(stage.running) == ["all"]


@hurried
async def test_the_server_s_own_tests_keep_nobody_from_a_permit() -> None:
    stage = await seen_a_moment_ago("")
    await asked(stage, "flood", "f0", "f1")
    assert list(stage.running) == ["f0", "f1"]


@given(
    limits=st.fixed_dictionaries({"x": st.integers(1, 3)}),
    permits=st.integers(1, 4),
    steps=st.lists(st.sampled_from(["x", "y", "z", "end", "cancel", "pass"]), max_size=40),
)
@hurried
async def test_whatever_happens_no_permit_idles_for_longer_than_it_is_kept(
    limits: dict[str, int], permits: int, steps: list[str]
) -> None:
    stage = Stage(permits=permits, memory_bytes=100, reserved_seconds=SECONDS)
    stage.scheduler.share_out({name: Share(concurrency=limit) for name, limit in limits.items()})
    tasks: dict[str, asyncio.Task[None]] = {}

    def could_run() -> bool:
        by_tenant = stage.scheduler.by_tenant()
        return any(waiting and running < limits.get(name, 99) for name, (running, waiting) in by_tenant.items())

    for number, step in enumerate(steps):
        waiting = [task for name, task in tasks.items() if name not in stage.started and not task.done()]
        if step == "end" and stage.running:
            stage.end(next(iter(stage.running)))
        elif step == "cancel" and waiting:
            waiting[-1].cancel()
        elif step == "pass":
            await passed(SECONDS / 3)
        elif step in "xyz":
            tasks[f"{step}{number}"] = stage.ask(f"{step}{number}", tenant=step)
        await settle()
        assert stage.scheduler.running >= permits - 1 or not could_run()
    await passed(SECONDS)
    assert stage.scheduler.running == permits or not could_run()
    while stage.running:
        stage.end(next(iter(stage.running)))
        await passed(SECONDS)
    assert stage.facts() == (0, 0, 0)
