"""The server's own values for evaluations: cases in, verdicts out."""

import enum
from dataclasses import dataclass

from trialbox.server.model import IsolationPath, Limits, Program, ProgramException, Usage

TEXT_LIMIT = 2000
"""Characters of a repr or a message that are kept at most."""


def shortened(text: str, limit: int) -> str:
    """Cut a text for people to read, showing that it was cut."""
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"


def exception_text(told: ProgramException) -> str:
    """Put an exception in one phrase."""
    text = f"{told.type}: {told.message}" if told.message else told.type
    return f"{text} (line {told.line})" if told.line else text


class Verdict(enum.Enum):
    """What became of a case; the words are the contract's."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    ERROR = "ERROR"
    TIMED_OUT = "TIMED_OUT"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    NOT_RUN = "NOT_RUN"


class Trust(enum.Enum):
    """Whether expected values were ever in the program's process."""

    SEPARATED = "SEPARATED"
    SHARED = "SHARED"


class Comparison(enum.Enum):
    """How a Stdio case's output is compared."""

    LINES = "LINES"
    BYTES = "BYTES"
    TOKENS = "TOKENS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Arguments and expected value in the value encoding; tolerances of 0 mean exact."""

    entry_point: str
    arguments: bytes
    keyword_arguments: bytes
    expected: bytes
    relative_tolerance: float = 0.0
    absolute_tolerance: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Test code."""

    source: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stdio:
    """Input to give and output to expect."""

    stdin: bytes
    expected: bytes
    comparison: Comparison


Case = Call | Check | Stdio


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationJob:
    """One program and the cases to grade it by.

    `limits.wall_seconds` and `limits.cpu_seconds` bound the whole; `case_seconds` is
    elapsed time for one case.
    """

    program: Program
    setup: bytes
    cases: tuple[Case, ...]
    limits: Limits
    case_seconds: float
    isolation: IsolationPath = IsolationPath.COLD
    forbid_shared: bool = False
    fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """The verdict of one case, and why."""

    verdict: Verdict
    trust: Trust = Trust.SHARED
    actual: str = ""
    expected: str = ""
    message: str = ""
    wall_seconds: float = 0.0
    exception: ProgramException | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One result for each case, in order."""

    cases: tuple[CaseResult, ...]
    usage: Usage
