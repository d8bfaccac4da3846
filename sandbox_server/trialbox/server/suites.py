"""Suites by the hash of their content: many programs are graded on one, which need be sent and checked only once."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from trialbox.server.grading import Suite

# What a suite takes as objects, compared with what it took on the wire.
_OVERHEAD = 3
# An empty case as an object.
_CASE_BYTES = 300


class UnknownSuiteError(Exception):
    """The server does not have the suite of this id, or no longer."""


class SuiteStore:
    """Keeps the suites used last, with what their oracles gave, within `maximum_bytes`.

    A suite's id is the hash of its content, so that only who knows a suite knows its id. For use from any thread.
    """

    def __init__(self, maximum_bytes: int) -> None:
        self._maximum_bytes = maximum_bytes
        self._suites: OrderedDict[bytes, _Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """How many it keeps."""
        return len(self._suites)

    @property
    def used_bytes(self) -> int:
        """What they take."""
        return self._bytes

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
        """Keep a suite that has been checked; returns it with its id, unless it is too large to be kept."""
        size = max(len(written) * _OVERHEAD, len(suite.cases) * _CASE_BYTES)
        kept = _Kept(replace(suite, suite_id=_id(written)), size)
        if kept.size > self._maximum_bytes:
            return suite
        with self._lock:
            kept = self._suites.setdefault(kept.suite.suite_id, kept)
            self._bytes += kept.take_in()
            self._let_go()
        return kept.suite

    def grew(self, suite: Suite) -> None:
        """Take note that its oracles gave expected values."""
        with self._lock:
            if suite.suite_id in self._suites:
                self._bytes += self._suites[suite.suite_id].take_in()
                self._let_go()

    def _find(self, suite_id: bytes) -> Suite | None:
        with self._lock:
            if suite_id not in self._suites:
                return None
            self._suites.move_to_end(suite_id)
            return self._suites[suite_id].suite

    def _let_go(self) -> None:
        while self._bytes > self._maximum_bytes:
            _, kept = self._suites.popitem(last=False)
            self._bytes -= kept.counted


@dataclass(slots=True)
class _Kept:
    """A suite, how large it was when it came, and how many of its bytes are counted."""

    suite: Suite
    size: int
    counted: int = 0

    def _grown(self) -> Iterator[int]:
        # Copies, since another thread may add to them meanwhile.
        return (len(value) for expected in list(self.suite.expected.values()) for value in list(expected.values()))

    def take_in(self) -> int:
        """Count all that it holds now; returns how many bytes that is more than before."""
        before, self.counted = self.counted, self.size + sum(self._grown())
        return self.counted - before


def _id(written: bytes) -> bytes:
    return hashlib.sha256(written).digest()
