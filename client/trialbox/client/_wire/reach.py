"""What to say where no answer came: nobody was reached, the connection was lost, or it took too long."""

from typing import Any

from trialbox.client._errors import DeadlineExceededError, SandboxError, UnavailableError
from trialbox.client._wire.channel import Endpoint
from trialbox.client._wire.status import error_of_call

# gRPC's own words, where a call was under way. It tells nothing else by which to know.
_LOST = ("Cancelling all calls", "Socket closed", "Connection reset", "GOAWAY")
# And where certificates were looked at: by its TLS, and by the check of the name.
_UNTRUSTED = ("handshake", "Verification Check")


class Reach:
    """Remembers whether a server was ever reached.

    gRPC tells of the last attempt only: of a call that was lost and tried again in vain, that nobody answers.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        """Begin with nobody reached."""
        self._address = endpoint.address
        self._is_secure = endpoint.tls is not False
        self._was_lost = False
        self.was_reached = False

    def error_of_call(self, call: Any, method: str = "", seconds: float | None = None) -> SandboxError:
        """Translate a failed call, as `status.error_of_call` does, and say what gRPC doesn't.

        One that had to be answered in time has `seconds` and a `method`.
        """
        error = error_of_call(call)
        if error.reason:  # a server's own word
            self.was_reached = True
        elif isinstance(error, UnavailableError):
            self._was_lost |= any(words in str(error) for words in _LOST)
            return self._unavailable(error)
        elif isinstance(error, DeadlineExceededError) and seconds is not None:
            told = f"{self._address} did not answer {method} within {seconds:g} s, the wait for a slot included"
            return DeadlineExceededError(told, code=error.code, reason="DEADLINE_EXCEEDED")
        return error

    def _unavailable(self, error: UnavailableError) -> UnavailableError:
        reason = "CONNECTION_LOST" if self.was_reached or self._was_lost else "NOT_REACHED"
        if self.was_reached:
            what = f"the server at {self._address} stopped, or the connection to it was lost"
        elif self._was_lost:
            what = f"the connection to {self._address} was lost before any answer came; {self._usual_cause()}"
        elif any(words in str(error) for words in _UNTRUSTED):
            what = f"TLS with {self._address} failed"
        else:
            what = f"no server answers at {self._address}; if one did, it has stopped"
        return UnavailableError(f"{what}: {error}", code=error.code, reason=reason, retryable=True)

    def _usual_cause(self) -> str:
        if self._is_secure:
            return "it stopped, or it wants a client's certificate"
        return "it stopped, or it speaks TLS and was not called so"
