"""The client for asyncio."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from trialbox.client._async_connection import AsyncConnection
from trialbox.client._errors import SandboxError
from trialbox.client._events import Event
from trialbox.client._local import START_SECONDS, LocalServer
from trialbox.client._requests import Limits, Program, Suite
from trialbox.client._results import Evaluation, Execution, IsolationPath, ServerInfo
from trialbox.client._wire import answers, batches, requests
from trialbox.client._wire.channel import Endpoint
from trialbox.client._wire.flight import IN_FLIGHT, Flight
from trialbox.client._wire.suites import SuiteIds
from trialbox.v1.sandbox_service_pb2 import GetServerInfoRequest


class AsyncSandbox:
    """`Sandbox` for asyncio: the same methods, arguments and errors. It belongs to one event loop.

    A task that is cancelled cancels its call on the server.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        tls: bool | str | Path = False,
        retry: bool = True,
        certificate: tuple[str | Path, str | Path] | None = None,
    ) -> None:
        """As in Sandbox, but PEM files are read by the first call."""
        self._endpoint = Endpoint(address, token, tls, retry, certificate)
        self._server: LocalServer | None = None
        self._start_seconds = START_SECONDS
        self._info: ServerInfo | None = None
        self._suite_ids = SuiteIds()

    @classmethod
    def local(
        cls,
        *,
        slots: int | None = None,
        settings: Mapping[str, str] | None = None,
        start_seconds: float = START_SECONDS,
    ) -> Self:
        """As in Sandbox, to be used by `async with`, which waits until the server serves."""
        server = LocalServer(slots=slots, settings=settings)
        box = cls(server.address)
        box._server = server
        box._start_seconds = start_seconds
        return box

    async def run(
        self,
        program: Program | str | bytes,
        *,
        files: Mapping[str, str | bytes] | None = None,
        args: Sequence[str] | None = None,
        stdin: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        runtime: str | None = None,
        hash_seed: int | None = None,
        limits: Limits | None = None,
        collect: Sequence[str] = (),
        isolation: IsolationPath | str | None = None,
        deadline_seconds: float | None = None,
    ) -> Execution:
        """Run one program and return what it did; the arguments are as in `Sandbox.run`.

        Raises:
            SandboxError: The infrastructure failed, or refused.
        """
        program = requests.as_program(
            program, files=files, args=args, stdin=stdin, env=env, runtime=runtime, hash_seed=hash_seed
        )
        request = requests.execute_request(program, limits=limits, collect=collect, isolation=isolation)
        seconds = await self._run_deadline(deadline_seconds, limits)
        return answers.execution(request, await self._connection.call("Execute", request, seconds))

    async def stream(
        self,
        program: Program | str | bytes,
        *,
        files: Mapping[str, str | bytes] | None = None,
        args: Sequence[str] | None = None,
        stdin: str | bytes | None = None,
        env: Mapping[str, str] | None = None,
        runtime: str | None = None,
        hash_seed: int | None = None,
        limits: Limits | None = None,
        collect: Sequence[str] = (),
        isolation: IsolationPath | str | None = None,
        deadline_seconds: float | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Run one program and yield what happens to it; everything is as in `Sandbox.stream`.

        Leave a loop over it early inside `contextlib.aclosing`: only closing the generator ends the program at once.

        Raises:
            SandboxError: The infrastructure failed, or refused.
        """
        program = requests.as_program(
            program, files=files, args=args, stdin=stdin, env=env, runtime=runtime, hash_seed=hash_seed
        )
        request = requests.execute_request(program, limits=limits, collect=collect, isolation=isolation)
        seconds = await self._run_deadline(deadline_seconds, limits)
        async with aclosing(self._connection.events(request, seconds)) as responses:
            async for response in responses:
                event = answers.event(request, response)
                if event is not None:
                    yield event

    async def evaluate(
        self,
        program: Program | str | bytes,
        suite: Suite,
        *,
        limits: Limits | None = None,
        case_seconds: float | None = None,
        allow_shared: bool = True,
        fresh: bool = False,
        coverage: bool = False,
        isolation: IsolationPath | str | None = None,
        deadline_seconds: float | None = None,
    ) -> Evaluation:
        """Grade one program on a suite; the arguments are as in `Sandbox.evaluate`.

        Raises:
            SandboxError: The infrastructure failed, or refused.
        """
        batch = batches.evaluate_batch(
            self._suite_ids,
            limits=limits,
            case_seconds=case_seconds,
            allow_shared=allow_shared,
            fresh=fresh,
            coverage=coverage,
            isolation=isolation,
        )
        request = batch.request_of((program, suite))
        seconds = await self._evaluate_deadline(deadline_seconds, limits)
        try:
            response = await self._connection.call("Evaluate", request, seconds)
        except SandboxError as error:
            if not batch.mend(request, error):
                raise
            response = await self._connection.call("Evaluate", request, seconds)
        return batch.result_of(request, response, None)

    async def run_many(
        self,
        programs: Iterable[Program | str | bytes] | AsyncIterable[Program | str | bytes],
        *,
        ordered: bool = False,
        in_flight: int = IN_FLIGHT,
        limits: Limits | None = None,
        collect: Sequence[str] = (),
        isolation: IsolationPath | str | None = None,
        on_error: Callable[[SandboxError], object] | None = None,
        deadline_seconds: float | None = None,
    ) -> AsyncGenerator[Execution, None]:
        """Run many programs over one stream; the arguments are as in `Sandbox.run_many`.

        The input may be an asynchronous iterable too.

        Raises:
            SandboxError: The infrastructure failed, or refused.
        """
        requests.check_many("programs", programs, methods=("__iter__", "__aiter__"))
        batch = batches.execute_batch(limits=limits, collect=collect, isolation=isolation)
        flight = Flight(batch, in_flight=in_flight, ordered=ordered, retry=self._endpoint.retry)
        seconds = await self._run_deadline(deadline_seconds, limits)
        results = self._connection.stream("ExecuteBatch", programs, flight, seconds, on_error)
        async with aclosing(results):
            async for result in results:
                yield result

    async def evaluate_many(
        self,
        pairs: Iterable[tuple[Program | str | bytes, Suite]] | AsyncIterable[tuple[Program | str | bytes, Suite]],
        *,
        ordered: bool = False,
        in_flight: int = IN_FLIGHT,
        limits: Limits | None = None,
        case_seconds: float | None = None,
        allow_shared: bool = True,
        fresh: bool = False,
        coverage: bool = False,
        isolation: IsolationPath | str | None = None,
        on_error: Callable[[SandboxError], object] | None = None,
        deadline_seconds: float | None = None,
    ) -> AsyncGenerator[Evaluation, None]:
        """Grade many programs over one stream; the arguments are as in `Sandbox.evaluate_many`.

        The input may be an asynchronous iterable too.

        Raises:
            SandboxError: The infrastructure failed, or refused.
        """
        requests.check_many("pairs", pairs, methods=("__iter__", "__aiter__"))
        batch = batches.evaluate_batch(
            self._suite_ids,
            limits=limits,
            case_seconds=case_seconds,
            allow_shared=allow_shared,
            fresh=fresh,
            coverage=coverage,
            isolation=isolation,
        )
        flight = Flight(batch, in_flight=in_flight, ordered=ordered, retry=self._endpoint.retry)
        seconds = await self._evaluate_deadline(deadline_seconds, limits)
        results = self._connection.stream("EvaluateBatch", pairs, flight, seconds, on_error)
        async with aclosing(results):
            async for result in results:
                yield result

    async def server_info(self) -> ServerInfo:
        """Ask what the server offers and how well it isolates.

        Raises:
            SandboxError: The infrastructure failed, or refused.
        """
        return answers.server_info(
            await self._connection.call("GetServerInfo", GetServerInfoRequest(), requests.INFO_SECONDS)
        )

    async def close(self) -> None:
        """Give up the calls that are under way, and stop the embedded server; may be called twice."""
        await self._connection.close()
        if self._server:
            await asyncio.to_thread(self._server.stop)

    async def __aenter__(self) -> Self:
        """Wait until the embedded server serves, where there is one, and return itself.

        Raises:
            LocalServerError: It did not start.
        """
        if self._server:
            await self._server.wait_async(self._start_seconds)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    @cached_property
    def _connection(self) -> AsyncConnection:
        # Made late, because a channel of gRPC's belongs to the event loop that runs at the time.
        return AsyncConnection(self._endpoint)

    async def _run_deadline(self, seconds: float | None, limits: Limits | None) -> float:
        given = requests.given_deadline(seconds, limits)
        return requests.server_deadline((await self._learnt()).default_limits) if given is None else given

    async def _evaluate_deadline(self, seconds: float | None, limits: Limits | None) -> float:
        # A server may give a long suite more time than a program, up to its ceiling.
        given = requests.given_deadline(seconds, limits)
        return requests.server_deadline((await self._learnt()).maximum_limits) if given is None else given

    async def _learnt(self) -> ServerInfo:
        self._info = self._info or await self.server_info()
        return self._info
