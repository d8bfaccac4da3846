"""What a batch sends, sends again and hands out, decided without any I/O."""

from typing import Any

import grpc
import pytest
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2
from hypothesis import given
from hypothesis import strategies as st
from scripted_service import answer, answers, status

from trialbox.client import Execution, InternalError, InvalidRequestError, SandboxError, UnavailableError
from trialbox.client._wire.batches import execute_batch
from trialbox.client._wire.flight import Flight
from trialbox.client._wire.status import stream_ended
from trialbox.v1 import sandbox_service_pb2 as pb

_BROKEN = status(grpc.StatusCode.UNAVAILABLE, "SANDBOX_BROKEN")


def _flight(*, in_flight: int = 100, ordered: bool = False, retry: bool = True) -> Flight[Any, Any, Execution]:
    batch = execute_batch(limits=None, collect=(), isolation=None)
    return Flight(batch, in_flight=in_flight, ordered=ordered, retry=retry)


def _sent(flight: Flight[Any, Any, Execution], *programs: str, now: float = 0.0) -> list[pb.ExecuteRequest]:
    for program in programs:
        flight.add(program, now)
    return _due(flight, now)


def _due(flight: Flight[Any, Any, Execution], now: float) -> list[pb.ExecuteRequest]:
    return [request for message in flight.take_due(now) for request in message.requests]


def _error(request: pb.ExecuteRequest, written: Any) -> pb.ExecuteBatchResponse:
    return answers(pb.ExecuteBatchResponse.Answer(request_id=request.request_id, error=written))


def _outputs(flight: Flight[Any, Any, Execution]) -> list[Any]:
    return [result.stdout if isinstance(result, Execution) else type(result) for result in flight.results()]


def test_what_is_sent_is_not_due_again() -> None:
    flight = _flight()
    assert len(_sent(flight, "a", "b")) == 2
    assert flight.take_due(1e9) == []


def test_small_requests_share_a_message_and_large_ones_do_not() -> None:
    flight = _flight()
    for program in ("a", "b", "#" * 300_000, "#" * 200_000, "#" * 50_000, "c"):
        flight.add(program, 0.0)
    assert [len(message.requests) for message in flight.take_due(0.0)] == [2, 1, 3]


def test_the_first_to_finish_is_handed_out_first() -> None:
    flight = _flight()
    a, b = _sent(flight, "a", "b")
    assert flight.receive(answer(b), 0.0)
    assert _outputs(flight) == [b"b"]
    assert flight.receive(answer(a), 0.0)
    assert [result.index for result in flight.results() if isinstance(result, Execution)] == [0]
    assert not flight.is_waiting


def test_order_holds_results_back_and_those_take_room() -> None:
    flight = _flight(ordered=True, in_flight=2)
    a, b = _sent(flight, "a", "b")
    flight.receive(answer(b), 0.0)
    assert _outputs(flight) == []
    assert not flight.has_room
    flight.receive(answer(a), 0.0)
    assert _outputs(flight) == [b"a", b"b"]
    assert flight.has_room


@given(st.permutations(range(8)), st.booleans())
def test_each_item_comes_out_once_whatever_order_answers_come_in(order: list[int], ordered: bool) -> None:
    flight = _flight(ordered=ordered)
    requests = _sent(flight, *map(str, range(8)))
    indices = []
    for number in order:
        flight.receive(answer(requests[number]), 0.0)
        indices += [result.index for result in flight.results()]
    assert indices == (list(range(8)) if ordered else list(order))


def test_a_broken_slot_is_asked_again_after_growing_pauses_and_at_most_five_times() -> None:
    flight = _flight()
    (request,) = _sent(flight, "a")
    now, pauses = 0.0, []
    while not flight.receive(_error(request, _BROKEN), now):
        pauses.append(round(flight.next_due_seconds() - now, 9))
        assert flight.take_due(flight.next_due_seconds() - 0.01) == []
        now = flight.next_due_seconds()
        assert _due(flight, now) == [request]
    assert pauses == [0.2, 0.4, 0.8, 1.6]
    (error,) = flight.results()
    assert isinstance(error, UnavailableError)
    assert (error.request_id, error.index, error.reason) == (request.request_id, 0, "SANDBOX_BROKEN")


def test_a_full_queue_is_waited_for_as_long_as_it_takes() -> None:
    delay = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=3))
    flight = _flight()
    (request,) = _sent(flight, "a")
    for turn in range(50):
        full = status(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL", delay)
        assert not flight.receive(_error(request, full), turn * 3.0)
        assert flight.next_due_seconds() == turn * 3.0 + 3
        assert len(flight.take_due(turn * 3.0 + 3)) == 1
    assert flight.receive(answer(request), 150.0)


def test_what_no_retry_can_help_is_final() -> None:
    flight = _flight()
    a, b = _sent(flight, "a", "b")
    assert flight.receive(_error(a, status(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")), 0.0)
    assert flight.receive(answer(b), 0.0)
    assert _outputs(flight) == [InvalidRequestError, b"b"]


def test_a_lost_stream_sends_again_what_was_sent_and_nothing_else() -> None:
    flight = _flight()
    a, b, c = _sent(flight, "a", "b", "c")
    flight.receive(answer(b), 0.0)
    flight.receive(_error(c, _BROKEN), 0.0)
    flight.lose_stream(stream_ended(), 10.0)
    # C was not with the server, so its own pause of 0.2 s stands and is long over.
    assert _due(flight, 10.0) == [c]
    assert _due(flight, 10.2) == [a]


def test_without_retries_a_lost_stream_fails_what_was_on_it_by_name() -> None:
    flight = _flight(retry=False)
    requests = _sent(flight, "a", "b")
    flight.lose_stream(stream_ended(), 0.0)
    errors = [error for error in flight.results() if isinstance(error, SandboxError)]
    assert [(error.index, error.request_id) for error in errors] == [
        (index, request.request_id) for index, request in enumerate(requests)
    ]


def test_a_stream_lost_for_good_is_raised() -> None:
    flight = _flight()
    _sent(flight, "a")
    with pytest.raises(InternalError):
        flight.lose_stream(InternalError("broken"), 0.0)


def test_an_item_that_cannot_be_written_fails_in_its_place() -> None:
    flight = _flight(ordered=True)
    flight.add("a", 0.0)
    flight.add(3, 0.0)
    (request,) = _sent(flight)
    flight.receive(answer(request), 0.0)
    assert _outputs(flight) == [b"a", InvalidRequestError]


def test_an_answer_to_nothing_breaks_the_contract() -> None:
    flight = _flight()
    (request,) = _sent(flight, "a")
    for request_id in ("other", request.request_id):
        wrong = answers(pb.ExecuteBatchResponse.Answer(request_id=request_id))
        with pytest.raises(InternalError):
            flight.receive(wrong, 0.0)


def test_an_error_that_says_ok_is_an_infrastructure_failure() -> None:
    flight = _flight()
    (request,) = _sent(flight, "a")
    assert flight.receive(_error(request, status(grpc.StatusCode.OK, "")), 0.0)
    assert _outputs(flight) == [InternalError]


def test_nothing_in_flight_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="in_flight"):
        _flight(in_flight=0)
