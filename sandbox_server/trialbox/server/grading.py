"""The server's own values for evaluations: cases in, verdicts out."""

import enum
from dataclasses import dataclass, field

from trialbox.server.guest import comparators
from trialbox.server.model import IsolationPath, Limits, Program, ProgramException, Usage

TEXT_LIMIT = 2000
"""Characters of a repr or a message that are kept at most."""


MAXIMUM_LINE = 2**32 - 1
"""Of a program; what the contract's messages hold."""


def shortened(text: str, limit: int) -> str:
    """Cut a text for people to read, showing that it was cut."""
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"


def exception_text(told: ProgramException) -> str:
    """Put an exception in one phrase."""
    text = f"{told.type}: {told.message}" if told.message else told.type
    return f"{text} (line {told.line})" if told.line else text


def told_exception(kind: bytes, message: bytes, line: bytes, *, limit: int) -> ProgramException:
    """Read what a record tells of an exception, its texts cut to `limit` characters; raises ValueError."""
    if not 0 <= int(line) <= MAXIMUM_LINE:
        raise ValueError("no line of a program")
    return ProgramException(
        type=shortened(kind.decode(), limit), message=shortened(message.decode(), limit), line=int(line)
    )


def arcs_from(text: bytes) -> tuple[tuple[int, int], ...]:
    """Read `from-to,from-to,…` of line numbers; raises ValueError."""
    arcs = set()
    for arc in text.split(b",") if text else ():
        start, end = map(int, arc.split(b"-"))
        arcs.add((min(start, MAXIMUM_LINE), min(end, MAXIMUM_LINE)))
    return tuple(sorted(arcs))


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


class Rule(enum.IntEnum):
    """How an answer is compared with the expected value; the numbers are those of guest/comparators.py."""

    EQUAL = comparators.EQUAL
    UNORDERED = comparators.UNORDERED
    EVALPLUS = comparators.EVALPLUS
    EVALPLUS_SET = comparators.EVALPLUS_SET
    EVALPLUS_NOT_NONE = comparators.EVALPLUS_NOT_NONE
    EVALPLUS_ROOT = comparators.EVALPLUS_ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Arguments and expected value in the value encoding; tolerances of 0 mean exact."""

    entry_point: str
    arguments: bytes
    keyword_arguments: bytes
    expected: bytes | None
    """None where the suite's oracle of this number says."""
    oracle: int | None = None
    rule: Rule = Rule.EQUAL
    relative_tolerance: float = 0.0
    absolute_tolerance: float = 0.0
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Test code."""

    source: bytes
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stdio:
    """Input to give and output to expect."""

    stdin: bytes
    expected: bytes
    comparison: Comparison


Case = Call | Check | Stdio


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """The cases for one task."""

    cases: tuple[Case, ...]
    setup: bytes = b""
    oracles: tuple[bytes, ...] = ()
    expected: dict[str, dict[int, bytes]] = field(default_factory=dict)
    """What oracles gave in earlier evaluations, by runtime, for interpreters may differ, and case."""
    suite_id: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationJob:
    """One program and the suite to grade it by.

    `limits.wall_seconds` and `limits.cpu_seconds` bound the whole; `case_seconds` is
    elapsed time for one case.
    """

    program: Program
    suite: Suite
    limits: Limits
    case_seconds: float
    isolation: IsolationPath = IsolationPath.COLD
    judge_isolation: IsolationPath = IsolationPath.COLD
    """Of the judge, which no program comes near: warm wherever its runtime can be."""
    forbid_shared: bool = False
    fresh: bool = False
    coverage: bool = False

    @property
    def expected(self) -> dict[int, bytes]:
        """What oracles gave, by case; to be added to."""
        return self.suite.expected.setdefault(self.program.runtime, {})


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
    shared_reason: str = ""
    """Why the program could not be kept apart, where trust is SHARED."""
    arcs: tuple[tuple[int, int], ...] = ()
    """From which line of the program to which it went, as its process claims."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One result for each case, in order."""

    cases: tuple[CaseResult, ...]
    usage: Usage


def not_loaded(record: bytes, told: ProgramException, trust: Trust) -> CaseResult:
    """Make the verdict of every case, where the program (`unloaded`) or the set-up code (`unprepared`) raised."""
    what = "the program does not load" if record == b"unloaded" else "the set-up code raised"
    message = f"{what}: {told.type}: {told.message}"
    return CaseResult(verdict=Verdict.ERROR, trust=trust, message=message, exception=told)
