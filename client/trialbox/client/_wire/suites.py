"""Suites on the wire: written once, and sent once to a server that then knows them by an id."""

import hashlib
import threading
from dataclasses import dataclass
from typing import Any

from trialbox.client._errors import SandboxError
from trialbox.client._requests import Suite
from trialbox.client._wire import requests
from trialbox.v1 import evaluation_pb2, sandbox_service_pb2

_UNKNOWN = "UNKNOWN_SUITE"
# A short one is sent again each time: cheaper than finding out that another server doesn't know it.
_LARGE_BYTES = 4096
_MAXIMUM_IDS = 10_000


@dataclass(frozen=True, slots=True)
class WrittenSuite:
    """A suite as it goes over the wire."""

    message: evaluation_pb2.Suite
    digest: bytes
    is_large: bool


def written(suite: Suite) -> WrittenSuite:
    """Write a suite, unless that was done before.

    Raises:
        InvalidRequestError: The contract's messages can't carry a value.
    """
    # Whatever else was given is refused where it is written.
    kept: list[WrittenSuite] = suite._written if isinstance(suite, Suite) else []
    if not kept:
        message = requests.written_suite(suite)
        content = message.SerializeToString(deterministic=True)
        kept.append(WrittenSuite(message, hashlib.sha256(content).digest(), len(content) > _LARGE_BYTES))
    return kept[0]


class SuiteIds:
    """What a server calls the suites it was sent. For use from any thread."""

    def __init__(self) -> None:
        self._ids: dict[bytes, bytes] = {}
        self._lock = threading.Lock()

    def fill(self, request: sandbox_service_pb2.EvaluateRequest, suite: WrittenSuite) -> None:
        """Put the suite into a request, by its id where the server knows it.

        Raises:
            MessageTooLargeError: The request is larger than a message may be.
        """
        known = self._ids.get(suite.digest)
        if known is None:
            request.suite.CopyFrom(suite.message)
        else:
            request.suite_id = known
        requests.of_bounded_size(request)

    def learn(self, suite: WrittenSuite, response: sandbox_service_pb2.EvaluateResponse) -> None:
        """Take the id that the server gave a suite."""
        given = response.evaluation.suite_id
        if suite.is_large and given:
            with self._lock:
                self._ids.pop(suite.digest, None)
                self._ids[suite.digest] = given
                if len(self._ids) > _MAXIMUM_IDS:
                    del self._ids[next(iter(self._ids))]

    def mend(self, request: Any, suite: WrittenSuite, error: SandboxError) -> bool:
        """Put the whole suite into a request whose id a server did not know; False for any other error."""
        if error.reason != _UNKNOWN or request.WhichOneof("task") != "suite_id":
            return False
        with self._lock:
            self._ids.pop(suite.digest, None)
        request.suite.CopyFrom(suite.message)
        return True
