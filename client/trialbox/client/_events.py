"""What a program under way is told of by."""

import enum
from dataclasses import dataclass, field

from trialbox.client._results import Execution, Isolation


class OutputStream(enum.StrEnum):
    """The two streams of a program's output."""

    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The program was let go; comes first.

    Attributes:
        request_id: The name the request goes by.
        isolation: The isolation it has.
    """

    request_id: str
    isolation: Isolation = field(default_factory=Isolation)


@dataclass(frozen=True, slots=True)
class Output:
    """The next bytes of one stream. Which of the two streams was written to first is known only roughly.

    Attributes:
        stream: Which one.
        data: The bytes, never none.
        offset: Where they begin in the stream. Above the end of the last ones, what lay between was dropped, which
            happens only beyond the output limit and to who reads too slowly.
    """

    stream: OutputStream
    data: bytes
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """The program has ended; comes last. The execution is complete, as if there had been no other event."""

    execution: Execution


Event = Started | Output | Finished
