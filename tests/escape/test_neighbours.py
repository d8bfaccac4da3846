"""A program with many busy processes has no more of the machine than one with a single process."""

import os
import uuid
from concurrent.futures import ThreadPoolExecutor

import hosts
import pytest
from executions import Run, printed

from trialbox.client import Limits, Outcome

pytestmark = pytest.mark.alone

CROWD = """
import os, sys
for _ in range(50):
    if os.fork() == 0: break
os.execv(sys.executable, [sys.executable, '-c', 'while True: pass', {marker!r}])
"""
# How much of a processor it gets, for as long as the crowd lives.
ALONE = """
import time
began, used = time.monotonic(), time.process_time()
while time.monotonic() < began + 1: pass
print((time.process_time() - used) / (time.monotonic() - began))
"""


def test_many_busy_processes_of_one_program_leave_another_its_share(run: Run) -> None:
    marker = f"crowd-{uuid.uuid4().hex}"
    crowds = os.cpu_count() or 1
    limits = Limits(wall_seconds=6, cpu_seconds=60, processes=64)
    with ThreadPoolExecutor() as pool:
        busy = [pool.submit(run, CROWD.format(marker=marker), limits=limits) for _ in range(crowds)]
        hosts.eventually(lambda: len(hosts.marked(marker)) == 51 * crowds, "the crowds are busy")
        share = float(printed(run(ALONE, limits=Limits(wall_seconds=20))))
        assert {each.result().outcome for each in busy} == {Outcome.WALL_TIME_EXCEEDED}
    # Of as many processors as there are crowds, one of as many programs and a few of the neighbours' gets
    # more than a fourth; one of as many processes, a fiftieth.
    assert share > 0.2
