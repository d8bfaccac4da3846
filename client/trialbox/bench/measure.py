"""One run: in each round every kind gets its moment, so that a noisy machine is noisy for all."""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

from trialbox.bench import yardsticks
from trialbox.bench.loads import Graded, Load
from trialbox.bench.memory import Footprint, footprints
from trialbox.bench.programs import Numbers
from trialbox.bench.stretch import Row, Stretch
from trialbox.client import AsyncSandbox, IsolationPath
from trialbox.synthesis.tasks import Sample

KINDS = {
    "bare_fork": "bare fork",
    "bare_fork_warmed": "bare fork, compiler warmed",
    "nsjail": "nsjail, one a core",
    "nsjail_alone": "nsjail, one at a time",
    "cold": "cold, one a slot",
    "cold_alone": "cold, one at a time",
    "unary_1": "warm, one at a time",
    "unary_4": "warm, 4 at once",
    "unary_16": "warm, 16 at once",
    "unary_64": "warm, 64 at once",
    "batch": "warm, batch",
}
"""What is measured, in the order of the report."""

# Before the first round everything runs for a part of its time, which doesn't count.
_WARM_UP = 0.1
# How many runs of one kind follow each other where two take turns.
_TURN = 10
# Nobody announces that the slots are ready again; it takes some hundredths of this.
_UNTIL_IDLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What one run measured."""

    load_average: float
    """How many processes wanted a processor in the minute before: what follows is worth little unless few did."""
    slots: int
    rounds: int
    seconds: float
    rows: Mapping[str, Row]
    """One for each of KINDS."""
    idle_slots: Sequence[Footprint]
    references: Graded | None


async def measure(
    *,
    rounds: int,
    seconds: float,
    slots: int | None,
    references: Sequence[Sample],
    advance: Callable[[], None],
) -> Findings:
    """Start embedded servers and measure everything, `seconds` for each kind in each round.

    Args:
        rounds: How many rounds count.
        seconds: How long each kind runs in each.
        slots: Each server's; None means the default.
        references: Programs to grade; none means that grading isn't measured.
        advance: Called `steps(rounds)` times.

    Raises:
        MeasurementError: A wrong answer, or a yardstick that doesn't run.
        SandboxError: The service failed.
    """
    load_average = os.getloadavg()[0]
    stretches: defaultdict[str, list[Stretch]] = defaultdict(list)
    numbers = Numbers()
    async with AsyncSandbox.local(slots=slots) as box:
        load = Load(box, IsolationPath.WARM, numbers)
        # Of its own: a slot that has run a cold program keeps a cold jail ready, which would count as idle memory.
        async with AsyncSandbox.local(slots=slots) as cold_box:
            cold = Load(cold_box, IsolationPath.COLD, numbers)
            info = await cold_box.server_info()
            for length in (seconds * _WARM_UP, *[seconds] * rounds):
                async for kind, stretch in _round(load, cold, info.slots, length):
                    stretches[kind].append(stretch)
                    advance()
        await asyncio.sleep(_UNTIL_IDLE_SECONDS)
        idle_slots = footprints()
        graded = await load.evaluate(references) if references else None
        advance()
    return Findings(
        load_average=load_average,
        slots=info.slots,
        rounds=rounds,
        seconds=seconds,
        rows={kind: Row.of(stretches[kind][1:]) for kind in KINDS},
        idle_slots=idle_slots,
        references=graded,
    )


def steps(rounds: int) -> int:
    """How many steps a run has, for a show of progress."""
    return len(KINDS) * (rounds + 1) + 1


async def _round(load: Load, cold: Load, slots: int, seconds: float) -> AsyncIterator[tuple[str, Stretch]]:
    """Measure each kind once, what is compared side by side."""
    # A yardstick may block the event loop: nothing else is to run meanwhile.
    yield "bare_fork", yardsticks.bare_forks(load.numbers, seconds, compiler="fresh")
    yield "unary_16", await load.unary(seconds, concurrency=16)
    yield "unary_1", await load.unary(seconds, concurrency=1)
    yield "batch", await load.batch(seconds)
    yield "bare_fork_warmed", yardsticks.bare_forks(load.numbers, seconds, compiler="warmed")
    yield "unary_4", await load.unary(seconds, concurrency=4)
    yield "unary_64", await load.unary(seconds, concurrency=64)
    yield "nsjail", yardsticks.nsjails(load.numbers, seconds)
    yield "cold", await cold.unary(seconds, concurrency=slots)
    nsjail_alone, cold_alone = await _in_turns(cold, seconds)
    yield "nsjail_alone", nsjail_alone
    yield "cold_alone", cold_alone


async def _in_turns(cold: Load, seconds: float) -> tuple[Stretch, Stretch]:
    """Run nsjail and the cold path one program at a time, in short rows.

    The service starts a slot's next jail while the caller holds its last answer. Within a row of requests that
    work is paid for; with single runs in turns it would hide in the yardstick's.
    """
    deadline = time.perf_counter() + seconds
    nsjail: list[float] = []
    ours: list[float] = []
    while not ours or time.perf_counter() < deadline:
        first = cold.numbers.first()
        nsjail += [yardsticks.nsjail(number) for number in range(first, first + _TURN)]
        ours += [await cold.one(number) for number in range(first + _TURN, first + 2 * _TURN)]
    return Stretch.of([nsjail]), Stretch.of([ours])
