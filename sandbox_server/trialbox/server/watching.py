"""What those who run programs and those who watch them must agree on."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from trialbox.server.model import Execution, IsolationPath, Job
from trialbox.server.output import BoundedOutput

Records = Callable[[bytes], None]


class Running(Protocol):
    """A program under way, as whoever watches it may handle it."""

    def stop(self, reason: bytes) -> None:
        """End it, for one of outcome.REASONS, unless it has ended."""

    def cpu_seconds(self) -> float:
        """Processor time of all of it so far; 0 where nobody counts."""

    def starved_seconds(self) -> float:
        """How long its main thread has been ready to run without getting a processor."""


def starved_seconds(pid: int) -> float:
    """How long the main thread of a process has been ready to run without getting a processor.

    Raises OSError when it has ended, or the kernel does not tell.
    """
    return int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[1]) / 1e9


# Told what is about to run, returns what takes the records that a harness writes, if there is one.
Watch = Callable[[Running], Records | None]


class Follower(Protocol):
    """Whoever wants to know of a program's output while it comes."""

    def started(self, isolation: IsolationPath, stdout: BoundedOutput, stderr: BoundedOutput) -> None:
        """The program was let go; what it puts out will be in these two.

        Once more, with others, where it had not begun after all and runs elsewhere.
        """

    def wrote(self) -> None:
        """There is more output than before."""


class Execute(Protocol):
    """Runs one job in a jail: Permit.execute."""

    def __call__(self, job: Job, watch: Watch | None = None) -> Awaitable[Execution]:
        """Run `job`; raises what Permit.execute raises."""
