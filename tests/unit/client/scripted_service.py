"""A real gRPC service in this process, which does what a test tells it to."""

import hashlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from trialbox.v1 import MAX_MESSAGE_BYTES, evaluation_pb2, execution_pb2
from trialbox.v1 import sandbox_service_pb2 as pb
from trialbox.v1.sandbox_service_pb2_grpc import SandboxServiceServicer, add_SandboxServiceServicer_to_server

PATIENCE_SECONDS = 20.0
"""How long a test waits for what must happen."""

Context = Any


class ScriptedService(SandboxServiceServicer):
    """Keeps every request; `execute`, `stream` and `batch` say how to answer the next ones."""

    def __init__(self) -> None:
        self.requests: list[pb.ExecuteRequest] = []
        self.streams: list[list[str]] = []
        self.info_calls = 0
        self.cancelled = threading.Event()
        self.refused = threading.Event()
        """Set by `failing_in_turn`."""
        self.execute: Callable[[pb.ExecuteRequest, Context], pb.ExecuteResponse] = lambda request, _: succeeded(request)
        self.stream: Callable[[pb.ExecuteRequest, Context], Iterator[pb.ExecuteStreamResponse]] = events
        self.batch: Callable[[Iterator[pb.ExecuteRequest], Context], Iterator[pb.ExecuteBatchResponse]] = answer_all
        self.evaluations: list[pb.EvaluateRequest] = []
        self.suites: dict[bytes, evaluation_pb2.Suite] = {}
        """Those it knows by an id; every suite it is sent, from then on."""

    def Execute(self, request: pb.ExecuteRequest, context: Context) -> pb.ExecuteResponse:
        self.requests.append(request)
        return self.execute(request, context)

    def ExecuteStream(self, request: pb.ExecuteStreamRequest, context: Context) -> Iterator[pb.ExecuteStreamResponse]:
        self.requests.append(request.request)
        self._note_end(context)
        yield from self.stream(request.request, context)

    def ExecuteBatch(
        self, request_iterator: Iterator[pb.ExecuteBatchRequest], context: Context
    ) -> Iterator[pb.ExecuteBatchResponse]:
        seen: list[str] = []
        self.streams.append(seen)
        self._note_end(context)

        def requests() -> Iterator[pb.ExecuteRequest]:
            for message in request_iterator:
                for request in message.requests:
                    seen.append(request.request_id)
                    yield request

        yield from self.batch(requests(), context)

    def Evaluate(self, request: pb.EvaluateRequest, context: Context) -> pb.EvaluateResponse:
        result = self.passed(request)
        return abort(context, result) if isinstance(result, status_pb2.Status) else result

    def EvaluateBatch(
        self, request_iterator: Iterator[pb.EvaluateBatchRequest], context: Context
    ) -> Iterator[pb.EvaluateBatchResponse]:
        for message in request_iterator:
            for request in message.requests:
                result = self.passed(request)
                told = {"error" if isinstance(result, status_pb2.Status) else "response": result}
                one = pb.EvaluateBatchResponse.Answer(request_id=request.request_id, **told)
                yield pb.EvaluateBatchResponse(answers=[one])

    def passed(self, request: pb.EvaluateRequest) -> pb.EvaluateResponse | status_pb2.Status:
        """What a program gets that is right, unless nobody knows the suite."""
        self.evaluations.append(request)
        suite_id = request.suite_id
        if request.WhichOneof("task") == "suite":
            suite_id = hashlib.sha256(request.suite.SerializeToString(deterministic=True)).digest()
            self.suites[suite_id] = request.suite
        if suite_id not in self.suites:
            return status(grpc.StatusCode.NOT_FOUND, "UNKNOWN_SUITE")
        verdict = evaluation_pb2.CaseResult(verdict=evaluation_pb2.VERDICT_PASSED)
        cases = [verdict] * len(self.suites[suite_id].cases)
        return pb.EvaluateResponse(evaluation=evaluation_pb2.Evaluation(cases=cases, suite_id=suite_id))

    def GetServerInfo(self, request: pb.GetServerInfoRequest, context: Context) -> pb.GetServerInfoResponse:
        self.info_calls += 1
        return pb.GetServerInfoResponse(
            version="scripted",
            default_limits=execution_pb2.Limits(wall_seconds=1),
            maximum_limits=execution_pb2.Limits(wall_seconds=2),
        )

    def hang(self, request: pb.ExecuteRequest, context: Context) -> pb.ExecuteResponse:
        """Answer only when the caller has gone away."""
        self._note_end(context)
        self.cancelled.wait(PATIENCE_SECONDS)
        return succeeded(request)

    def _note_end(self, context: Context) -> None:
        # False: it has ended already.
        if not context.add_callback(self.cancelled.set):
            self.cancelled.set()


@contextmanager
def serving(service: ScriptedService, folder: Path) -> Iterator[str]:
    """Serve on a Unix socket and give its address."""
    address = f"unix:{folder / 's'}"
    server = grpc.server(
        futures.ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)]
    )
    add_SandboxServiceServicer_to_server(service, server)
    server.add_insecure_port(address)
    server.start()
    try:
        yield address
    finally:
        server.stop(None).wait()


def succeeded(request: pb.ExecuteRequest) -> pb.ExecuteResponse:
    """What an echo of the program's source would give."""
    return pb.ExecuteResponse(
        execution=execution_pb2.Execution(
            request_id=request.request_id, outcome=execution_pb2.OUTCOME_SUCCEEDED, stdout=request.program.source
        )
    )


def started(request: pb.ExecuteRequest) -> pb.ExecuteStreamResponse:
    """The first event of a stream."""
    return pb.ExecuteStreamResponse(started=pb.ExecuteStreamResponse.Started(request_id=request.request_id))


def events(request: pb.ExecuteRequest, context: Context) -> Iterator[pb.ExecuteStreamResponse]:
    """The same as a stream, with its output in chunks of one byte."""
    yield started(request)
    for offset in range(len(request.program.source)):
        chunk = pb.ExecuteStreamResponse.Output(data=request.program.source[offset : offset + 1], offset=offset)
        yield pb.ExecuteStreamResponse(stdout=chunk)
    yield pb.ExecuteStreamResponse(finished=succeeded(request).execution)


def answer(request: pb.ExecuteRequest) -> pb.ExecuteBatchResponse:
    """The same on a stream."""
    return answers(pb.ExecuteBatchResponse.Answer(request_id=request.request_id, response=succeeded(request)))


def answers(*several: pb.ExecuteBatchResponse.Answer) -> pb.ExecuteBatchResponse:
    """One message of a stream."""
    return pb.ExecuteBatchResponse(answers=several)


def answer_all(requests: Iterator[pb.ExecuteRequest], context: Context) -> Iterator[pb.ExecuteBatchResponse]:
    """Answer each request of a stream as it comes."""
    yield from map(answer, requests)


def status(code: grpc.StatusCode, reason: str, *details: Message, message: str = "as scripted") -> status_pb2.Status:
    """A status as trialbox's server writes it."""
    written = status_pb2.Status(code=code.value[0], message=message)
    for detail in (error_details_pb2.ErrorInfo(reason=reason, domain="trialbox"), *details):
        packed = any_pb2.Any()
        packed.Pack(detail)
        written.details.append(packed)
    return written


def abort(context: Context, written: status_pb2.Status, *, pushback_milliseconds: int | None = None) -> Any:
    """End a call with a status and its details."""
    metadata: list[tuple[str, str | bytes]] = [("grpc-status-details-bin", written.SerializeToString())]
    if pushback_milliseconds is not None:
        metadata.append(("grpc-retry-pushback-ms", str(pushback_milliseconds)))
    context.set_trailing_metadata(metadata)
    code = next(code for code in grpc.StatusCode if code.value[0] == written.code)
    context.abort(code, written.message)


def failing_first(service: ScriptedService, times: int, written: status_pb2.Status) -> None:
    """Make the first calls of Execute fail, and the next succeed."""
    failing_in_turn(service, [written] * times)


def failing_in_turn(service: ScriptedService, failures: Sequence[status_pb2.Status]) -> None:
    """Make the first calls of Execute fail, each in its own way, and the next succeed."""
    left: queue.SimpleQueue[status_pb2.Status] = queue.SimpleQueue()
    for written in failures:
        left.put(written)

    def execute(request: pb.ExecuteRequest, context: Context) -> pb.ExecuteResponse:
        try:
            written = left.get_nowait()
        except queue.Empty:
            return succeeded(request)
        service.refused.set()
        abort(context, written, pushback_milliseconds=1)
        raise AssertionError("abort returned")

    service.execute = execute
