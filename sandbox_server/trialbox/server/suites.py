"""Suites by the hash of their content: many programs are graded on one, which need be sent and checked only once."""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import replace

from trialbox.server.grading import Suite

# What a suite takes as objects, compared with what it took on the wire.
_OVERHEAD = 3


class UnknownSuiteError(Exception):
    """The server does not have the suite of this id, or no longer."""


class SuiteStore:
    """Keeps the suites used last, with what their oracles gave, within `maximum_bytes`.

    A suite's id is the hash of its content, so that only who knows a suite knows its id. For use from any thread.
    """

    def __init__(self, maximum_bytes: int) -> None:
        self._maximum_bytes = maximum_bytes
        self._suites: OrderedDict[bytes, tuple[Suite, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, suite_id: bytes) -> Suite:
        """Return the suite of this id; raises UnknownSuiteError."""
        found = self._find(suite_id)
        if found is None:
            raise UnknownSuiteError(f"the suite {suite_id.hex()[:16]} is not known here, or no longer: send it whole")
        return found

    def find(self, written: bytes) -> Suite | None:
        """Return the suite that is written so on the wire, if it was checked before."""
        return self._find(_id(written))

    def add(self, written: bytes, suite: Suite) -> Suite:
        """Keep a suite that has been checked; returns it with its id."""
        suite = replace(suite, suite_id=_id(written))
        size = len(written) * _OVERHEAD
        with self._lock:
            if suite.suite_id not in self._suites and size <= self._maximum_bytes:
                self._suites[suite.suite_id] = (suite, size)
                self._bytes += size
                self._let_go()
        return suite

    def grew(self, suite: Suite, by_bytes: int) -> None:
        """Take note that its oracles gave expected values."""
        with self._lock:
            if suite.suite_id in self._suites:
                kept, size = self._suites[suite.suite_id]
                self._suites[suite.suite_id] = (kept, size + by_bytes)
                self._bytes += by_bytes
                self._let_go()

    def _find(self, suite_id: bytes) -> Suite | None:
        with self._lock:
            if suite_id not in self._suites:
                return None
            self._suites.move_to_end(suite_id)
            return self._suites[suite_id][0]

    def _let_go(self) -> None:
        while self._bytes > self._maximum_bytes:
            _, (_, size) = self._suites.popitem(last=False)
            self._bytes -= size


def _id(written: bytes) -> bytes:
    return hashlib.sha256(written).digest()
