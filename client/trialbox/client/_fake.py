"""A sandbox for users' own tests: it answers what it was told to and runs nothing."""

import copy
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self, TypeVar

from trialbox.client._errors import SandboxError
from trialbox.client._events import Event, Finished, Output, OutputStream, Started
from trialbox.client._requests import Limits, Program, Suite
from trialbox.client._results import Evaluation, Execution, IsolationPath, ServerInfo
from trialbox.client._wire import requests
from trialbox.client._wire.batches import evaluate_batch, is_result
from trialbox.client._wire.flight import IN_FLIGHT
from trialbox.client._wire.status import client_closed
from trialbox.client._wire.suites import SuiteIds
from trialbox.v1.sandbox_service_pb2 import EvaluateRequest, ExecuteRequest

Answer = Execution | Evaluation | SandboxError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result", Execution, Evaluation)


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeCall:
    """What a FakeSandbox was asked; `suite` is None for a program to run."""

    program: Program
    suite: Suite | None = None
    limits: Limits | None = None
    collect: Sequence[str] = ()
    case_seconds: float | None = None
    allow_shared: bool = True
    fresh: bool = False
    coverage: bool = False
    isolation: IsolationPath | str | None = None


class FakeSandbox:
    """Has the methods of `Sandbox` and answers from a script; it never runs a program.

    For code that is given a sandbox:

        box = FakeSandbox({"print(1)": Execution(outcome=Outcome.SUCCEEDED, exit_code=0, stdout=b"1")})
        assert what_it_prints(box, "print(1)") == b"1"
        assert [call.program.source for call in box.calls] == ["print(1)"]

    Requests are written as for a real service, so that what the SDK itself refuses is refused here too. The
    `*_many` methods answer in the order given.

    Attributes:
        calls: Everything it was asked, in order.
    """

    def __init__(
        self,
        answers: Mapping[str | bytes, Answer] | Callable[[FakeCall], Answer],
        *,
        info: ServerInfo | None = None,
    ) -> None:
        """Take the script.

        Args:
            answers: By a program's source, as text or as bytes, or made from the call. An error is raised
                instead of returned.
            info: What `server_info` answers; None means a server of version "fake" that tells nothing else.
        """
        self.calls: list[FakeCall] = []
        self._answers = answers
        self._info = info or ServerInfo(version="fake")
        self._is_closed = False

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
        """Answer as the script says; the arguments are as in `Sandbox.run`.

        Raises:
            SandboxError: The script says so, or the SDK refused the request.
            LookupError: The script doesn't know the program.
        """
        program = requests.as_program(
            program, files=files, args=args, stdin=stdin, env=env, runtime=runtime, hash_seed=hash_seed
        )
        requests.given_deadline(deadline_seconds, limits)
        request = requests.execute_request(program, limits=limits, collect=collect, isolation=isolation)
        call = FakeCall(program=program, limits=limits, collect=collect, isolation=isolation)
        return self._answer(call, Execution, request)

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
        """Tell the script's execution as events: the whole of stdout, then the whole of stderr.

        The arguments are as in `Sandbox.stream`.

        Raises:
            SandboxError: The script says so, or the SDK refused the request.
            LookupError: The script doesn't know the program.
        """
        program = requests.as_program(
            program, files=files, args=args, stdin=stdin, env=env, runtime=runtime, hash_seed=hash_seed
        )
        requests.given_deadline(deadline_seconds, limits)
        request = requests.execute_request(program, limits=limits, collect=collect, isolation=isolation)
        call = FakeCall(program=program, limits=limits, collect=collect, isolation=isolation)
        return self._events(call, request)

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
        """Answer as the script says; the arguments are as in `Sandbox.evaluate`.

        Raises:
            SandboxError: The script says so, or the SDK refused the request.
            LookupError: The script doesn't know the program.
        """
        requests.given_deadline(deadline_seconds, limits)
        options: dict[str, Any] = {
            "limits": limits,
            "case_seconds": case_seconds,
            "allow_shared": allow_shared,
            "fresh": fresh,
            "coverage": coverage,
            "isolation": isolation,
        }
        request = evaluate_batch(SuiteIds(), **options).request_of((program, suite))
        call = FakeCall(program=requests.as_program(program), suite=suite, **options)
        return self._answer(call, Evaluation, request)

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
        """Answer one by one as the script says; the arguments are as in `Sandbox.run_many`.

        Raises:
            SandboxError: The script says so, or the SDK refused the request.
            LookupError: The script doesn't know a program.
        """
        requests.check_many("programs", programs)
        requests.check_in_flight(in_flight)
        return self._each(
            programs,
            lambda program: self.run(
                program, limits=limits, collect=collect, isolation=isolation, deadline_seconds=deadline_seconds
            ),
            on_error,
        )

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
        """Answer one by one as the script says; the arguments are as in `Sandbox.evaluate_many`.

        Raises:
            SandboxError: The script says so, or the SDK refused the request.
            LookupError: The script doesn't know a program.
        """
        requests.check_many("pairs", pairs)
        requests.check_in_flight(in_flight)
        return self._each(
            pairs,
            lambda pair: self.evaluate(
                *requests.as_pair(pair),
                limits=limits,
                case_seconds=case_seconds,
                allow_shared=allow_shared,
                fresh=fresh,
                coverage=coverage,
                isolation=isolation,
                deadline_seconds=deadline_seconds,
            ),
            on_error,
        )

    def server_info(self) -> ServerInfo:
        """Return the script's `info`.

        Raises:
            CallCancelledError: The sandbox is closed.
        """
        self._check_open()
        return self._info

    def close(self) -> None:
        """Refuse everything from now on."""
        self._is_closed = True

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise client_closed()

    def _answer(self, call: FakeCall, kind: type[_Result], request: ExecuteRequest | EvaluateRequest) -> _Result:
        self._check_open()
        self.calls.append(call)
        source = request.program.source
        answer = self._answers(call) if callable(self._answers) else self._written(self._answers, source)
        if isinstance(answer, SandboxError):
            # A copy: the same answer may be given again.
            error = copy.copy(answer)
            error.request_id = request.request_id
            raise error
        if not isinstance(answer, kind):
            raise LookupError(f"the script answers {answer!r} where {kind.__name__} is wanted")
        return replace(answer, request_id=request.request_id)

    def _events(self, call: FakeCall, request: ExecuteRequest) -> Generator[Event, None, None]:
        execution = self._answer(call, Execution, request)
        yield Started(request_id=execution.request_id, isolation=execution.isolation)
        if execution.stdout:
            yield Output(OutputStream.STDOUT, execution.stdout)
        if execution.stderr:
            yield Output(OutputStream.STDERR, execution.stderr)
        yield Finished(execution)

    @staticmethod
    def _written(answers: Mapping[str | bytes, Answer], source: bytes) -> Answer:
        # Text and what is sent of it are one program, whichever the script has.
        try:
            return answers[source if source in answers else source.decode("utf-8", "surrogatepass")]
        except (KeyError, UnicodeDecodeError):
            raise LookupError(f"the script has no answer to {source!r}") from None

    @staticmethod
    def _each(
        items: Iterable[_Item],
        answer: Callable[[_Item], _Result],
        on_error: Callable[[SandboxError], object] | None,
    ) -> Iterator[_Result]:
        for index, item in enumerate(items):
            try:
                outcome: _Result | SandboxError = replace(answer(item), index=index)
            except SandboxError as error:
                error.index = index
                outcome = error
            if is_result(outcome, on_error):
                yield outcome
