"""Live output follows a program for a reader who may be slow, and holds nothing of it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from clockwork import hurried
from hypothesis import given
from hypothesis import strategies as st

from trialbox.server.live import CHUNK_BYTES, Live
from trialbox.server.model import IsolationPath
from trialbox.server.output import BoundedOutput

_LIMIT = 4 * CHUNK_BYTES
Chunks = AsyncIterator[tuple[str, int, bytes]]


class Program:
    """A program that a test writes the output of, and that `live` follows."""

    def __init__(self, live: Live, limit: int = _LIMIT) -> None:
        self.outputs = {"stdout": BoundedOutput(limit), "stderr": BoundedOutput(limit)}
        self._live = live
        live.started(IsolationPath.WARM, self.outputs["stdout"], self.outputs["stderr"])

    def write(self, stream: str, data: bytes) -> None:
        self.outputs[stream].feed(data)
        self._live.wrote()


@given(st.integers(1, 70), st.lists(st.binary(max_size=60)), st.lists(st.integers(1, 30), min_size=1))
def test_reading_on_gives_all_that_is_kept_and_says_what_is_not(
    limit: int, chunks: list[bytes], sizes: list[int]
) -> None:
    output = BoundedOutput(limit)
    stream = b"".join(chunks)
    position = 0
    for number, chunk in enumerate([*chunks, *[b""] * (len(stream) + 1)]):
        output.feed(chunk)
        start, data = output.since(position, sizes[number % len(sizes)])
        assert start >= position
        assert start == position or (output.truncated and data)
        assert data == stream[start : start + len(data)]
        assert len(data) <= sizes[number % len(sizes)]
        position = start + len(data)
    assert position == len(stream)


@hurried
async def test_output_is_told_as_it_comes_and_each_stream_by_itself() -> None:
    live = Live()
    program = Program(live)
    assert await live.start() is IsolationPath.WARM
    chunks = live.chunks()
    program.write("stdout", b"one")
    assert await anext(chunks) == ("stdout", 0, b"one")
    program.write("stderr", b"two")
    program.write("stdout", b"three")
    assert [await anext(chunks), await anext(chunks)] == [("stderr", 0, b"two"), ("stdout", 3, b"three")]
    live.end()
    assert [chunk async for chunk in chunks] == []


@hurried
async def test_what_came_last_is_told_after_the_end() -> None:
    live = Live()
    program = Program(live)
    chunks = live.chunks()
    program.write("stdout", b"x" * CHUNK_BYTES + b"tail")
    live.end()
    assert [chunk async for chunk in chunks] == [("stdout", 0, b"x" * CHUNK_BYTES), ("stdout", CHUNK_BYTES, b"tail")]


@hurried
async def test_many_small_writes_go_together() -> None:
    live = Live()
    program = Program(live)
    told: list[bytes] = []

    async def read() -> None:
        told.extend([data async for _, _, data in live.chunks()])

    reader = asyncio.create_task(read())
    for _ in range(1000):
        program.write("stdout", b"x")
        await asyncio.sleep(0)
    live.end()
    await reader
    assert b"".join(told) == b"x" * 1000
    assert len(told) <= 3


@hurried
async def test_a_reader_who_falls_behind_a_flood_misses_its_middle_only() -> None:
    live = Live()
    program = Program(live)
    stream = bytes(range(256)) * (20 * _LIMIT // 256)
    for start in range(0, len(stream), CHUNK_BYTES):
        program.write("stdout", stream[start : start + CHUNK_BYTES])
    live.end()
    told = [chunk async for chunk in live.chunks()]
    position = missed = 0
    for _, start, data in told:
        assert data == stream[start : start + len(data)]
        missed += start > position
        position = start + len(data)
    assert (missed, position) == (1, len(stream))
    kept = program.outputs["stdout"].kept()
    everything = b"".join(data for _, _, data in told)
    assert everything.startswith(kept[: _LIMIT // 2])
    assert everything.endswith(kept[_LIMIT // 2 :])


@hurried
async def test_a_program_that_had_not_begun_and_runs_elsewhere_starts_once() -> None:
    live = Live()
    Program(live)
    await live.start()
    chunks = live.chunks()
    first = asyncio.ensure_future(anext(chunks))
    await asyncio.sleep(0)
    Program(live).write("stdout", b"from the second place")
    assert await first == ("stdout", 0, b"from the second place")


@hurried
async def test_a_program_that_never_starts_has_no_isolation_and_no_output() -> None:
    live = Live()
    live.end()
    assert await live.start() is None
    with pytest.raises(StopAsyncIteration):
        await anext(live.chunks())
