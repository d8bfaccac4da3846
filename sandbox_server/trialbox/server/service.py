"""The gRPC service: only translates between the wire and the rest of the server."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import grpc
import structlog
from google.protobuf.message import Message
from google.rpc import status_pb2

from trialbox.server import identity, status, tracing, wire
from trialbox.server.accounts import Account, Accounts
from trialbox.server.batch import answer_each
from trialbox.server.evaluation import evaluate
from trialbox.server.grading import Verdict
from trialbox.server.judges import Judges
from trialbox.server.live import Live
from trialbox.server.metrics import Metrics
from trialbox.server.model import Caller, IsolationPath, Program, Usage
from trialbox.server.pool import Pool
from trialbox.server.quotas import QuotaExceededError
from trialbox.server.readiness import Readiness
from trialbox.server.tenants import AccessError
from trialbox.server.validation import MAXIMUM_REQUEST_ID_CHARACTERS
from trialbox.server.watching import Running, Watch
from trialbox.v1 import CLIENT_ID_KEY, MAX_MESSAGE_BYTES, sandbox_service_pb2, sandbox_service_pb2_grpc

# What a batch stream may have under way, by slot: enough that none idles.
_IN_FLIGHT_BY_SLOT = 2

_Request = TypeVar("_Request", sandbox_service_pb2.ExecuteRequest, sandbox_service_pb2.EvaluateRequest)
_Response = TypeVar("_Response", bound=Message)
_Job = TypeVar("_Job")
# Checking more than this may take longer than the event loop can spare.
_LARGE_BYTES = 256 << 10
# What the server keeps for a call, whatever its messages hold.
_CALL_BYTES = 32 << 10
# What a batch's answer adds to that of a single call.
_ENVELOPE_BYTES = 1024

_log = structlog.get_logger(__name__)


class SandboxService(sandbox_service_pb2_grpc.SandboxServiceServicer):
    """Answers requests with what the pool and the graders found."""

    def __init__(
        self,
        *,
        pool: Pool,
        judges: Judges,
        accounts: Accounts,
        metrics: Metrics,
        readiness: Readiness,
        runtimes: dict[str, str],
        version: str,
    ) -> None:
        self._pool = pool
        self._judges = judges
        self._accounts = accounts
        self._metrics = metrics
        self._readiness = readiness
        self._runtimes = runtimes
        self._version = version
        self._under_way = pool.permits * _IN_FLIGHT_BY_SLOT

    async def Execute(
        self,
        request: sandbox_service_pb2.ExecuteRequest,
        context: grpc.aio.ServicerContext[sandbox_service_pb2.ExecuteRequest, sandbox_service_pb2.ExecuteResponse],
    ) -> sandbox_service_pb2.ExecuteResponse:
        """Run one program."""
        return await self._or_abort(self._alone(self._execute, request, context), context)

    async def Evaluate(
        self,
        request: sandbox_service_pb2.EvaluateRequest,
        context: grpc.aio.ServicerContext[sandbox_service_pb2.EvaluateRequest, sandbox_service_pb2.EvaluateResponse],
    ) -> sandbox_service_pb2.EvaluateResponse:
        """Grade one program."""
        return await self._or_abort(self._alone(self._evaluate, request, context), context)

    async def ExecuteStream(
        self,
        request: sandbox_service_pb2.ExecuteStreamRequest,
        context: grpc.aio.ServicerContext[
            sandbox_service_pb2.ExecuteStreamRequest, sandbox_service_pb2.ExecuteStreamResponse
        ],
    ) -> AsyncIterator[sandbox_service_pb2.ExecuteStreamResponse]:
        """Run one program, tell what it puts out as it comes."""
        live = Live()
        asked = request.request
        asked.request_id = asked.request_id or uuid.uuid4().hex
        program = asyncio.create_task(self._alone(partial(self._execute, live=live), asked, context))
        program.add_done_callback(lambda _: live.end())
        # Whoever goes away while a message waits to be read is noticed here only.
        context.add_done_callback(lambda _: program.cancel())  # type: ignore[arg-type]  # the stub wants a class
        isolation = await live.start()
        if isolation is not None:
            yield wire.started(asked.request_id, isolation, self._readiness.waived)
            async for stream, offset, data in live.chunks():
                yield wire.output(stream, offset, data)
        response = await self._or_abort(program, context)
        yield sandbox_service_pb2.ExecuteStreamResponse(finished=response.execution)

    async def ExecuteBatch(
        self,
        request_iterator: AsyncIterator[sandbox_service_pb2.ExecuteBatchRequest],
        context: grpc.aio.ServicerContext[
            sandbox_service_pb2.ExecuteBatchRequest, sandbox_service_pb2.ExecuteBatchResponse
        ],
    ) -> AsyncIterator[sandbox_service_pb2.ExecuteBatchResponse]:
        """Run programs as they come, answer as they finish."""
        cancellable: dict[str, _Cancellable] = {}
        client = _client(context)

        async def requests() -> AsyncIterator[sandbox_service_pb2.ExecuteRequest]:
            async for message in request_iterator:
                for request_id in message.cancel_request_ids:
                    if request_id in cancellable:
                        cancellable[request_id].cancel()
                for request in message.requests:
                    yield request

        async def answer(
            request: sandbox_service_pb2.ExecuteRequest,
        ) -> sandbox_service_pb2.ExecuteResponse | status_pb2.Status:
            cancellable[request.request_id] = program = _Cancellable()
            try:
                with tracing.span("execution"):
                    return await self._or_status(self._execute(request, client, program.watch, bounded=False))
            finally:
                del cancellable[request.request_id]

        envelope = sandbox_service_pb2.ExecuteBatchResponse.Answer
        async with self._one_stream(context):
            async for answers in answer_each(
                requests(), answer, envelope, under_way=self._under_way, refuse=self.refuse
            ):
                yield sandbox_service_pb2.ExecuteBatchResponse(answers=answers)

    async def EvaluateBatch(
        self,
        request_iterator: AsyncIterator[sandbox_service_pb2.EvaluateBatchRequest],
        context: grpc.aio.ServicerContext[
            sandbox_service_pb2.EvaluateBatchRequest, sandbox_service_pb2.EvaluateBatchResponse
        ],
    ) -> AsyncIterator[sandbox_service_pb2.EvaluateBatchResponse]:
        """Grade programs as they come, answer as they finish."""
        requests = (request async for message in request_iterator for request in message.requests)
        client = _client(context)

        async def answer(
            request: sandbox_service_pb2.EvaluateRequest,
        ) -> sandbox_service_pb2.EvaluateResponse | status_pb2.Status:
            with tracing.span("evaluation"):
                return await self._or_status(self._evaluate(request, client, bounded=False))

        envelope = sandbox_service_pb2.EvaluateBatchResponse.Answer
        async with self._one_stream(context):
            async for answers in answer_each(requests, answer, envelope, under_way=self._under_way, refuse=self.refuse):
                yield sandbox_service_pb2.EvaluateBatchResponse(answers=answers)

    async def GetServerInfo(
        self,
        request: sandbox_service_pb2.GetServerInfoRequest,
        context: grpc.aio.ServicerContext[
            sandbox_service_pb2.GetServerInfoRequest, sandbox_service_pb2.GetServerInfoResponse
        ],
    ) -> sandbox_service_pb2.GetServerInfoResponse:
        """Tell what this server offers its caller and how well it isolates."""
        return await self._or_abort(self._or_status(self._server_info()), context)

    async def _server_info(self) -> sandbox_service_pb2.GetServerInfoResponse:
        bounds = (await self._admitted(bounded=True)).bounds
        return sandbox_service_pb2.GetServerInfoResponse(
            version=self._version,
            runtimes=[
                sandbox_service_pb2.Runtime(
                    name=name, python_version=python_version, is_default=name == bounds.default_runtime
                )
                for name, python_version in self._runtimes.items()
            ],
            default_limits=wire.limits(bounds.default_limits),
            maximum_limits=wire.limits(bounds.maximum_limits),
            default_case_seconds=bounds.default_case_seconds,
            slots=self._pool.permits,
            layers=[wire.layer(layer) for layer in self._readiness.layers],
        )

    async def _execute(
        self,
        request: sandbox_service_pb2.ExecuteRequest,
        client: str,
        watch: Watch | None = None,
        *,
        bounded: bool = True,
        live: Live | None = None,
    ) -> sandbox_service_pb2.ExecuteResponse:
        request_id = _identified(request)
        self._readiness.require()
        account = await self._admitted(bounded=bounded)
        job = await self._checked(account.validator.execution, request)
        if live is not None:
            job = replace(job, follower=live)
        tracing.asked(request_id, job.program.runtime, job.isolation.value, job.limits)
        begun = tracing.now()
        caller = Caller(account.tenant.name, client)
        done = await self._pool.execute(job, watch, caller=caller, bounded=bounded)
        tracing.note(outcome=done.outcome.value)
        tracing.phases(begun, done.usage, collects=bool(job.collect))
        self._metrics.executed(job, done, account.tenant.name)
        _log.debug("executed", outcome=done.outcome.value, **_log_fields(done.isolation, job.program, done.usage))
        return sandbox_service_pb2.ExecuteResponse(execution=wire.execution(request_id, done, self._readiness.waived))

    async def _evaluate(
        self, request: sandbox_service_pb2.EvaluateRequest, client: str, *, bounded: bool = True
    ) -> sandbox_service_pb2.EvaluateResponse:
        request_id = _identified(request)
        self._readiness.require()
        account = await self._admitted(bounded=bounded)
        job = await self._checked(account.validator.evaluation, request)
        tracing.asked(request_id, job.program.runtime, job.isolation.value, job.limits)
        known = len(job.expected)
        caller = Caller(account.tenant.name, client)
        begun = tracing.now()
        async with self._pool.permit(job.limits.memory_bytes, caller=caller, bounded=bounded) as permit:
            tracing.waited(begun, permit.waited_seconds)
            done = await evaluate(permit.execute, self._judges, job, caller=caller)
        if len(job.expected) != known:
            account.suites.grew(job.suite)
        passed = sum(case.verdict is Verdict.PASSED for case in done.cases)
        tracing.note(cases=len(done.cases), passed=passed)
        self._metrics.evaluated(job, done, account.tenant.name)
        fields = _log_fields(job.isolation, job.program, done.usage)
        _log.debug("evaluated", cases=len(done.cases), passed=passed, **fields)
        evaluation = wire.evaluation(request_id, done, job, self._readiness.waived)
        return sandbox_service_pb2.EvaluateResponse(evaluation=evaluation)

    async def _admitted(self, *, bounded: bool) -> Account:
        """Whose request this is, once the rate of these allows it; one of a stream waits until then."""
        account = self._accounts.of(identity.tenant())
        if bounded:
            account.rate.take()
        else:
            await account.rate.take_later()
        return account

    @contextlib.asynccontextmanager
    async def _one_stream(self, context: "grpc.aio.ServicerContext[Any, Any]") -> AsyncIterator[None]:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._accounts.of(identity.tenant()).streams.one(status.RETRY_SECONDS))
            except (AccessError, QuotaExceededError) as error:
                await status.abort(context, self.refuse(error))
            yield

    async def _alone(
        self,
        answer: Callable[[_Request, str], Awaitable[_Response]],
        request: _Request,
        context: "grpc.aio.ServicerContext[Any, Any]",
    ) -> _Response | status_pb2.Status:
        """Answer the request of a call that has no other; its messages count until the call has ended."""
        try:
            messages = self._accounts.of(identity.tenant()).messages
            held = messages.hold(request.ByteSize() + _CALL_BYTES, status.RETRY_SECONDS)
        except (AccessError, QuotaExceededError) as error:
            return self.refuse(error)
        context.add_done_callback(lambda _: held.release())  # type: ignore[arg-type]  # the stub wants a class
        result = await self._or_status(answer(request, _client(context)))
        held.add(result.ByteSize())
        return result

    async def _or_abort(
        self, answer: Awaitable[_Response | status_pb2.Status], context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> _Response:
        result = await answer
        if isinstance(result, status_pb2.Status):
            await status.abort(context, result)
        return result

    async def _or_status(self, answer: Awaitable[_Response]) -> _Response | status_pb2.Status:
        try:
            response = await answer
            if response.ByteSize() > MAX_MESSAGE_BYTES - _ENVELOPE_BYTES:
                raise status.AnswerTooLargeError(f"the answer has {response.ByteSize()} bytes")
            return response
        except Exception as error:  # every one is told to the caller, in one place
            return self.refuse(error)

    def refuse(self, error: Exception) -> status_pb2.Status:
        """Say what an error means to the caller, and take note of it."""
        refusal = status.of(error)
        reason = status.reason(refusal)
        self._metrics.refused(reason, identity.tenant_name())
        tracing.note(refused=reason)
        _log.debug("refused", reason=reason)
        return refusal

    async def _checked(self, check: Callable[[_Request], _Job], request: _Request) -> _Job:
        # Away from the event loop, which must stay quick for the clocks of programs under way.
        if request.ByteSize() > _LARGE_BYTES:
            return await asyncio.to_thread(check, request)
        return check(request)


class _Cancellable:
    """A program that may be ended before or after it has started."""

    def __init__(self) -> None:
        self._running: Running | None = None
        self._cancelled = False

    def watch(self, running: Running) -> None:
        """Take note that it has started."""
        self._running = running
        if self._cancelled:
            running.stop(b"cancelled")

    def cancel(self) -> None:
        """End it, now or as soon as it starts."""
        self._cancelled = True
        if self._running is not None:
            self._running.stop(b"cancelled")


def _client(context: "grpc.aio.ServicerContext[Any, Any]") -> str:
    """Which of its tenant's clients asks, and has judges of its own: by the id it gives itself, else its connection."""
    for key, value in context.invocation_metadata() or ():
        if key == CLIENT_ID_KEY:
            return str(value)
    peer = str(context.peer())
    # All that come by a Unix socket have the same.
    return uuid.uuid4().hex if peer.startswith("unix") else peer


def _identified(request: sandbox_service_pb2.ExecuteRequest | sandbox_service_pb2.EvaluateRequest) -> str:
    """The caller's name for a request, or one for it; what this request's task logs from here on goes by it."""
    request_id = request.request_id or uuid.uuid4().hex
    structlog.contextvars.bind_contextvars(request_id=request_id[:MAXIMUM_REQUEST_ID_CHARACTERS])  # not yet checked
    return request_id


def _log_fields(path: IsolationPath, program: Program, usage: Usage) -> dict[str, Any]:
    """What a log tells of every answer: nothing of what the program holds, or did."""
    return {
        "isolation": path.value,
        "runtime": program.runtime,
        "queue_seconds": usage.queue_seconds,
        "setup_seconds": usage.setup_seconds,
        "wall_seconds": usage.wall_seconds,
    }
