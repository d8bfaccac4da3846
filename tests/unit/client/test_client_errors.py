"""Whatever gRPC reports arrives as one exception of the drawn tree."""

import asyncio
import copy
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from scripted_service import ScriptedService, abort, failing_first, failing_in_turn, serving, status

from trialbox.client import (
    AsyncSandbox,
    CallCancelledError,
    DeadlineExceededError,
    InternalError,
    InvalidRequestError,
    Limits,
    MessageTooLargeError,
    QueueFullError,
    ResourceExhaustedError,
    Sandbox,
    SandboxError,
    ServerInfo,
    UnavailableError,
    _errors,
)
from trialbox.client._wire.status import BY_CODE

_FAILURES = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]
# A server that stops may end calls with CANCELLED.
_LOST = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED]
_REFUSED = grpc.StatusCode.RESOURCE_EXHAUSTED
_LIMITS = Limits(wall_seconds=5)


def _full(seconds: float) -> Status:
    """The refusal of a full server: there may be room after so many seconds."""
    delay = duration_pb2.Duration()
    delay.FromMilliseconds(round(seconds * 1000))
    return status(_REFUSED, "QUEUE_FULL", error_details_pb2.RetryInfo(retry_delay=delay))


def _fail(service: ScriptedService, code: grpc.StatusCode, reason: str = "SOME_REASON", *details: object) -> None:
    written = status(code, reason, *details)  # type: ignore[arg-type]
    # A negative pushback is a server's word that a retry is of no use.
    service.execute = lambda _, context: abort(context, written, pushback_milliseconds=-1)


@pytest.mark.parametrize("code", _FAILURES)
def test_every_status_becomes_a_sandbox_error(service: ScriptedService, client: Sandbox, code: grpc.StatusCode) -> None:
    _fail(service, code)
    with pytest.raises(SandboxError) as raised:
        client.run("", limits=_LIMITS)
    _check(raised.value, service, code)


@pytest.mark.parametrize("code", _FAILURES)
async def test_every_status_becomes_a_sandbox_error_on_asyncio(
    service: ScriptedService, async_client: AsyncSandbox, code: grpc.StatusCode
) -> None:
    _fail(service, code)
    with pytest.raises(SandboxError) as raised:
        await async_client.run("", limits=_LIMITS)
    _check(raised.value, service, code)


def _check(error: SandboxError, service: ScriptedService, code: grpc.StatusCode) -> None:
    assert type(error) is BY_CODE[code]
    assert (error.code, error.reason, str(error)) == (code, "SOME_REASON", "as scripted")
    assert error.request_id == service.requests[-1].request_id != ""
    assert error.retryable is (code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED))


def test_the_table_knows_every_status() -> None:
    assert set(BY_CODE) == set(_FAILURES)


def test_a_full_queue_says_when_to_try_again(service: ScriptedService, client: Sandbox) -> None:
    failing_first(service, 100, _full(1000.5))
    with pytest.raises(QueueFullError) as raised:
        client.run("", limits=_LIMITS)
    assert raised.value.retryable
    assert raised.value.retry_after_seconds == 1000.5


def test_a_message_too_large_is_not_worth_another_try(service: ScriptedService, client: Sandbox) -> None:
    _fail(service, grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")
    with pytest.raises(MessageTooLargeError) as raised:
        client.run("", limits=_LIMITS)
    assert not raised.value.retryable


def test_a_bad_request_names_its_fields(service: ScriptedService, client: Sandbox) -> None:
    violation = error_details_pb2.BadRequest.FieldViolation(field="limits.processes", description="is 0")
    _fail(
        service,
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_REQUEST",
        error_details_pb2.BadRequest(field_violations=[violation]),
    )
    with pytest.raises(InvalidRequestError) as raised:
        client.run("", limits=_LIMITS)
    assert [(it.field, it.description) for it in raised.value.violations] == [("limits.processes", "is 0")]


def test_details_that_make_no_sense_are_left_out(service: ScriptedService, client: Sandbox) -> None:
    def execute(_: object, context: grpc.ServicerContext) -> None:
        context.set_trailing_metadata((("grpc-status-details-bin", b"\xff\xff"),))
        context.abort(grpc.StatusCode.INTERNAL, "still told")

    service.execute = execute  # type: ignore[assignment]
    with pytest.raises(InternalError, match="still told") as raised:
        client.run("", limits=_LIMITS)
    assert raised.value.reason == ""


def test_a_reason_from_another_domain_is_not_ours(service: ScriptedService, client: Sandbox) -> None:
    written = status(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL")
    info = error_details_pb2.ErrorInfo(reason="QUEUE_FULL", domain="elsewhere.example")
    written.details[0].Pack(info)
    service.execute = lambda _, context: abort(context, written, pushback_milliseconds=-1)
    with pytest.raises(ResourceExhaustedError) as raised:
        client.run("", limits=_LIMITS)
    assert type(raised.value) is ResourceExhaustedError
    assert not raised.value.retryable


def test_a_server_that_is_not_there_is_unavailable(tmp_path: object) -> None:
    address = f"unix:{tmp_path}/nobody"
    with Sandbox(address, retry=False) as client, pytest.raises(UnavailableError) as raised:
        client.run("", limits=_LIMITS)
    assert (raised.value.reason, raised.value.retryable) == ("NOT_REACHED", True)
    assert str(raised.value).startswith(f"no server answers at {address}; if one did, it has stopped: ")


@pytest.mark.parametrize("retry", [True, False])
def test_a_server_that_is_gone_is_told_from_one_that_never_was(
    service: ScriptedService, tmp_path: Path, retry: bool
) -> None:
    with serving(service, tmp_path) as address:
        client = Sandbox(address, retry=retry)
        client.run("", limits=_LIMITS)
    with client, pytest.raises(UnavailableError) as raised:
        client.run("", limits=_LIMITS)
    assert (raised.value.reason, raised.value.retryable) == ("CONNECTION_LOST", True)
    assert str(raised.value).startswith(f"the server at {address} stopped, or the connection to it was lost: ")


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            ":",
            "127.0.0.1",
            "localhost",
            "host:",
            ":50051",
            "host:port",
            "host:0",
            "host:65536",
            "::1",
            "::1:50051",
        ),
        *(
            "unix:",
            "http://host:50051",
            "dns:///host",
            "dns:host",
            "ipv4:1.2.3.4:1,5.6.7.8",
            "grpc://host:1",
            50051,
            None,
        ),
    ],
)
def test_an_address_that_says_too_little_is_refused_before_any_call(address: Any) -> None:
    for kind in (Sandbox, AsyncSandbox):
        with pytest.raises(InvalidRequestError, match=r"address: is .*; HOST:PORT or unix:PATH is wanted"):
            kind(address)


@pytest.mark.parametrize(
    "address",
    [
        *("host:50051", "127.0.0.1:1", "[::1]:50051", "unix:/a/b", "unix:b", "unix:///a/b", "unix-abstract:name"),
        *(
            "dns:///host:50051",
            "dns:host:1",
            "dns://1.1.1.1/host:1",
            "ipv4:1.2.3.4:1,5.6.7.8:2",
            "ipv6:[::1]:1",
            "xds:///x",
        ),
    ],
)
def test_every_address_that_grpc_can_connect_to_is_taken(address: str) -> None:
    Sandbox(address).close()


def test_the_deadline_ends_the_call_here_and_on_the_server(service: ScriptedService, client: Sandbox) -> None:
    service.execute = service.hang
    with pytest.raises(DeadlineExceededError) as raised:
        client.run("", limits=_LIMITS, deadline_seconds=0.2)
    assert isinstance(raised.value, TimeoutError)
    assert "did not answer Execute within 0.2 s, the wait for a slot included" in str(raised.value)
    assert raised.value.reason == "DEADLINE_EXCEEDED"
    assert service.cancelled.wait(20)


def test_a_deadline_is_set_on_every_call_and_learnt_only_once(service: ScriptedService, client: Sandbox) -> None:
    remaining = []

    def execute(request: object, context: grpc.ServicerContext) -> None:
        remaining.append(context.time_remaining())
        abort(context, status(grpc.StatusCode.INTERNAL, "DONE"))

    service.execute = execute  # type: ignore[assignment]
    for limits in (None, None, Limits(wall_seconds=100)):
        with pytest.raises(InternalError):
            client.run("", limits=limits)
    assert [round(seconds, -1) for seconds in remaining] == [60, 60, 160]
    assert service.info_calls == 1


def test_a_closed_client_says_so(client: Sandbox) -> None:
    client.close()
    client.close()
    for call in (
        lambda: client.run("", limits=_LIMITS),
        lambda: list(client.run_many([""], limits=_LIMITS)),
        client.server_info,
    ):
        with pytest.raises(CallCancelledError, match="closed"):
            call()


async def test_a_closed_client_says_so_on_asyncio(async_client: AsyncSandbox) -> None:
    await async_client.close()
    with pytest.raises(CallCancelledError, match="closed"):
        await async_client.run("", limits=_LIMITS)
    with pytest.raises(CallCancelledError, match="closed"):
        await anext(aiter(async_client.run_many([""], limits=_LIMITS)))


@pytest.mark.parametrize("duplicate", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_errors_cross_processes_whole(duplicate: object) -> None:
    error = InvalidRequestError.of_field("limits.processes", "is 0")
    error.request_id, error.index = "r", 3
    twin = duplicate(error)  # type: ignore[operator]
    assert (type(twin), str(twin), vars(twin)) == (InvalidRequestError, str(error), vars(error))


def test_the_tree_is_as_drawn() -> None:
    drawn = []
    path: list[str] = []
    for line in (_errors.__doc__ or "").splitlines():
        if match := re.match(r"    ([│├└─ ]*)(\w+Error\b)(?: \((\w+)\))?", line):
            del path[len(match[1]) // 4 :]
            drawn.append((match[2], (*path[-1:], *((match[3],) if match[3] else ()))))
            path.append(match[2])
    real = [
        (name, tuple(base.__name__ for base in kind.__bases__ if base is not Exception))
        for name, kind in vars(_errors).items()
        if isinstance(kind, type) and issubclass(kind, SandboxError)
    ]
    assert sorted(drawn) == sorted(real)


def test_the_info_comes_back_whole(client: Sandbox) -> None:
    assert client.server_info() == ServerInfo(
        version="scripted", default_limits=Limits(wall_seconds=1), maximum_limits=Limits(wall_seconds=2)
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [*((code, "SOME_REASON") for code in _LOST), *((_REFUSED, reason) for reason in ("QUEUE_FULL", "QUOTA_EXCEEDED"))],
)
def test_what_is_worth_a_retry_is_tried_again_under_the_same_id(
    service: ScriptedService, client: Sandbox, code: grpc.StatusCode, reason: str
) -> None:
    failing_first(service, 2, status(code, reason))
    execution = client.run("x", limits=_LIMITS)
    assert execution.stdout == b"x"
    assert [request.request_id for request in service.requests] == [execution.request_id] * 3


@pytest.mark.parametrize(
    ("written", "error"),
    [(status(grpc.StatusCode.UNAVAILABLE, "SANDBOX_BROKEN"), UnavailableError), (_full(0.01), QueueFullError)],
)
def test_there_is_an_end_to_trying(
    service: ScriptedService, client: Sandbox, written: Status, error: type[SandboxError]
) -> None:
    failing_first(service, 100, written)
    with pytest.raises(error):
        client.run("", limits=_LIMITS)
    assert len(service.requests) == 5


def test_a_refusal_that_is_given_up_tells_how_often_it_came(service: ScriptedService, client: Sandbox) -> None:
    failing_first(service, 100, _full(0.01))
    with pytest.raises(QueueFullError) as raised:
        client.run("", limits=_LIMITS)
    assert raised.value.__notes__ == ["It was refused 5 times."]


_FULL_THEN_LOST = [_full(0.01)] * 4 + [status(grpc.StatusCode.UNAVAILABLE, "SANDBOX_BROKEN")] * 4


def test_a_refusal_is_no_attempt_of_what_is_lost(service: ScriptedService, client: Sandbox) -> None:
    failing_in_turn(service, _FULL_THEN_LOST)
    client.run("", limits=_LIMITS)
    assert len({request.request_id for request in service.requests}) == 1
    assert len(service.requests) == 9


async def test_a_refusal_is_no_attempt_of_what_is_lost_on_asyncio(
    service: ScriptedService, async_client: AsyncSandbox
) -> None:
    failing_in_turn(service, _FULL_THEN_LOST)
    await async_client.run("", limits=_LIMITS)
    assert len({request.request_id for request in service.requests}) == 1
    assert len(service.requests) == 9


def test_nobody_waits_for_an_attempt_that_the_deadline_forbids(service: ScriptedService, client: Sandbox) -> None:
    failing_first(service, 100, _full(1000))
    with pytest.raises(QueueFullError):
        client.run("", limits=_LIMITS)
    assert len(service.requests) == 1


def test_closing_the_client_ends_the_wait_for_the_next_attempt(service: ScriptedService, client: Sandbox) -> None:
    failing_first(service, 100, _full(10))
    with ThreadPoolExecutor() as pool:
        call = pool.submit(client.run, "", limits=_LIMITS)
        assert service.refused.wait(20)
        client.close()
        with pytest.raises(CallCancelledError, match="closed"):
            call.result()


async def test_closing_the_client_ends_the_wait_for_the_next_attempt_on_asyncio(
    service: ScriptedService, async_client: AsyncSandbox
) -> None:
    failing_first(service, 100, _full(10))
    call = asyncio.create_task(async_client.run("", limits=_LIMITS))
    assert await asyncio.to_thread(service.refused.wait, 20)
    await async_client.close()
    with pytest.raises(CallCancelledError, match="closed"):
        await call


@pytest.mark.parametrize("code", [code for code in _FAILURES if code not in _LOST])
def test_nothing_else_is_tried_again(service: ScriptedService, client: Sandbox, code: grpc.StatusCode) -> None:
    failing_first(service, 100, status(code, "SOME_REASON"))
    with pytest.raises(SandboxError):
        client.run("", limits=_LIMITS)
    assert len(service.requests) == 1


def test_retries_can_be_turned_off(service: ScriptedService, address: str) -> None:
    failing_first(service, 100, status(grpc.StatusCode.UNAVAILABLE, "SANDBOX_BROKEN"))
    with Sandbox(address, retry=False) as client, pytest.raises(UnavailableError):
        client.run("", limits=_LIMITS)
    assert len(service.requests) == 1


def test_a_large_request_is_tried_again_too(service: ScriptedService, client: Sandbox) -> None:
    failing_first(service, 1, status(grpc.StatusCode.UNAVAILABLE, "SANDBOX_BROKEN"))
    client.run(bytes(1024 * 1024), limits=_LIMITS)
    assert len(service.requests) == 2


def test_the_token_goes_with_every_call(service: ScriptedService, address: str) -> None:
    seen = []

    def execute(_: object, context: grpc.ServicerContext) -> None:
        seen.append(dict(context.invocation_metadata())["authorization"])
        abort(context, status(grpc.StatusCode.UNAUTHENTICATED, "WRONG_TOKEN"))

    service.execute = execute  # type: ignore[assignment]
    with Sandbox(address, token="secret") as client, pytest.raises(SandboxError) as raised:
        client.run("", limits=_LIMITS)
    assert seen == ["Bearer secret"]
    assert "secret" not in repr(vars(client)) + str(raised.value)
