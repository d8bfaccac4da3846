"""Mixed good and evil traffic at twice the capacity, while servers, jails and clients come and go.

Needs root and a machine with nothing else to do. Two servers: one is killed or told to stop again and again, of the
other only parts are killed, so that its memory can be watched. Every answer is compared with the one that its
program must have; the exit status is 1 when one is wrong or missing.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from server import Server

from trialbox.client import (
    AsyncSandbox,
    Call,
    Check,
    Execution,
    Limits,
    Outcome,
    QueueFullError,
    SandboxError,
    Suite,
    UnavailableError,
)

MIB = 1 << 20
_OUTSTANDING = 2000
_WARM_UP_SECONDS = 3.0
_SAMPLE_SECONDS = 1.0
_ROUND_SECONDS = 10.0

_SMALL = Limits(wall_seconds=20, memory_bytes=64 * MIB, processes=16)


@dataclass(slots=True)
class Tally:
    """What became of all requests."""

    sent: int = 0
    answered: int = 0
    refused: int = 0
    disconnected: int = 0
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, float]] = field(default_factory=list)
    """When, and MiB of the server that lives on."""


@dataclass(frozen=True, slots=True)
class _Program:
    """A source, in which `{}` is a number of its own, and how it must end."""

    source: str
    outcome: Outcome
    stdout: str | None = None
    limits: Limits = _SMALL

    async def run(self, box: AsyncSandbox, number: int) -> str:
        """What is wrong with the answer; empty if nothing is."""
        execution = await box.run(self.source.format(number), limits=self.limits)
        return self._fault(execution, number)

    def _fault(self, execution: Execution, number: int) -> str:
        if execution.outcome is not self.outcome:
            return f"{execution.outcome} instead of {self.outcome}"
        if self.stdout is not None and execution.stdout.decode() != self.stdout.format(number):
            return f"printed {execution.stdout[:80]!r}"
        return ""


def _limits(**changes: Any) -> Limits:
    return Limits(**{"wall_seconds": 20, "memory_bytes": 64 * MIB, "processes": 16, **changes})


_PROGRAMS = {
    "print": _Program("print({})", Outcome.SUCCEEDED, "{}\n"),
    "import": _Program("import json, re\nprint(json.dumps([{}]))", Outcome.SUCCEEDED, "[{}]\n"),
    "exit": _Program("import sys; print({}); sys.exit(3)", Outcome.FAILED, "{}\n"),
    "raise": _Program("print({}); [][1]", Outcome.FAILED, "{}\n"),
    "hang": _Program("while {} + 1: pass", Outcome.WALL_TIME_EXCEEDED, limits=_limits(wall_seconds=0.3)),
    "burn": _Program("while {} + 1: pass", Outcome.CPU_TIME_EXCEEDED, limits=_limits(cpu_seconds=0.2)),
    "memory": _Program("a = [bytearray({} % 7 + 1 << 20) for _ in range(500)]", Outcome.MEMORY_EXCEEDED),
    "flood": _Program("while {} + 1: print('x' * 10000)", Outcome.OUTPUT_EXCEEDED, limits=_limits(output_bytes=MIB)),
    "forks": _Program(
        "import os\nwhile {} + 1:\n try: os.fork()\n except OSError: pass",
        Outcome.WALL_TIME_EXCEEDED,
        limits=_limits(wall_seconds=0.3),
    ),
    "signal": _Program("import os; print({}, flush=True); os.kill(os.getpid(), 9)", Outcome.SIGNALED, "{}\n"),
    "daemon": _Program(
        "import os, time\nif os.fork() == 0:\n os.setsid(); time.sleep(1000)\nprint({})", Outcome.SUCCEEDED, "{}\n"
    ),
}


async def _right(box: AsyncSandbox, number: int) -> str:
    suite = Suite([Call("f", (number,), expected=number + 1), Check(f"assert f({number}) == {number + 1}")])
    done = await box.evaluate("def f(x): return x + 1", suite)
    return "" if done.passed else f"a right program has {[(case.verdict, case.message) for case in done.cases]}"


async def _cheat(box: AsyncSandbox, number: int) -> str:
    cheats = (
        "import os\ndef f(x): os._exit(0)",
        "class A:\n def __eq__(self, o): return True\ndef f(x): return A()",
        "import builtins\nbuiltins.all = lambda _: True\ndef f(x): return 0",
    )
    suite = Suite([Check(f"assert all([f({number}) == {number + 1}])")])
    done = await box.evaluate(cheats[number % len(cheats)], suite)
    return "a cheat passed" if done.passed else ""


async def _stream(box: AsyncSandbox, number: int) -> str:
    sources = [f"print({number + place})" for place in range(8)]
    told = [execution.stdout async for execution in box.run_many(sources, ordered=True)]
    return "" if told == [f"{number + place}\n".encode() for place in range(8)] else f"a stream told {told}"


_KINDS: dict[str, Callable[[AsyncSandbox, int], Awaitable[str]]] = {
    **{name: program.run for name, program in _PROGRAMS.items()},
    "right": _right,
    "cheat": _cheat,
    "stream": _stream,
}
_WEIGHTS = [30 if kind in ("print", "right") else 10 if kind in ("import", "stream", "cheat") else 2 for kind in _KINDS]


@contextlib.contextmanager
def _servers(slots: int) -> Iterator[tuple[Server, Server]]:
    # Each evaluation here has a suite of its own, so a cache of the usual size would grow all the time.
    settings = {"SLOTS": str(slots), "STOP_GRACE_SECONDS": "10", "SUITE_CACHE_BYTES": str(MIB)}
    first, second = Server(settings), Server(settings)
    try:
        yield first, second
    finally:
        first.stop()
        second.stop()


async def _send(box: AsyncSandbox, tally: Tally, number: int) -> None:
    (kind,) = random.choices(list(_KINDS), _WEIGHTS)
    tally.sent += 1
    tally.kinds[kind] += 1
    began = time.monotonic()
    request = asyncio.ensure_future(_KINDS[kind](box, number))
    if random.random() < 0.02:
        await asyncio.wait({request}, timeout=random.random() * 0.2)
        if request.cancel():
            tally.disconnected += 1
    try:
        fault = await request
    except asyncio.CancelledError:
        return
    except QueueFullError:
        tally.refused += 1
    except SandboxError as error:
        tally.lost.append(f"{kind}: {type(error).__name__}: {error}")
    else:
        tally.answered += 1
        tally.seconds.append(time.monotonic() - began)
        if fault:
            tally.wrong.append(f"{kind} {number}: {fault}")


async def _capacity(box: AsyncSandbox) -> float:
    """Requests a second of this mix, with as many at once as make no difference any more."""
    tally, ends = Tally(), time.monotonic() + _WARM_UP_SECONDS

    async def caller(number: int) -> None:
        while time.monotonic() < ends:
            await _send(box, tally, number)

    await asyncio.gather(*(caller(number) for number in range(16)))
    return tally.answered / _WARM_UP_SECONDS


async def _trouble(tally: Tally, victim: Server, survivor: Server) -> None:
    """Kill what can be killed, one thing after another."""
    while True:
        for number in (signal.SIGKILL, signal.SIGTERM):
            for _ in range(4):
                await asyncio.sleep(_ROUND_SECONDS / 4)
                server = random.choice((victim, survivor))
                parts = await asyncio.to_thread(server.parts)
                if parts:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(random.choice(parts), signal.SIGKILL)
                        tally.kills["part of a slot"] += 1
            victim.process.send_signal(number)
            tally.kills[f"server, {number.name}"] += 1
            await asyncio.to_thread(victim.process.wait)
            victim.start()


async def _watch(tally: Tally, survivor: Server, began: float) -> None:
    while True:
        tally.memory.append((time.monotonic() - began, survivor.memory_mib()))
        await asyncio.sleep(_SAMPLE_SECONDS)


async def soak(seconds: float, slots: int) -> Tally:
    """Send requests for so long, and wait for all answers."""
    tally = Tally()
    with _servers(slots) as (victim, survivor):
        async with AsyncSandbox(f"ipv4:{victim.address},{survivor.address}") as box:
            await _wait_until_served(box)
            rate = 2 * await _capacity(box)
            began = time.monotonic()
            helpers = [
                asyncio.create_task(_trouble(tally, victim, survivor)),
                asyncio.create_task(_watch(tally, survivor, began)),
            ]
            requests: set[asyncio.Task[None]] = set()
            number = 0
            while time.monotonic() < began + seconds:
                due = int((time.monotonic() - began) * rate)
                while number < due:
                    number += 1
                    if len(requests) < _OUTSTANDING:
                        request = asyncio.create_task(_send(box, tally, number))
                        requests.add(request)
                        request.add_done_callback(requests.discard)
                await asyncio.sleep(0.005)
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            if victim.process.poll() is not None:
                victim.start()
            await asyncio.gather(*requests)
    return tally


async def _wait_until_served(box: AsyncSandbox) -> None:
    for _ in range(60):
        try:
            await box.run("pass")
        except UnavailableError:
            await asyncio.sleep(0.5)
        else:
            return
    raise SystemExit("no server answers")


def report(tally: Tally) -> dict[str, Any]:
    """All figures."""
    centiles = statistics.quantiles(tally.seconds, n=100) if len(tally.seconds) > 1 else [0.0] * 99
    half = [mib for _, mib in tally.memory[len(tally.memory) // 2 :]]
    return {
        "sent": tally.sent,
        "answered": tally.answered,
        "refused": tally.refused,
        "disconnected": tally.disconnected,
        "wrong": len(tally.wrong),
        "lost": len(tally.lost),
        "examples": (tally.wrong + tally.lost)[:10],
        "p50_seconds": round(centiles[49], 3),
        "p99_seconds": round(centiles[98], 3),
        "memory_mib": {
            "first": tally.memory[0][1],
            "middle": half[0],
            "last": half[-1],
            "highest": max(mib for _, mib in tally.memory),
        },
        "kills": dict(tally.kills),
        "kinds": dict(tally.kinds),
    }


def main() -> int:
    """Soak, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--slots", type=int, default=2, help="of each of the two servers")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random.seed(options.seed)
    found = report(asyncio.run(soak(options.seconds, options.slots)))
    print(json.dumps(found, indent=2))
    return 1 if found["wrong"] or found["lost"] else 0


if __name__ == "__main__":
    sys.exit(main())
