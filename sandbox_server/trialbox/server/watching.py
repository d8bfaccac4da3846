"""What those who run programs and those who watch them must agree on."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from trialbox.server.model import Execution, Job

Records = Callable[[bytes], None]


class Running(Protocol):
    """A program under way, as whoever watches it may handle it."""

    def stop(self, reason: bytes) -> None:
        """End it, for one of outcome.REASONS, unless it has ended."""

    def cpu_seconds(self) -> float:
        """Processor time of all of it so far; 0 where nobody counts."""

    def starved_seconds(self) -> float:
        """How long its main thread has been ready to run without getting a processor."""


# Told what is about to run, returns what takes the records that a harness writes, if there is one.
Watch = Callable[[Running], Records | None]


class Execute(Protocol):
    """Runs one job in a jail: Permit.execute."""

    def __call__(self, job: Job, watch: Watch | None = None) -> Awaitable[Execution]:
        """Run `job`; raises what Permit.execute raises."""
