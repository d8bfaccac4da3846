"""What a judge writes, and a watch that reads it."""

from collections.abc import Callable

from clockwork import WatchedProcess

from trialbox.server.guest import frames
from trialbox.server.judge_watch import JudgeWatch, News

TEXT_LIMIT = 100
CASE_SECONDS = 60.0


def record(*fields: bytes) -> bytes:
    """A record as the judge writes it."""
    return frames.pack(frames.pack(*fields))


SAID_NOTHING = (b"", b"", b"", b"", b"", b"0", b"")


def ended(number: int | bytes, verdict: bytes = b"PASSED", *told: bytes, nanoseconds: bytes = b"5000000") -> bytes:
    """The record of a case that has ended."""
    written = number if isinstance(number, bytes) else b"%d" % number
    return record(b"end", written, verdict, nanoseconds, *(told or SAID_NOTHING))


PLANNED, LOADED, DONE = record(b"planned"), record(b"loaded"), record(b"done")
BEGUN = PLANNED + LOADED + ended(0)


class Watched:
    """A watch on a judge and a candidate that only the test feeds and ends."""

    def __init__(self, numbers: list[int], *, with_candidate: bool = True) -> None:
        self.watch = JudgeWatch(numbers, case_seconds=CASE_SECONDS, text_limit=TEXT_LIMIT)
        self.judge, self.candidate = WatchedProcess(), WatchedProcess()
        self.feed: Callable[[bytes], None] = self.watch.feed
        self.watch.attach(self.judge)
        if with_candidate:
            self.watch.expect_candidate()
            self.watch.attach_candidate(self.candidate)

    def news(self) -> list[News]:
        """What was told since this was last asked."""
        told = []
        while not self.watch.news.empty():
            told.append(self.watch.news.get_nowait())
        return told

    def verdicts(self) -> dict[int, str]:
        return {number: result.verdict.name for number, result in self.watch.results.items()}
