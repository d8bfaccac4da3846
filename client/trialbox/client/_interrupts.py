"""Ctrl-C at a moment when it can be dealt with."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def held_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back until the block ends, and then let it happen.

    For short blocks only. An exception that strikes inside gRPC while it starts a call leaves a call that
    nobody can cancel, and in the worst case a channel that never closes.
    """
    handler = signal.getsignal(signal.SIGINT)
    # Python runs signal handlers in the main thread, and elsewhere doesn't let them be changed.
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    held: list[tuple[Any, ...]] = []
    signal.signal(signal.SIGINT, lambda *signalled: held.append(signalled))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if held:
            handler(*held[0])
