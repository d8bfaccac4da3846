"""A judge that stands ready serves its caller again and again, and no other; at any doubt another takes its place."""

import asyncio
import marshal
import os
import socket
from collections.abc import Iterable
from pathlib import Path

import hosts
import pytest
from clockwork import hurried
from evaluation_stage import JUDGE_LIMITS, Jail, JudgeDied, JudgeStep, PlayedJudge, Stage

from trialbox.server import judges
from trialbox.server.judges import Judge, Judging, JudgingEnd, Kind
from trialbox.server.model import IsolationPath, Outcome, Role, SandboxBrokenError

_KIND = Kind(caller="a", runtime="python", isolation=IsolationPath.WARM)
_OTHERS = [
    Kind(caller="b", runtime="python", isolation=IsolationPath.WARM),
    Kind(caller="a", runtime="numpy", isolation=IsolationPath.WARM),
    Kind(caller="a", runtime="python", isolation=IsolationPath.COLD),
]
_SUITE = marshal.dumps((b"", [], [], {}, False), 2)
_WELL = JudgingEnd(Outcome.SUCCEEDED, "the judge exited with status 0")


async def ends_well(judge: PlayedJudge) -> None:
    pass


async def hangs(judge: PlayedJudge) -> None:
    await asyncio.Event().wait()


class Bench(Stage):
    """Judges that are given suites of nothing."""

    def __init__(self, *steps: JudgeStep, count: int = 1, statuses: Iterable[bytes] = ()) -> None:
        super().__init__(Jail(), *steps, count=count, statuses=statuses)
        self.data = b""
        """What judges told."""

    def begin(self, judge: Judge) -> Judging:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            return judge.begin(_SUITE, theirs.fileno(), self._feed)

    async def judge(self, kind: Kind = _KIND) -> JudgingEnd:
        """Have a suite judged to its end."""
        async with self.judges.judge(kind) as judge:
            end = await self.begin(judge).ended
        await self.settle()
        return end

    def _feed(self, data: bytes) -> None:
        self.data += data

    @property
    def stopped(self) -> list[bytes]:
        """Why judges' processes were ended."""
        return [reason for process in self.pool.processes for reason in process.reasons]


async def test_one_process_judges_one_suite_after_another() -> None:
    async with Bench(*[ends_well] * 3) as bench:
        assert [await bench.judge() for _ in range(3)] == [_WELL] * 3
        (job,) = bench.pool.jobs
    assert job.part is not None and job.part.role is Role.JUDGE
    assert (job.program.source, job.program.files, job.program.runtime) == (b"", {}, "python")
    assert (job.limits, job.isolation, bench.pool.callers) == (JUDGE_LIMITS, IsolationPath.WARM, ["a"])
    assert bench.stopped == [b"cancelled"]  # when all was over


@pytest.mark.parametrize("other", _OTHERS)
async def test_a_judge_serves_no_other_kind(other: Kind) -> None:
    async with Bench(*[ends_well] * 4, count=2) as bench:
        for kind in (_KIND, other, _KIND, other):
            await bench.judge(kind)
        assert [job.isolation for job in bench.pool.jobs] == [_KIND.isolation, other.isolation]
        assert bench.pool.callers == [_KIND.caller, other.caller]
        assert [job.program.runtime for job in bench.pool.jobs] == [_KIND.runtime, other.runtime]


async def test_where_there_is_no_place_for_another_an_idle_one_makes_room() -> None:
    async with Bench(*[ends_well] * 2) as bench:
        await bench.judge(_KIND)
        await bench.judge(_OTHERS[0])
        assert [process.reasons for process in bench.pool.processes] == [[b"cancelled"], []]


async def test_as_many_judge_at_once_as_there_are_places() -> None:
    go_on = asyncio.Event()

    async def waits(judge: PlayedJudge) -> None:
        await go_on.wait()

    async with Bench(*[waits] * 3, count=2) as bench:
        waiting = [asyncio.ensure_future(bench.judge()) for _ in range(3)]
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(bench.pool.suites) == len(bench.pool.processes) == 2
        go_on.set()
        assert await asyncio.gather(*waiting) == [_WELL] * 3
        assert len(bench.pool.processes) == 2


async def test_all_that_a_judge_told_is_read_before_its_end_is_known() -> None:
    async def tells(judge: PlayedJudge) -> None:
        for number in range(500):
            judge.says(b"%d" % number)

    async with Bench(tells) as bench:
        await bench.judge()
        assert bench.data.endswith(b"5:3:499")
        assert len(bench.data) == sum(len(b"%d" % number) + 4 for number in range(500))


@pytest.mark.parametrize(
    ("status", "outcome", "detail", "number"),
    [
        (b"ended 0 0", Outcome.SUCCEEDED, "the judge exited with status 0", None),
        (b"ended 0 1", Outcome.FAILED, "the judge exited with status 0", None),  # and left something behind
        (b"ended 256 0", Outcome.FAILED, "the judge exited with status 1", None),
        (b"ended 9 0", Outcome.SIGNALED, "the judge was ended by signal 9", 9),
        (b"ended 139 0", Outcome.SIGNALED, "the judge was ended by signal 11", 11),  # and dumped core
    ],
)
async def test_a_judge_whose_fork_did_not_end_well_is_replaced(
    status: bytes, outcome: Outcome, detail: str, number: int | None
) -> None:
    async with Bench(*[ends_well] * 2, statuses=[status]) as bench:
        assert await bench.judge() == JudgingEnd(outcome, detail, number)
        assert await bench.judge() == _WELL
        assert len(bench.pool.processes) == (1 if outcome is Outcome.SUCCEEDED else 2)


@pytest.mark.parametrize("outcome", [Outcome.MEMORY_EXCEEDED, Outcome.SIGNALED, Outcome.FAILED])
async def test_a_judge_whose_process_ends_is_replaced(outcome: Outcome) -> None:
    async def dies(judge: PlayedJudge) -> None:
        raise JudgeDied(outcome)

    async with Bench(dies, ends_well) as bench:
        assert await bench.judge() == JudgingEnd(
            outcome, "the judge ended", 11 if outcome is Outcome.SIGNALED else None
        )
        assert await bench.judge() == _WELL


async def test_a_judge_that_is_stopped_is_known_to_have_ended_and_is_replaced() -> None:
    async with Bench(hangs, ends_well) as bench:
        async with bench.judges.judge(_KIND) as judge:
            judging = bench.begin(judge)
            judging.stop(b"wall")
            assert await judging.ended == JudgingEnd(Outcome.WALL_TIME_EXCEEDED, "the judge ended")
        assert await bench.judge() == _WELL


async def test_a_judge_that_dies_while_it_is_idle_is_given_to_nobody() -> None:
    async with Bench(*[ends_well] * 2) as bench:
        await bench.judge()
        bench.pool.processes[0].stop(b"wall")
        for _ in range(50):
            await asyncio.sleep(0)
        assert await bench.judge() == _WELL
        assert len(bench.pool.processes) == 2


@hurried
async def test_a_judge_that_is_not_done_when_its_evaluation_is_gone_is_ended() -> None:
    async with Bench(hangs, ends_well) as bench:
        async with bench.judges.judge(_KIND) as judge:
            judging = bench.begin(judge)
        await bench.settle()
        assert bench.stopped == [b"cancelled"]
        assert (await judging.ended).outcome is Outcome.CANCELLED
        assert await bench.judge() == _WELL


async def test_a_judge_is_replaced_after_so_many_suites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges, "_SUITES_BY_JUDGE", 2)
    async with Bench(*[ends_well] * 5) as bench:
        for _ in range(5):
            await bench.judge()
        assert len(bench.pool.processes) == 3


async def test_a_judge_that_was_given_nothing_stays_ready() -> None:
    async with Bench(ends_well) as bench:
        async with bench.judges.judge(_KIND):
            pass
        await bench.settle()
        assert await bench.judge() == _WELL
        assert len(bench.pool.processes) == 1


async def test_a_judge_that_can_not_be_started_takes_no_place() -> None:
    async with Bench(ends_well) as bench:
        bench.pool.error = SandboxBrokenError("no launcher")
        for _ in range(3):
            with pytest.raises(SandboxBrokenError, match="no launcher"):
                await bench.judge()
        bench.pool.error, bench.pool.starts = None, False
        with pytest.raises(SandboxBrokenError, match="before it had a suite"):
            await bench.judge()
        bench.pool.starts = True
        await bench.settle()
        assert await bench.judge() == _WELL


async def test_whoever_stops_waiting_for_a_judge_takes_no_place() -> None:
    async with Bench(hangs, ends_well) as bench:
        async with bench.judges.judge(_KIND) as judge:
            judging = bench.begin(judge)
            waiting = asyncio.ensure_future(bench.judge())
            for _ in range(20):
                await asyncio.sleep(0)
            waiting.cancel()
            judging.stop(b"wall")
            await asyncio.wait({waiting})
        assert waiting.cancelled()
        await bench.settle()
        assert await bench.judge() == _WELL


def _starved_seconds() -> float:
    """How long this process's main thread has waited for a processor."""
    return int(Path("/proc/self/schedstat").read_bytes().split()[1]) / 1e9


async def test_what_a_judge_waited_for_a_processor_before_its_suite_is_not_the_suites() -> None:
    go_on = asyncio.Event()

    async def waits(judge: PlayedJudge) -> None:
        await go_on.wait()

    before = _starved_seconds()
    assert before > 0
    async with Bench(waits) as bench, bench.judges.judge(_KIND) as judge:
        judging = bench.begin(judge)
        assert judging.starved_seconds() == 0
        while not judging._pid:  # which is this process's, here
            await asyncio.sleep(0)
        assert 0 <= judging.starved_seconds() <= _starved_seconds() - before
        go_on.set()
        await judging.ended


async def test_when_all_is_over_nothing_is_left() -> None:
    before = hosts.descriptors(os.getpid())
    async with Bench(*[ends_well] * 4, count=3) as bench:
        for kind in (_KIND, *_OTHERS):
            await bench.judge(kind)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert hosts.descriptors(os.getpid()) == before
