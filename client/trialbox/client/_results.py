"""What came back: executions, evaluations and what a server offers."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from trialbox.client._requests import Limits


class Outcome(enum.StrEnum):
    """How a program ended. Infrastructure failure is an exception, never an outcome."""

    SUCCEEDED = "SUCCEEDED"
    """Exit status 0."""
    FAILED = "FAILED"
    """Any other exit status."""
    SIGNALED = "SIGNALED"
    """Ended by a signal that trialbox did not send."""
    WALL_TIME_EXCEEDED = "WALL_TIME_EXCEEDED"
    CPU_TIME_EXCEEDED = "CPU_TIME_EXCEEDED"
    MEMORY_EXCEEDED = "MEMORY_EXCEEDED"
    OUTPUT_EXCEEDED = "OUTPUT_EXCEEDED"
    SYSCALL_DENIED = "SYSCALL_DENIED"
    CANCELLED = "CANCELLED"
    NO_OUTPUT_TIME_EXCEEDED = "NO_OUTPUT_TIME_EXCEEDED"
    """It wrote nothing for as long as it may."""


class Verdict(enum.StrEnum):
    """What a case found."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    """A wrong value."""
    ERROR = "ERROR"
    """An exception, or a process that ended before it answered."""
    TIMED_OUT = "TIMED_OUT"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    NOT_RUN = "NOT_RUN"


class Trust(enum.StrEnum):
    """What stood between a verdict and the program that it judges."""

    SEPARATED = "SEPARATED"
    """Expected values were never in the program's process."""
    SHARED = "SHARED"
    """Test and program ran together."""


class IsolationPath(enum.StrEnum):
    """The way a program is isolated."""

    COLD = "cold"
    """A jail of its own, started for this execution."""
    WARM = "warm"
    """A fresh set of namespaces inside a jail kept ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramException:
    """An uncaught exception, as the program's own stderr told it; `line` is 0 where none is known."""

    type: str
    message: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an execution used, its whole process tree counted. Queue and set-up are not the program's."""

    wall_seconds: float = 0.0
    user_cpu_seconds: float = 0.0
    system_cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    peak_processes: int | None = None
    """None where the kernel keeps no such counter."""
    queue_seconds: float = 0.0
    setup_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """The isolation an execution really had.

    Attributes:
        path: None where the server names one that this SDK doesn't know.
        waived_layers: Layers not in force, which the operator waived by name.
    """

    path: IsolationPath | None = None
    waived_layers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedFile:
    """A file that matched `collect` and was not returned; not every file name is UTF-8."""

    path: bytes
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What a program did.

    Attributes:
        outcome: How it ended.
        exit_code: Set when the program exited by itself.
        signal: Set when a signal ended it, trialbox's own included.
        stdout: Head and tail; what lay between is dropped and `stdout_truncated` says so.
        stderr: The same.
        stdout_truncated: Whether some of stdout was dropped.
        stderr_truncated: Whether some of stderr was dropped.
        exception: The uncaught exception, where there was one.
        files: The files that `collect` asked for, by path relative to the workspace.
        skipped_files: The files that matched and were not returned.
        usage: What it used.
        isolation: The isolation it really had.
        request_id: The name the request went by; retries keep it.
        index: The place of its program in the input of `run_many`, counted from 0; None elsewhere.
    """

    outcome: Outcome
    exit_code: int | None = None
    signal: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    exception: ProgramException | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    skipped_files: tuple[SkippedFile, ...] = ()
    usage: Usage = field(default_factory=Usage)
    isolation: Isolation = field(default_factory=Isolation)
    request_id: str = ""
    index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """The verdict of one case.

    Attributes:
        verdict: What was found.
        trust: What stood between verdict and program.
        actual: Repr of what the program gave, shortened.
        expected: Repr of what it should have given, shortened.
        message: Says why for anything but PASSED.
        wall_seconds: Elapsed time of this case.
        exception: Where the program or the test code raised.
        shared_reason: Why test and program could not be kept apart, where trust is SHARED.
        arcs: Where coverage was asked for: steps from one line of the program to the next, from 0 where a function is
            entered. The program's process tells them, so they are a claim.
    """

    verdict: Verdict
    trust: Trust = Trust.SHARED
    actual: str = ""
    expected: str = ""
    message: str = ""
    wall_seconds: float = 0.0
    exception: ProgramException | None = None
    shared_reason: str = ""
    arcs: tuple[tuple[int, int], ...] = ()

    @property
    def lines(self) -> tuple[int, ...]:
        """The lines of the program that the case ran, where coverage was asked for."""
        return tuple(sorted({line for _, line in self.arcs}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The verdicts of one program on one suite.

    Attributes:
        cases: One for each case, in the suite's order.
        usage: Summed over the processes used; peaks are the highest.
        isolation: The isolation they really had.
        request_id: The name the request went by; retries keep it.
        index: The place of its pair in the input of `evaluate_many`, counted from 0; None elsewhere.
    """

    cases: tuple[CaseResult, ...]
    usage: Usage = field(default_factory=Usage)
    isolation: Isolation = field(default_factory=Isolation)
    request_id: str = ""
    index: int | None = None

    @property
    def passed(self) -> bool:
        """Whether there is at least one case and every case passed."""
        return bool(self.cases) and all(case.verdict is Verdict.PASSED for case in self.cases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A named interpreter that a server offers."""

    name: str
    python_version: str
    is_default: bool = False


class LayerState(enum.StrEnum):
    """Whether a layer of the isolation is in force."""

    ON = "on"
    WAIVED = "waived"
    """Missing, and the operator accepted it by name."""
    OFF = "off"
    """Missing: the server does not serve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of the isolation, as the server found it at start.

    Attributes:
        name: Its name.
        state: Whether it is in force.
        evidence: How it was probed and what was seen.
        remedy: What to do about it; empty when on.
    """

    name: str
    state: LayerState
    evidence: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInfo:
    """What a server offers and how well it isolates."""

    version: str
    runtimes: tuple[Runtime, ...] = ()
    default_limits: Limits = field(default_factory=Limits)
    maximum_limits: Limits = field(default_factory=Limits)
    default_case_seconds: float = 0.0
    slots: int = 0
    layers: tuple[Layer, ...] = ()
