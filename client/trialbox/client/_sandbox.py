"""The synchronous client."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from trialbox.client._connection import Connection
from trialbox.client._errors import SandboxError
from trialbox.client._events import Event
from trialbox.client._local import START_SECONDS, LocalServer
from trialbox.client._requests import Limits, Program, Suite
from trialbox.client._results import Evaluation, Execution, IsolationPath, ServerInfo
from trialbox.client._wire import answers, batches, requests
from trialbox.client._wire.channel import Endpoint
from trialbox.client._wire.flight import IN_FLIGHT, Flight
from trialbox.client._wire.suites import SuiteIds
from trialbox.v1.sandbox_service_pb2 import ExecuteRequest, GetServerInfoRequest


class Sandbox:
    """Runs and grades programs that nobody trusts. Safe to share between threads.

    Every method raises SandboxError, or one of its children, when the infrastructure failed or refused; what a
    program did wrong is in its outcome. Every call has a deadline: `deadline_seconds`, or else the program's
    wall limit (the server's where none is given) and 60 s for the queue. For a stream of many it bounds
    the wait for the next answer instead of the whole.
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
        """Prepare to call a running service; the connection is made by the first call.

        Args:
            address: `host:port`, `dns:///name:port` (calls go round all its addresses) or `unix:/path`.
            token: Sent as a bearer token with every call; without `tls` it travels in the clear.
            tls: True trusts the system's certificate authorities, a path those in that PEM file.
            retry: Whether a call that was lost or that a full server refused is tried again, under the same
                request id: after four losses in a row, or four refusals, no more.
            certificate: The PEM files of a client certificate and of its key, shown to a service that asks for one.

        Raises:
            InvalidRequestError: The address or the token is none, or a certificate is given without `tls`.
            OSError: A PEM file can't be read.
        """
        self._connection = Connection(Endpoint(address, token, tls, retry, certificate))
        self._retry = retry
        self._server: LocalServer | None = None
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
        """Start a private server, stopped by `close` or with this process; needs `trialbox[server]`.

        Args:
            slots: How many programs run at once; None means the server's default.
            settings: Further settings of the server, by name (`queue_size`); they win over the environment.
            start_seconds: How long to wait until it serves.

        Raises:
            InvalidRequestError: A setting is no string.
            LocalServerError: It did not start.
        """
        server = LocalServer(slots=slots, settings=settings)
        server.wait(start_seconds)
        box = cls(server.address)
        box._server = server
        return box

    def run(
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
        """Run one program and return what it did; Ctrl-C meanwhile cancels it on the server.

        Args:
            program: A program, or its source.
            files: This and the next five take the place of the program's own, where given.
            args: As in Program.
            stdin: As in Program.
            env: As in Program.
            runtime: As in Program.
            hash_seed: As in Program.
            limits: What it may use; None, or a None in it, means the server's default.
            collect: Globs, relative to the workspace, of files to return.
            isolation: How to isolate it; None means the server's choice.
            deadline_seconds: See the class.

        Raises:
            SandboxError: The infrastructure failed, or refused.
        """
        program = requests.as_program(
            program, files=files, args=args, stdin=stdin, env=env, runtime=runtime, hash_seed=hash_seed
        )
        request = requests.execute_request(program, limits=limits, collect=collect, isolation=isolation)
        seconds = self._run_deadline(deadline_seconds, limits)
        return answers.execution(request, self._connection.call("Execute", request, seconds))

    def stream(
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
    ) -> Generator[Event, None, None]:
        """Run one program and yield what happens to it: Started, Output as it comes, Finished.

        The arguments are as in `run`. The call is made when the first event is asked for. Closing the generator
        before its end, or Ctrl-C meanwhile, ends the program; a reader that takes its time does not hold it up.

        A call that met an unavailable or full server is tried again until the first event, and not after: when the
        server dies midway, UnavailableError is raised. Execution is pure, so the program may be run again from the
        start.

        Raises:
            SandboxError: The infrastructure failed, or refused.
        """
        program = requests.as_program(
            program, files=files, args=args, stdin=stdin, env=env, runtime=runtime, hash_seed=hash_seed
        )
        request = requests.execute_request(program, limits=limits, collect=collect, isolation=isolation)
        return self._events(request, self._run_deadline(deadline_seconds, limits))

    def evaluate(
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
        """Grade one program on a suite; Ctrl-C meanwhile cancels it on the server.

        Args:
            program: A program, or its source.
            suite: The cases.
            limits: What the evaluation may use; wall and CPU seconds bound the whole of it. Left out, they are the
                server's default for evaluations: 120 seconds, unless it is told otherwise.
            case_seconds: Elapsed seconds a case may take; None means the server's default.
            allow_shared: Whether test and program may run together where they can't be kept apart.
            fresh: Whether every case gets a process of its own.
            coverage: Whether to tell which lines of the program each Call and Check ran; the program runs several times
                slower.
            isolation: How to isolate it; None means the server's choice.
            deadline_seconds: See the class.

        Raises:
            InvalidRequestError: A value in a Call can't be encoded, or the server refused the request.
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
        seconds = self._evaluate_deadline(deadline_seconds, limits)
        try:
            response = self._connection.call("Evaluate", request, seconds)
        except SandboxError as error:
            if not batch.mend(request, error):
                raise
            response = self._connection.call("Evaluate", request, seconds)
        return batch.result_of(request, response, None)

    def run_many(
        self,
        programs: Iterable[Program | str | bytes],
        *,
        ordered: bool = False,
        in_flight: int = IN_FLIGHT,
        limits: Limits | None = None,
        collect: Sequence[str] = (),
        isolation: IsolationPath | str | None = None,
        on_error: Callable[[SandboxError], object] | None = None,
        deadline_seconds: float | None = None,
    ) -> Iterator[Execution]:
        """Run many programs over one stream and yield what each did; `index` says which.

        What the infrastructure failed at is sent again (unless `retry=False`); a full queue is waited for.

        Args:
            programs: Read lazily, in this thread, while a result is waited for.
            ordered: Whether to yield in the order given, instead of as they finish.
            in_flight: How many may be sent, or finished and waiting for their turn, at once.
            limits: As in `run`, for each program.
            collect: As in `run`, for each program.
            isolation: As in `run`, for each program.
            on_error: Called for each program that failed for good, its `index` set, in place of a result.
                Without it the first such error is raised and ends the rest.
            deadline_seconds: See the class.

        Raises:
            SandboxError: The infrastructure failed, or refused.
        """
        requests.check_many("programs", programs)
        batch = batches.execute_batch(limits=limits, collect=collect, isolation=isolation)
        flight = Flight(batch, in_flight=in_flight, ordered=ordered, retry=self._retry)
        seconds = self._run_deadline(deadline_seconds, limits)
        return self._connection.stream("ExecuteBatch", programs, flight, seconds, on_error)

    def evaluate_many(
        self,
        pairs: Iterable[tuple[Program | str | bytes, Suite]],
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
    ) -> Iterator[Evaluation]:
        """Grade many programs over one stream, each on its suite; everything else is as in `run_many`.

        Raises:
            SandboxError: The infrastructure failed, or refused.
        """
        requests.check_many("pairs", pairs)
        batch = batches.evaluate_batch(
            self._suite_ids,
            limits=limits,
            case_seconds=case_seconds,
            allow_shared=allow_shared,
            fresh=fresh,
            coverage=coverage,
            isolation=isolation,
        )
        flight = Flight(batch, in_flight=in_flight, ordered=ordered, retry=self._retry)
        seconds = self._evaluate_deadline(deadline_seconds, limits)
        return self._connection.stream("EvaluateBatch", pairs, flight, seconds, on_error)

    def server_info(self) -> ServerInfo:
        """Ask what the server offers and how well it isolates.

        Raises:
            SandboxError: The infrastructure failed, or refused.
        """
        return answers.server_info(
            self._connection.call("GetServerInfo", GetServerInfoRequest(), requests.INFO_SECONDS)
        )

    def close(self) -> None:
        """Give up the calls that are under way, and stop the embedded server; may be called twice."""
        self._connection.close()
        if self._server:
            self._server.stop()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _events(self, request: ExecuteRequest, seconds: float) -> Generator[Event, None, None]:
        with closing(self._connection.events(request, seconds)) as responses:
            for response in responses:
                event = answers.event(request, response)
                if event is not None:
                    yield event

    def _run_deadline(self, seconds: float | None, limits: Limits | None) -> float:
        given = requests.given_deadline(seconds, limits)
        return requests.server_deadline(self._learnt().default_limits) if given is None else given

    def _evaluate_deadline(self, seconds: float | None, limits: Limits | None) -> float:
        # A server may give a long suite more time than a program, up to its ceiling.
        given = requests.given_deadline(seconds, limits)
        return requests.server_deadline(self._learnt().maximum_limits) if given is None else given

    def _learnt(self) -> ServerInfo:
        self._info = self._info or self.server_info()
        return self._info
