"""The yardsticks run what they say they run."""

import subprocess

import pytest

from trialbox.bench import yardsticks
from trialbox.bench.programs import MeasurementError, Numbers
from trialbox.bench.yardsticks import INTERPRETER, WORKER


@pytest.mark.parametrize("compiler", ["fresh", "warmed"])
def test_a_bare_fork_is_timed_on_every_core(compiler: str) -> None:
    stretch = yardsticks.bare_forks(Numbers(), 0.05, compiler=compiler)
    assert stretch.executions == len(stretch.seconds) >= len(yardsticks.cores())


def test_a_worker_that_has_compiled_before_is_no_fresh_one() -> None:
    program = f"compile('', '', 'exec'); exec(open({str(WORKER)!r}).read())"
    core = str(yardsticks.cores()[0])
    done = subprocess.run(
        [INTERPRETER, "-I", "-S", "-c", program, core, "0", "1", "fresh"], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"bare fork: the compiler is not fresh" in done.stderr


def test_nsjail_is_timed_on_every_core() -> None:
    stretch = yardsticks.nsjails(Numbers(), 0)
    assert stretch.executions == len(stretch.seconds) == len(yardsticks.cores())


def test_a_yardstick_that_does_not_run_ends_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yardsticks, "INTERPRETER", "/nowhere/python")
    with pytest.raises(MeasurementError, match="/nowhere/python"):
        yardsticks.bare_forks(Numbers(), 0, compiler="fresh")
