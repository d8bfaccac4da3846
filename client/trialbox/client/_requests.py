"""What a caller asks for: programs, limits and suites."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Program:
    """One Python program and everything it can see.

    Text (`source`, `stdin` and the contents of `files`) may be `bytes`, sent as they are, or `str`, sent as
    UTF-8. A lone surrogate in a `str` is sent as the three bytes that Python calls `surrogatepass`: they are
    not valid UTF-8, so such a source ends as FAILED with a SyntaxError instead of never being run.

    Attributes:
        source: Run as `python main.py` in the workspace, /work.
        files: Further files, by relative path inside the workspace.
        args: `sys.argv` after the script's name.
        stdin: All of standard input.
        env: Added to the runtime's own environment.
        runtime: The name of a runtime the server offers; None means its default.
        hash_seed: PYTHONHASHSEED; None means 0, so that runs repeat.
    """

    source: str | bytes
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    args: Sequence[str] = ()
    stdin: str | bytes = b""
    env: Mapping[str, str] = field(default_factory=dict)
    runtime: str | None = None
    hash_seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a program may use. None means the server's default; the server refuses what isn't positive.

    Attributes:
        wall_seconds: Elapsed time; queue and set-up are not charged.
        cpu_seconds: User and system CPU time of the whole process tree.
        memory_bytes: Memory of the whole process tree, its private file systems included.
        processes: Processes and threads alive at once.
        open_files: Open descriptors a process; at least 16.
        disk_bytes: Bytes on each private file system (/work, /tmp, /dev/shm), and in one file.
        disk_inodes: Files and directories on each private file system; at least 16.
        output_bytes: Bytes of stdout, and of stderr; one more ends the program.
        no_output_seconds: Elapsed time in which it writes neither to stdout nor to stderr; without a server's default
            there is no such limit. An evaluation has none, and refuses it.
    """

    wall_seconds: float | None = None
    cpu_seconds: float | None = None
    memory_bytes: int | None = None
    processes: int | None = None
    open_files: int | None = None
    disk_bytes: int | None = None
    disk_inodes: int | None = None
    output_bytes: int | None = None
    no_output_seconds: float | None = None


class Comparator(enum.StrEnum):
    """How the answer to a Call is compared with what was expected."""

    EQUAL = "EQUAL"
    """Python's `==`, so 2 equals 2.0 and True, and a tuple no list. With a tolerance, floats at any depth are compared
    by it (both tolerances as in `math.isclose`, the one left out being 0); all else exactly."""
    UNORDERED = "UNORDERED"
    """The same items, each as often, in any order; tolerances as with EQUAL, for items that are floats."""
    EVALPLUS = "EVALPLUS"
    """evalplus's rule: equal, or of one type and as close as numpy's `allclose` wants with its relative tolerance of
    1e-7. Floats, and lists and tuples of nothing but floats, get an absolute tolerance of 1e-6 where none is given."""
    EVALPLUS_SET = "EVALPLUS_SET"
    """As EVALPLUS, but items count as equal in any order and however often they come."""
    EVALPLUS_NOT_NONE = "EVALPLUS_NOT_NONE"
    """Whether there is an answer at all: None where None was expected and else not; a bool must say the same."""
    EVALPLUS_ROOT = "EVALPLUS_ROOT"
    """The answer is a root, within the absolute tolerance, of the polynomial whose coefficients, lowest first, are the
    first argument; what was expected is only shown."""


class _Missing(enum.Enum):
    MISSING = "MISSING"


MISSING = _Missing.MISSING
"""Stands for an expected value that isn't given; None is a value like any other."""


@dataclass(frozen=True, slots=True)
class Call:
    """A case: call the entry point and compare what it returns.

    What should be returned is either told, as `expected`, or asked of `oracle`. Arguments and the expected value must
    be plain values: None, bool, int, float, complex, str, bytes and their lists, tuples, dicts and sets.

    Attributes:
        entry_point: The function's name.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        expected: What it should return.
        oracle: The source of a trusted program that defines the entry point too; its answer is the expected one.
        comparator: How the two are compared.
        relative_tolerance: For comparators that say so.
        absolute_tolerance: For comparators that say so.
        name: Shown in reports.
        shared: Whether the case runs in the program's own process, where it can be cheated.

    Raises:
        TypeError: Neither or both of `expected` and `oracle` are given.
    """

    entry_point: str
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    expected: Any = field(kw_only=True, default=MISSING)
    oracle: str | bytes | None = field(kw_only=True, default=None)
    comparator: Comparator = field(kw_only=True, default=Comparator.EQUAL)
    relative_tolerance: float | None = field(kw_only=True, default=None)
    absolute_tolerance: float | None = field(kw_only=True, default=None)
    name: str = field(kw_only=True, default="")
    shared: bool = field(kw_only=True, default=False)

    def __post_init__(self) -> None:
        if (self.expected is MISSING) is (self.oracle is None):
            given = "neither" if self.oracle is None else "both"
            raise TypeError(f"a Call of {self.entry_point!r} needs either expected or oracle, and {given} was given")


@dataclass(frozen=True, slots=True)
class Check:
    """A case: test code run where the program's names are in scope. It passes unless it raises.

    Attributes:
        source: The test code.
        name: Shown in reports.
        shared: Whether the case runs in the program's own process, where it can be cheated.
    """

    source: str | bytes
    name: str = ""
    shared: bool = False


class Comparison(enum.StrEnum):
    """How printed output is compared with what was expected."""

    LINES = "LINES"
    """Line by line; white space at line ends and empty lines at the end don't count."""
    BYTES = "BYTES"
    TOKENS = "TOKENS"
    """Runs of non-white-space, in order."""


@dataclass(frozen=True, slots=True)
class Stdio:
    """A case: run the program as a script and compare what it prints."""

    stdin: str | bytes
    expected: str | bytes
    comparison: Comparison = Comparison.LINES
    name: str = ""


Case = Call | Check | Stdio


@dataclass(frozen=True, slots=True)
class Suite:
    """The cases for one task; `setup` runs after the program and before its Call and Check cases.

    A suite is read once, when a program is first graded on it: what is changed in its values afterwards goes unnoticed.
    """

    cases: Sequence[Case]
    setup: str | bytes = ""
    _written: list[Any] = field(init=False, repr=False, compare=False, default_factory=list)
