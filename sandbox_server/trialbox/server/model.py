"""The server's own values: what was asked, what was found. No wire types, no I/O."""

import enum
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from trialbox.server.watching import Follower


class Outcome(enum.Enum):
    """How a program ended; the words are the contract's."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    SIGNALED = "SIGNALED"
    WALL_TIME_EXCEEDED = "WALL_TIME_EXCEEDED"
    CPU_TIME_EXCEEDED = "CPU_TIME_EXCEEDED"
    MEMORY_EXCEEDED = "MEMORY_EXCEEDED"
    OUTPUT_EXCEEDED = "OUTPUT_EXCEEDED"
    SYSCALL_DENIED = "SYSCALL_DENIED"
    CANCELLED = "CANCELLED"
    NO_OUTPUT_TIME_EXCEEDED = "NO_OUTPUT_TIME_EXCEEDED"


class Caller(NamedTuple):
    """Who asks: a tenant, by what its credentials stand for, and one of its clients, by the id it gives itself."""

    tenant: str
    client: str


THE_SERVER = Caller("", "")
"""Who asks where nobody outside does; no tenant has this name."""


class IsolationPath(enum.Enum):
    """How a program is set apart from those before it; the words are the contract's."""

    COLD = "COLD"
    WARM = "WARM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one execution may use. Each is a positive number, and only the last may be missing."""

    wall_seconds: float
    cpu_seconds: float
    memory_bytes: int
    processes: int
    open_files: int
    disk_bytes: int
    disk_inodes: int
    output_bytes: int
    no_output_seconds: float | None = None


LIMIT_NAMES = tuple(limit.name for limit in fields(Limits))


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A Python program, validated."""

    source: bytes
    files: dict[str, bytes] = field(default_factory=dict)
    args: tuple[str, ...] = ()
    stdin: bytes = b""
    env: dict[str, str] = field(default_factory=dict)
    runtime: str
    hash_seed: int = 0


class Role(enum.Enum):
    """A script of ours that runs instead of the program's source; its name in the jail."""

    HARNESS = "harness"
    """Loads the program and runs a suite on it, in one process."""
    JUDGE = "judging"
    """Stands ready for suites, whose test code calls candidates across a channel."""
    CANDIDATE = "answering"
    """Loads the program, and answers a judge's calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a process of ours plays in an evaluation."""

    role: Role
    data: bytes
    """For the script to read."""
    descriptors: tuple[int, ...] = ()
    """What it inherits, after the pipe for its records if it writes any; the caller's to close."""

    @property
    def writes_records(self) -> bool:
        """Whether it has a pipe to tell the host of what happens."""
        return self.role is Role.HARNESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One program to run in isolation; with a `part`, one of our scripts runs instead of its source."""

    program: Program
    limits: Limits
    isolation: IsolationPath
    collect: tuple[str, ...] = ()
    part: Part | None = None
    follower: "Follower | None" = None
    """Told of what the program puts out as it comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramException:
    """An uncaught exception, as the program told it; `line` is 0 where none is known."""

    type: str
    message: str
    line: int


@dataclass(slots=True, kw_only=True)
class Usage:
    """What an execution used; queue and set-up are not charged to the program."""

    wall_seconds: float = 0.0
    user_cpu_seconds: float = 0.0
    system_cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    peak_processes: int | None = None
    queue_seconds: float = 0.0
    setup_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedFile:
    """A file that matched and was not returned."""

    path: bytes
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What one program did."""

    outcome: Outcome
    isolation: IsolationPath
    exit_code: int | None
    signal: int | None
    stdout: bytes
    stderr: bytes
    stdout_truncated: bool
    stderr_truncated: bool
    exception: ProgramException | None
    files: dict[str, bytes]
    skipped_files: tuple[SkippedFile, ...]
    usage: Usage


class SandboxBrokenError(Exception):
    """The infrastructure failed; nothing is known about the program.

    `started` tells whether any of the program may have run: where not, it may be run elsewhere.
    """

    def __init__(self, message: str, *, started: bool = False) -> None:
        super().__init__(message)
        self.started = started


class JailEndedError(SandboxBrokenError):
    """A jail ended unasked."""


class JailSilentError(SandboxBrokenError):
    """A jail did not say in time what it had to."""


class ProcessLostError(SandboxBrokenError):
    """The process for a program ended before the program started."""


class WorkspaceError(Exception):
    """The request's files can't be laid out in the workspace."""
