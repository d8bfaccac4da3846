"""What goes out together on a stream of many requests, and what never waits."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest
from google.rpc import status_pb2

from trialbox.server import batch
from trialbox.v1 import execution_pb2
from trialbox.v1 import sandbox_service_pb2 as pb

_NEVER = 3600.0
"""Seconds that no test waits for."""


async def _requests(names: Iterable[str], *, open_end: asyncio.Event | None = None) -> AsyncIterator[pb.ExecuteRequest]:
    for name in names:
        yield pb.ExecuteRequest(request_id=name)
    if open_end is not None:
        await open_end.wait()


def _response(size: int = 0) -> pb.ExecuteResponse:
    return pb.ExecuteResponse(execution=execution_pb2.Execution(stdout=bytes(size)))


async def _at_once(request: pb.ExecuteRequest) -> pb.ExecuteResponse | status_pb2.Status:
    return _response()


def _names(answers: Iterable[pb.ExecuteBatchResponse.Answer]) -> list[str]:
    return [answer.request_id for answer in answers]


async def test_an_answer_does_not_wait_when_the_stream_has_room_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_GATHER_SECONDS", _NEVER)
    end = asyncio.Event()
    answers = batch.answer_each(_requests("a", open_end=end), _at_once, pb.ExecuteBatchResponse.Answer, under_way=2)
    assert _names(await anext(answers)) == ["a"]
    end.set()
    assert [gathered async for gathered in answers] == []


async def test_answers_of_a_busy_stream_go_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_GATHER_SECONDS", _NEVER)
    answers = batch.answer_each(_requests("abcdefgh"), _at_once, pb.ExecuteBatchResponse.Answer, under_way=2)
    messages = [_names(gathered) async for gathered in answers]
    assert sorted(name for names in messages for name in names) == list("abcdefgh")
    assert len(messages) < 8


async def test_a_busy_stream_tells_what_it_has_after_a_moment() -> None:
    quick_only = asyncio.Event()

    async def answer(request: pb.ExecuteRequest) -> pb.ExecuteResponse | status_pb2.Status:
        if request.request_id != "quick":
            await quick_only.wait()
        return _response()

    answers = batch.answer_each(
        _requests(("quick", "slow", "slower", "slowest")), answer, pb.ExecuteBatchResponse.Answer, under_way=2
    )
    assert _names(await anext(answers)) == ["quick"]
    quick_only.set()
    assert sorted([name async for gathered in answers for name in _names(gathered)]) == ["slow", "slower", "slowest"]


async def test_large_answers_get_messages_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_GATHER_SECONDS", _NEVER)

    async def large(request: pb.ExecuteRequest) -> pb.ExecuteResponse | status_pb2.Status:
        return _response(batch._GATHERED_BYTES)

    answers = batch.answer_each(_requests("abcd"), large, pb.ExecuteBatchResponse.Answer, under_way=2)
    assert [len(gathered) async for gathered in answers] == [1, 1, 1, 1]


async def test_an_id_that_is_unanswered_is_refused_and_may_come_again_once_answered() -> None:
    wait = asyncio.Event()

    async def answer(request: pb.ExecuteRequest) -> pb.ExecuteResponse | status_pb2.Status:
        await wait.wait()
        return _response()

    answers = batch.answer_each(_requests(("a", "a", "")), answer, pb.ExecuteBatchResponse.Answer, under_way=3)
    refused = list(await anext(answers))
    wait.set()
    rest = [one async for gathered in answers for one in gathered]
    kinds = sorted((one.request_id, one.WhichOneof("result") or "") for one in refused + rest)
    assert kinds == [("", "error"), ("a", "error"), ("a", "response")]


async def test_whoever_leaves_a_stream_ends_what_it_had_under_way() -> None:
    cancelled = []
    started = asyncio.Event()

    async def answer(request: pb.ExecuteRequest) -> pb.ExecuteResponse | status_pb2.Status:
        if request.request_id == "first":
            return _response()
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(request.request_id)
            raise
        raise AssertionError("unreachable")

    answers = batch.answer_each(_requests(("first", "second")), answer, pb.ExecuteBatchResponse.Answer, under_way=3)
    await anext(answers)
    await started.wait()
    await answers.aclose()  # type: ignore[attr-defined]
    assert cancelled == ["second"]


async def test_no_more_is_begun_for_a_caller_who_does_not_read() -> None:
    begun = 0

    async def large(request: pb.ExecuteRequest) -> pb.ExecuteResponse | status_pb2.Status:
        nonlocal begun
        begun += 1
        return _response(batch._UNREAD_BYTES)

    names = [str(number) for number in range(20)]
    answers = batch.answer_each(_requests(names), large, pb.ExecuteBatchResponse.Answer, under_way=2)
    told = _names(await anext(answers))
    await _settle()
    assert begun <= 5
    told += [name async for gathered in answers for name in _names(gathered)]
    assert sorted(told) == sorted(names)


async def test_refusals_that_are_not_read_do_not_pile_up() -> None:
    read = 0

    async def without_ids() -> AsyncIterator[pb.ExecuteRequest]:
        nonlocal read
        for _ in range(50_000):
            read += 1
            yield pb.ExecuteRequest()

    answers = batch.answer_each(without_ids(), _at_once, pb.ExecuteBatchResponse.Answer, under_way=2)
    refused = len(await anext(answers))
    before = 0
    while before < read:
        before = read
        await _settle()
    assert read < 50_000
    refused += sum([len(gathered) async for gathered in answers])
    assert refused == 50_000


async def _settle() -> None:
    """Let everything that can run, run."""
    for _ in range(100):
        await asyncio.sleep(0)
