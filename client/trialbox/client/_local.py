"""The embedded server: a child process that lives as long as its lifeline."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path

from grpc import StatusCode

from trialbox.client._errors import InvalidRequestError, LocalServerError

START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_GREETING = b"ready\n"
_LOG_TAIL_BYTES = 4000
_PREFIX = "TRIALBOX_"
# Of a service on this machine, whose environment this may be: whoever reaches a private socket is its owner.
_NOT_INHERITED = [
    _PREFIX + name for name in ("TENANTS_FILE", "TLS_CERTIFICATE_FILE", "TLS_KEY_FILE", "TLS_CLIENT_CA_FILE")
]
_FAILED = "LOCAL_SERVER_FAILED"
# By the server's exit status.
_REASONS = {2: "LOCAL_SERVER_BAD_SETTINGS", 4: "LOCAL_SERVER_NOT_INSTALLED"}


class LocalServer:
    """`python -m trialbox.server` on a Unix socket that only this user can reach.

    The server ends when the other end of its lifeline closes, so it doesn't outlive this process however that
    ends. Dropping the object, or leaving the interpreter, stops it too.
    """

    def __init__(self, *, slots: int | None, settings: Mapping[str, str] | None) -> None:
        """Start the process; `wait` or `wait_async` says when it serves.

        Raises:
            InvalidRequestError: The settings are not as environment variables can be.
        """
        if settings is not None and not isinstance(settings, Mapping):
            raise InvalidRequestError.of_field("settings", f"{settings!r:.80} is no mapping")
        for name, value in (settings or {}).items():
            if not isinstance(name, str) or not isinstance(value, str):
                told = f"is {value!r:.80}; strings are wanted, as in the environment"
                raise InvalidRequestError.of_field(f"settings.{name}", told)
        with contextlib.ExitStack() as resources:
            folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="trialbox-")))
            self._log = resources.enter_context(tempfile.TemporaryFile())
            self._lifeline, theirs = socket.socketpair()
            self.address = f"unix:{folder / 'socket'}"
            environment = {
                **{name: value for name, value in os.environ.items() if name not in _NOT_INHERITED},
                **{_PREFIX + name.upper().removeprefix(_PREFIX): value for name, value in (settings or {}).items()},
                f"{_PREFIX}ADDRESS": self.address,
                f"{_PREFIX}LIFELINE_FD": str(theirs.fileno()),
            }
            if slots is not None:
                environment[f"{_PREFIX}SLOTS"] = str(slots)
            resources.callback(self._lifeline.close)
            with theirs:
                self._process = subprocess.Popen(
                    # -P: no module in the current folder takes a real one's place.
                    [sys.executable, "-P", "-m", "trialbox.server"],
                    env=environment,
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=self._log,
                    stderr=self._log,
                    # Ctrl-C on a terminal is for the caller, who then stops the server in good order.
                    start_new_session=True,
                )
            resources.callback(_end, self._process, self._lifeline)
            self.stop = weakref.finalize(self, resources.pop_all().close)

    def wait(self, seconds: float) -> None:
        """Wait until the server serves; stop it where it doesn't.

        Raises:
            LocalServerError: It ended, or did not serve within `seconds`.
        """
        try:
            self._lifeline.settimeout(seconds)
            try:
                greeting = self._lifeline.recv(len(_GREETING))
            except (TimeoutError, BlockingIOError):
                raise self._error(f"did not serve within {seconds} s") from None
            self._check(greeting)
        except BaseException:
            self.stop()
            raise

    async def wait_async(self, seconds: float) -> None:
        """Do what `wait` does, without blocking the event loop."""
        try:
            self._lifeline.setblocking(False)
            try:
                async with asyncio.timeout(seconds):
                    greeting = await asyncio.get_running_loop().sock_recv(self._lifeline, len(_GREETING))
            except TimeoutError:
                raise self._error(f"did not serve within {seconds} s") from None
            self._check(greeting)
        except BaseException:
            await asyncio.to_thread(self.stop)
            raise

    def _check(self, greeting: bytes) -> None:
        if greeting == _GREETING:
            return
        # It let go of the lifeline, so it is about to end: its status says more.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        status = self._process.returncode
        raise self._error(f"ended before it served, exit status {status}", _REASONS.get(status, _FAILED))

    def _error(self, what: str, reason: str = _FAILED) -> LocalServerError:
        size = os.fstat(self._log.fileno()).st_size
        tail = os.pread(self._log.fileno(), _LOG_TAIL_BYTES, max(0, size - _LOG_TAIL_BYTES)).decode(errors="replace")
        log = f"; it said:\n{tail.strip()}" if tail else ""
        return LocalServerError(f"the embedded server {what}{log}", code=StatusCode.UNAVAILABLE, reason=reason)


def _end(process: subprocess.Popen[bytes], lifeline: socket.socket) -> None:
    """Let go of the lifeline, and use force only where that isn't heard."""
    lifeline.close()
    for force in (process.terminate, process.kill):
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            force()
    process.wait()
