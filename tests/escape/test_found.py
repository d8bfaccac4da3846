"""What does not hold yet."""

import json
import os
import sys

import pytest
from executions import printed

from trialbox.client import Sandbox

INTERPRETER = os.path.realpath(getattr(sys, "_base_executable", sys.executable))


@pytest.mark.parametrize("isolation_path", ["warm"], indirect=True)
def test_no_two_programs_have_the_same_key_of_a_module_loaded_before(isolation_path: str) -> None:
    runtime = {"python": {"interpreter": INTERPRETER, "preload": ["multiprocessing"]}}
    settings = {"spare_slots": "0", "runtimes": json.dumps(runtime)}
    source = "import multiprocessing; print(multiprocessing.current_process().authkey.hex())"
    with Sandbox.local(slots=1, settings=settings) as box:
        keys = {printed(box.run(source, isolation=isolation_path)) for _ in range(4)}
    assert len(keys) == 4
