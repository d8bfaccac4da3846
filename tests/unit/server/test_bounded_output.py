"""A program may print for ever: what is kept is bounded, exact, and says when it is not all."""

import asyncio
import itertools
import os
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trialbox.server.output import BoundedOutput, PipeReader

_limits = st.integers(min_value=1, max_value=70)
_chunks = st.lists(st.binary(max_size=60))


@given(_limits, _chunks)
@example(limit=1, chunks=[])
@example(limit=1, chunks=[b"ab"])
@example(limit=4, chunks=[b"abcd"])
def test_a_stream_within_the_limit_is_kept_whole_and_a_longer_one_by_head_and_tail(
    limit: int, chunks: list[bytes]
) -> None:
    output = BoundedOutput(limit)
    for chunk in chunks:
        output.feed(chunk)
    stream = b"".join(chunks)
    assert output.total == len(stream)
    assert output.truncated == (len(stream) > limit)
    if output.truncated:
        head = limit // 2
        assert output.kept() == stream[:head] + stream[-(limit - head) :]
    else:
        assert output.kept() == stream


@given(_limits, st.binary(max_size=200), st.lists(st.integers(min_value=0, max_value=200)))
def test_what_is_kept_does_not_depend_on_how_the_stream_was_cut(limit: int, stream: bytes, cuts: list[int]) -> None:
    whole, pieces = BoundedOutput(limit), BoundedOutput(limit)
    whole.feed(stream)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for start, end in itertools.pairwise(edges):
        pieces.feed(stream[start:end])
        pieces.kept()  # looking changes nothing
    assert pieces.kept() == whole.kept()
    assert pieces.truncated == whole.truncated


@pytest.mark.parametrize("chunk_bytes", [1000, 65536])
def test_memory_stays_bounded_by_the_limit_however_long_the_stream(chunk_bytes: int) -> None:
    limit, chunk = 10_000, b"x" * chunk_bytes
    output = BoundedOutput(limit)
    tracemalloc.start()
    try:
        for _ in range(1000):
            output.feed(chunk)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert output.total == 1000 * chunk_bytes
    assert peak < 500_000


async def test_draining_takes_all_that_was_written_and_finds_the_end() -> None:
    read_end, write_end = os.pipe()
    written = bytes(range(256)) * 200  # below a pipe's capacity, above one read's
    os.write(write_end, written)
    os.close(write_end)
    output = BoundedOutput(1 << 20)
    reader = PipeReader(read_end, output.feed)
    reader.drain()
    reader.drain()
    reader.close()
    assert output.kept() == written


async def test_a_pipe_is_read_while_its_writer_lives() -> None:
    read_end, write_end = os.pipe()
    seen: asyncio.Queue[bytes] = asyncio.Queue()
    reader = PipeReader(read_end, seen.put_nowait)
    reader.start()
    for part in (b"one", b"two"):
        os.write(write_end, part)
        assert await seen.get() == part
    reader.close()
    os.close(write_end)
