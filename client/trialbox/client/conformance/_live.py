"""One program, told of as it runs."""

from contextlib import closing
from functools import partial
from itertools import groupby
from typing import Final

from trialbox.client._events import Event, Finished, Output, OutputStream, Started
from trialbox.client._requests import Limits, Program
from trialbox.client._results import Execution, Outcome
from trialbox.client.conformance._running import REFUSED
from trialbox.client.conformance._script import SCRIPT, Box, refusal


def what_happens_is_told_in_order(box: Box) -> None:
    """Started, then output, then Finished, all under one name."""
    events = list(box.stream(_BOTH))
    kinds = [kind for kind, _ in groupby(map(type, events))]
    assert kinds == [Started, Output, Finished]
    first, last = events[0], events[-1]
    assert isinstance(first, Started)
    assert isinstance(last, Finished)
    assert first.request_id == last.execution.request_id != ""
    assert first.isolation == last.execution.isolation


def the_chunks_of_a_stream_are_the_whole_of_it(box: Box) -> None:
    """Each begins where the last one ended, and what they make up is in the execution too."""
    written = {OutputStream.STDOUT: b"", OutputStream.STDERR: b""}
    for event in box.stream(_BOTH):
        if isinstance(event, Output):
            assert event.data
            assert event.offset == len(written[event.stream])
            written[event.stream] += event.data
        elif isinstance(event, Finished):
            execution = event.execution
    assert execution.outcome is Outcome.SUCCEEDED
    assert written == {OutputStream.STDOUT: execution.stdout, OutputStream.STDERR: execution.stderr}
    assert (execution.stdout, execution.stderr) == (b"out" * 50_000, b"err" * 100)


_BOTH: Final = "import sys; sys.stdout.write('out' * 50_000); sys.stderr.write('err' * 100)"
SCRIPT[_BOTH] = Execution(outcome=Outcome.SUCCEEDED, exit_code=0, stdout=b"out" * 50_000, stderr=b"err" * 100)


def a_program_that_ends_badly_is_told_of_like_any_other(box: Box) -> None:
    """What went wrong is in the execution: it raises nothing."""
    *_, last = box.stream(_SILENT, limits=Limits(no_output_seconds=0.2))
    assert isinstance(last, Finished)
    assert last.execution.outcome is Outcome.NO_OUTPUT_TIME_EXCEEDED
    assert last.execution.exit_code is None


_SILENT: Final = "import time; time.sleep(60)  # and say nothing"
SCRIPT[_SILENT] = Execution(outcome=Outcome.NO_OUTPUT_TIME_EXCEEDED, signal=9)


def what_cannot_be_served_is_refused_before_any_event(box: Box) -> None:
    """By its field, as when the program is run without being followed."""
    for program, limits, field in REFUSED:
        error = refusal(partial(_first_event, box, program, limits))
        assert [violation.field for violation in error.violations] == [field]


def _first_event(box: Box, program: Program, limits: Limits) -> Event:
    return next(box.stream(program, limits=limits))


def a_stream_may_be_left_early(box: Box) -> None:
    """The next program runs as if there had been none."""
    with closing(box.stream(_SILENT)) as events:
        assert isinstance(next(events), Started)
    assert isinstance(list(box.stream(_BOTH))[-1], Finished)
