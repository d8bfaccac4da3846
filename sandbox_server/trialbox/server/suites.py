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
    """Keeps the suites used last, with what their oracles gave, within `maximum_bytes`; each owner's apart.

    Where room is short, whoever takes most of it loses what they have not used for longest. For use from any thread.
    """

    def __init__(self, maximum_bytes: int) -> None:
        self.maximum_bytes = maximum_bytes
        self.lock = threading.Lock()
        self._owners: dict[str, OwnedSuites] = {}

    def of(self, owner: str) -> "OwnedSuites":
        """Return those of one owner, which no other can use or learn of."""
        with self.lock:
            return self._owners.setdefault(owner, OwnedSuites(self))

    @property
    def count(self) -> int:
        """How many are kept."""
        return sum(owned.count for owned in list(self._owners.values()))

    @property
    def used_bytes(self) -> int:
        """What those take."""
        return sum(owned.used_bytes for owned in list(self._owners.values()))

    def make_room(self) -> None:
        """Let go until the rest fits; for who holds the lock."""
        while self.used_bytes > self.maximum_bytes:
            max(self._owners.values(), key=lambda owned: owned.used_bytes).let_one_go()


class OwnedSuites:
    """The suites of one owner. A suite's id is the hash of its content."""

    def __init__(self, store: SuiteStore) -> None:
        self._store = store
        self._suites: OrderedDict[bytes, _Kept] = OrderedDict()
        self.used_bytes = 0
        """What they take."""

    @property
    def count(self) -> int:
        """How many are kept."""
        return len(self._suites)

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
        if kept.size > self._store.maximum_bytes:
            return suite
        with self._store.lock:
            kept = self._suites.setdefault(kept.suite.suite_id, kept)
            self._count(kept)
        return kept.suite

    def grew(self, suite: Suite) -> None:
        """Take note that its oracles gave expected values."""
        with self._store.lock:
            if suite.suite_id in self._suites:
                self._count(self._suites[suite.suite_id])

    def let_one_go(self) -> None:
        """Forget the one not used for longest."""
        _, kept = self._suites.popitem(last=False)
        self.used_bytes -= kept.counted

    def _find(self, suite_id: bytes) -> Suite | None:
        with self._store.lock:
            if suite_id not in self._suites:
                return None
            self._suites.move_to_end(suite_id)
            return self._suites[suite_id].suite

    def _count(self, kept: "_Kept") -> None:
        self.used_bytes += kept.take_in()
        self._store.make_room()


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
