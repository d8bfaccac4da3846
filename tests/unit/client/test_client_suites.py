"""A large suite is sent to a server once, and again when that has forgotten it; nobody notices but the wire."""

import threading
from typing import Any

import grpc
import pytest
from scripted_service import ScriptedService, status

from trialbox.client import (
    AsyncSandbox,
    Check,
    Evaluation,
    InternalError,
    MessageTooLargeError,
    Sandbox,
    SandboxError,
    Suite,
)
from trialbox.client._wire import suites
from trialbox.client._wire.batches import evaluate_batch
from trialbox.client._wire.flight import Flight
from trialbox.client._wire.status import error_of_status
from trialbox.client._wire.suites import SuiteIds, written
from trialbox.v1 import MAX_MESSAGE_BYTES, evaluation_pb2
from trialbox.v1 import sandbox_service_pb2 as pb


def large(name: str = "") -> Suite:
    return Suite([Check("assert True  # " + name.ljust(5000)), Check("assert True")])


def kinds(service: ScriptedService) -> list[str | None]:
    """How the suite came with each request."""
    return [request.WhichOneof("task") for request in service.evaluations]


# --- Over the wire


def test_a_large_suite_is_sent_once_and_then_called_by_its_id(client: Sandbox, service: ScriptedService) -> None:
    suite = large()
    assert [client.evaluate("", suite).passed for _ in range(3)] == [True] * 3
    assert kinds(service) == ["suite", "suite_id", "suite_id"]
    assert service.evaluations[1].suite_id in service.suites


async def test_so_it_is_on_asyncio(async_client: AsyncSandbox, service: ScriptedService) -> None:
    suite = large()
    assert [(await async_client.evaluate("", suite)).passed for _ in range(2)] == [True] * 2
    service.suites.clear()
    assert (await async_client.evaluate("", suite)).passed
    pairs = [("", suite)] * 3
    assert [evaluation.passed async for evaluation in async_client.evaluate_many(pairs, in_flight=1)] == [True] * 3
    assert kinds(service) == ["suite", "suite_id", "suite_id", "suite", *["suite_id"] * 3]


def test_a_small_suite_is_sent_every_time(client: Sandbox, service: ScriptedService) -> None:
    for _ in range(3):
        assert client.evaluate("", Suite([Check("assert True")])).passed
    assert kinds(service) == ["suite"] * 3


def test_suites_of_one_content_are_one_suite_and_others_are_not(client: Sandbox, service: ScriptedService) -> None:
    for name in ("a", "a", "b", "b"):
        assert client.evaluate("", large(name)).passed
    assert kinds(service) == ["suite", "suite_id", "suite", "suite_id"]
    assert len(service.suites) == 2


def test_a_server_that_has_forgotten_a_suite_is_sent_it_again(client: Sandbox, service: ScriptedService) -> None:
    suite = large()
    client.evaluate("", suite)
    service.suites.clear()
    evaluation = client.evaluate("", suite)
    assert evaluation.passed
    assert len(evaluation.cases) == 2
    client.evaluate("", suite)
    assert kinds(service) == ["suite", "suite_id", "suite", "suite_id"]
    forgotten, again = service.evaluations[1:3]
    assert forgotten.request_id == again.request_id == evaluation.request_id


def test_another_client_knows_no_ids(client: Sandbox, address: str, service: ScriptedService) -> None:
    suite = large()
    client.evaluate("", suite)
    with Sandbox(address) as other:
        other.evaluate("", suite)
        other.evaluate("", suite)
    assert kinds(service) == ["suite", "suite", "suite_id"]


def test_a_stream_and_single_calls_share_what_they_learn(client: Sandbox, service: ScriptedService) -> None:
    suite = large()
    assert all(evaluation.passed for evaluation in client.evaluate_many([("", suite)] * 3, in_flight=1))
    client.evaluate("", suite)
    assert kinds(service) == ["suite", *["suite_id"] * 3]


@pytest.mark.parametrize("retry", [True, False])
def test_a_stream_sends_again_what_the_server_has_forgotten(
    address: str, service: ScriptedService, retry: bool
) -> None:
    suite = large()
    with Sandbox(address, retry=retry) as client:
        client.evaluate("", suite)
        service.suites.clear()
        found = list(client.evaluate_many([(str(number), suite) for number in range(5)], ordered=True, in_flight=2))
    assert [(evaluation.index, evaluation.passed) for evaluation in found] == [(number, True) for number in range(5)]
    assert kinds(service)[:2] == ["suite", "suite_id"]
    assert kinds(service)[-1] == "suite_id"
    # Only those that were on their way had to go again.
    assert kinds(service).count("suite") <= 1 + 2


# --- Without a wire


def _flight(ids: SuiteIds) -> Flight[Any, Any, Evaluation]:
    options: dict[str, Any] = {"case_seconds": None, "allow_shared": True, "fresh": False, "coverage": False}
    batch = evaluate_batch(ids, limits=None, isolation=None, **options)
    return Flight(batch, in_flight=100, ordered=True, retry=True)


def _due(flight: Flight[Any, Any, Evaluation], now: float = 0.0) -> list[pb.EvaluateRequest]:
    return [request for message in flight.take_due(now) for request in message.requests]


def _answered(request: pb.EvaluateRequest, **result: Any) -> pb.EvaluateBatchResponse:
    answer = pb.EvaluateBatchResponse.Answer(request_id=request.request_id, **result)
    return pb.EvaluateBatchResponse(answers=[answer])


def _passed(suite_id: bytes = b"id") -> pb.EvaluateResponse:
    cases = [evaluation_pb2.CaseResult(verdict=evaluation_pb2.VERDICT_PASSED)] * 2
    return pb.EvaluateResponse(evaluation=evaluation_pb2.Evaluation(cases=cases, suite_id=suite_id))


_UNKNOWN = status(grpc.StatusCode.NOT_FOUND, "UNKNOWN_SUITE")


def _knowing(suite: Suite, suite_id: bytes = b"id") -> SuiteIds:
    ids = SuiteIds()
    ids.learn(written(suite), _passed(suite_id))
    return ids


def test_what_was_forgotten_goes_out_again_at_once_and_as_often_as_the_server_forgets() -> None:
    suite = large()
    flight = _flight(_knowing(suite))
    for number in range(10):
        flight.add(("", suite), 0.0)
        (by_id,) = _due(flight)
        assert by_id.suite_id == b"id"
        assert not flight.receive(_answered(by_id, error=_UNKNOWN), 0.0)
        (whole,) = _due(flight)
        assert (whole.request_id, whole.suite) == (by_id.request_id, written(suite).message)
        assert flight.receive(_answered(whole, response=_passed()), 0.0)
        (evaluation,) = flight.results()
        assert isinstance(evaluation, Evaluation)
        assert (evaluation.index, evaluation.passed) == (number, True)


def test_a_server_that_does_not_know_what_it_was_sent_whole_has_failed() -> None:
    suite = large()
    flight = _flight(_knowing(suite))
    flight.add(("", suite), 0.0)
    (by_id,) = _due(flight)
    flight.receive(_answered(by_id, error=_UNKNOWN), 0.0)
    (whole,) = _due(flight)
    assert flight.receive(_answered(whole, error=_UNKNOWN), 0.0)
    (error,) = flight.results()
    assert isinstance(error, InternalError)
    assert (error.reason, error.index) == ("UNKNOWN_SUITE", 0)


def test_any_other_error_of_a_request_by_id_is_no_reason_to_send_the_suite() -> None:
    suite = large()
    flight = _flight(_knowing(suite))
    flight.add(("", suite), 0.0)
    (request,) = _due(flight)
    assert flight.receive(_answered(request, error=status(grpc.StatusCode.NOT_FOUND, "")), 0.0)
    (error,) = flight.results()
    assert isinstance(error, SandboxError)
    assert request.suite_id == b"id"


def test_a_stream_that_is_lost_loses_no_suite() -> None:
    suite = large()
    flight = _flight(_knowing(suite))
    flight.add(("", suite), 0.0)
    assert len(_due(flight)) == 1
    broken = error_of_status(status(grpc.StatusCode.UNAVAILABLE, "SANDBOX_BROKEN"), "", 0)
    flight.lose_stream(broken, 0.0)
    (again,) = _due(flight, 1.0)
    assert again.suite_id == b"id"
    assert not flight.receive(_answered(again, error=_UNKNOWN), 1.0)
    (whole,) = _due(flight, 1.0)
    assert flight.receive(_answered(whole, response=_passed()), 1.0)
    (evaluation,) = flight.results()
    assert isinstance(evaluation, Evaluation)


def test_a_server_that_gives_no_id_is_sent_the_suite_every_time() -> None:
    suite = large()
    ids = _knowing(suite, b"")
    request = pb.EvaluateRequest()
    ids.fill(request, written(suite))
    assert request.WhichOneof("task") == "suite"


def test_the_id_given_last_is_the_one_that_counts() -> None:
    suite = large()
    ids = _knowing(suite, b"old")
    ids.learn(written(suite), _passed(b"new"))
    request = pb.EvaluateRequest()
    ids.fill(request, written(suite))
    assert request.suite_id == b"new"


def test_of_very_many_suites_the_first_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suites, "_MAXIMUM_IDS", 3)
    ids = SuiteIds()
    several = [written(large(str(number))) for number in range(5)]
    for suite in several:
        ids.learn(suite, _passed())
    tasks = []
    for suite in several:
        request = pb.EvaluateRequest()
        ids.fill(request, suite)
        tasks.append(request.WhichOneof("task"))
    assert tasks == ["suite", "suite", "suite_id", "suite_id", "suite_id"]


def test_a_suite_is_written_once_however_often_it_is_sent() -> None:
    suite = large()
    assert written(suite) is written(suite)
    assert written(suite).digest == written(large()).digest
    assert suite == large()  # what was written is no part of it


def test_a_request_too_large_for_a_message_is_refused_with_its_suite_and_may_fit_without() -> None:
    suite = Suite([Check("#" * (MAX_MESSAGE_BYTES // 2))])
    program = "#" * (MAX_MESSAGE_BYTES // 2)
    flight = _flight(SuiteIds())
    flight.add((program, suite), 0.0)
    (error,) = flight.results()
    assert isinstance(error, MessageTooLargeError)
    flight = _flight(_knowing(suite))
    flight.add((program, suite), 0.0)
    assert [request.suite_id for request in _due(flight)] == [b"id"]


def test_several_threads_may_learn_and_forget_at_once() -> None:
    ids = SuiteIds()
    several = [written(large(str(number))) for number in range(20)]
    unknown = error_of_status(_UNKNOWN, "", 0)
    wrong: list[str | None] = []
    start = threading.Barrier(4)

    def use() -> None:
        start.wait()
        for suite in several * 20:
            request = pb.EvaluateRequest()
            ids.fill(request, suite)
            is_mended = ids.mend(request, suite, unknown)
            if request.suite != suite.message:
                wrong.append(request.WhichOneof("task"))
            ids.learn(suite, _passed(b"new" if is_mended else b"id"))

    threads = [threading.Thread(target=use, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
