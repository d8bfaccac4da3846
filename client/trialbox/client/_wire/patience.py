"""How often a call is made again that the service refused for now, and when; does no I/O."""

import time

from trialbox.client._errors import QueueFullError, SandboxError
from trialbox.client._wire.channel import FIRST_BACKOFF_SECONDS, MAX_ATTEMPTS


class Patience:
    """What one call has left: attempts and time.

    gRPC tries again what was lost. It would count refusals with that, and a call that a full server had refused would
    be lost with the next server that dies, so they are counted here.
    """

    def __init__(self, seconds: float, *, retry: bool) -> None:
        """Begin the first attempt of a call that has to be answered within `seconds`."""
        self.seconds = seconds
        self._ends_seconds = time.monotonic() + seconds
        self._attempts = MAX_ATTEMPTS if retry else 1
        self._refusals = 0

    def left_seconds(self) -> float:
        """What time the next attempt has."""
        return max(0, self._ends_seconds - time.monotonic())

    def pause_seconds(self, error: QueueFullError) -> float:
        """How long to wait before the next attempt. Raises `error` where there is none, or no time for it."""
        self._refusals += 1
        pause = pause_seconds(error, self._refusals)
        if self._refusals == self._attempts or pause >= self.left_seconds():
            if self._refusals > 1:
                error.add_note(f"It was refused {self._refusals} times.")
            raise error
        return pause


def pause_seconds(error: SandboxError, failures: int) -> float:
    """How long to wait after so many failures: what the server says, or ever longer."""
    if isinstance(error, QueueFullError) and error.retry_after_seconds is not None:
        return error.retry_after_seconds
    return FIRST_BACKOFF_SECONDS * 2.0 ** max(0, failures - 1)
