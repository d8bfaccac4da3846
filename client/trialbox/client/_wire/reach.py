"""What to say where no answer came: nobody was reached, the connection was lost, or it took too long."""

from typing import Any

from trialbox.client._errors import DeadlineExceededError, SandboxError, UnavailableError
from trialbox.client._wire.status import error_of_call

# gRPC's own words, where a call was under way. It tells nothing else by which to know.
_LOST = ("Cancelling all calls", "Socket closed", "Connection reset", "GOAWAY")


class Reach:
    """Remembers whether a server was ever reached.

    gRPC tells of the last attempt only: of a call that was lost and tried again in vain, that nobody answers.
    """

    def __init__(self, address: str) -> None:
        """Begin with nobody reached."""
        self._address = address
        self.was_reached = False

    def error_of_call(self, call: Any, method: str = "", seconds: float | None = None) -> SandboxError:
        """Translate a failed call, as `status.error_of_call` does, and say what gRPC doesn't.

        One that had to be answered in time has `seconds` and a `method`.
        """
        error = error_of_call(call)
        if error.reason:  # a server's own word
            self.was_reached = True
        elif isinstance(error, UnavailableError):
            self.was_reached |= any(words in str(error) for words in _LOST)
            return self._unavailable(error)
        elif isinstance(error, DeadlineExceededError) and seconds is not None:
            told = f"{self._address} did not answer {method} within {seconds:g} s, the wait for a slot included"
            return DeadlineExceededError(told, code=error.code, reason="DEADLINE_EXCEEDED")
        return error

    def _unavailable(self, error: UnavailableError) -> UnavailableError:
        if self.was_reached:
            reason, what = "CONNECTION_LOST", f"the server at {self._address} stopped, or the connection to it was lost"
        else:
            reason, what = "NOT_REACHED", f"no server answers at {self._address}; if one did, it has stopped"
        return UnavailableError(f"{what}: {error}", code=error.code, reason=reason, retryable=True)
