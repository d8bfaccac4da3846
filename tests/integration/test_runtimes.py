"""Runtimes by name: an environment's own modules, loaded before a program comes where the operator says so."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hosts
import pytest
from executions import printed

from trialbox.client import InvalidRequestError, Sandbox

ENVIRONMENT = Path(__file__).resolve().parents[2] / ".tools" / "scientific" / "bin" / "python"
SCIENTIFIC = {"interpreter": str(ENVIRONMENT), "preload": ["numpy"]}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    if not ENVIRONMENT.exists():
        pytest.skip("`make scientific` has not been run")
    runtimes = {"scientific": SCIENTIFIC, "unforkable": {"interpreter": str(ENVIRONMENT), "warm": False}}
    settings = {"RUNTIMES": json.dumps(runtimes), "SLOTS": "1", "SPARE_SLOTS": "0"}
    with hosts.serving(settings) as server, Sandbox(server.address) as sandbox:
        yield sandbox


@pytest.mark.parametrize("isolation", ["cold", "warm"])
def test_numpy_works_at_the_default_limits(box: Sandbox, isolation: str) -> None:
    source = "import numpy\nprint(numpy.linalg.inv(numpy.eye(100) * 2).trace(), numpy.arange(5) @ numpy.arange(5))"
    execution = box.run(source, runtime="scientific", isolation=isolation)
    assert printed(execution) == "50.0 30"
    assert execution.isolation.path == isolation


def test_what_is_preloaded_is_there_before_the_program_asks(box: Sandbox) -> None:
    source = "import sys; print('numpy' in sys.modules)"
    assert printed(box.run(source, runtime="scientific", isolation="warm")) == "True"
    assert printed(box.run(source, runtime="scientific", isolation="cold")) == "False"


def test_other_runtimes_have_none_of_it(box: Sandbox) -> None:
    assert printed(box.run("import sys; print('numpy' in sys.modules)")) == "False"
    assert box.run("import numpy").exit_code == 1


def test_two_programs_draw_different_numbers_and_a_seed_the_same(box: Sandbox) -> None:
    source = "import numpy, random; print(numpy.random.random(), numpy.random.default_rng().random(), random.random())"
    drawn = [printed(box.run(source, runtime="scientific", isolation="warm")).split() for _ in range(2)]
    assert not set(drawn[0]) & set(drawn[1])
    source = "import numpy; numpy.random.seed(7); print(numpy.random.random())"
    seeded = {printed(box.run(source, runtime="scientific", isolation=path)) for path in ("warm", "cold")}
    assert len(seeded) == 1


def test_a_change_to_a_preloaded_module_is_gone_with_the_program(box: Sandbox) -> None:
    box.run("import numpy; numpy.pi = 3; numpy.core = None", runtime="scientific", isolation="warm")
    assert printed(box.run("import numpy; print(numpy.pi)", runtime="scientific", isolation="warm")).startswith("3.14")


def test_a_programs_own_module_comes_before_a_preloaded_one(box: Sandbox) -> None:
    files = {"numpy.py": b"pi = 3"}
    for isolation in ("warm", "cold"):
        execution = box.run("import numpy; print(numpy.pi)", files=files, runtime="scientific", isolation=isolation)
        assert printed(execution) == "3"


def test_a_runtime_that_can_not_be_forked_runs_cold(box: Sandbox) -> None:
    execution = box.run("import numpy; print(numpy.pi)", runtime="unforkable")
    assert (execution.isolation.path, execution.stdout[:4]) == ("cold", b"3.14")
    with pytest.raises(InvalidRequestError, match="isolation"):
        box.run("print(1)", runtime="unforkable", isolation="warm")


@pytest.mark.parametrize(
    ("interpreter", "why"),
    [("/bin/sh", "it ended with exit status 2: "), ("/bin/true", "it printed no facts"), ("/nowhere", "No such file")],
)
def test_an_interpreter_that_is_no_python_is_a_bad_setting_told_in_one_line(interpreter: str, why: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "trialbox.server"],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "TRIALBOX_RUNTIMES": json.dumps({"odd": {"interpreter": interpreter}})},
        timeout=60,
        check=False,
    )
    assert run.returncode == 2
    assert f"TRIALBOX_RUNTIMES.odd.interpreter: {interpreter} is no Python that can be used: {why}" in run.stderr
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("preload", "complaint"),
    [
        ("no_such_module", "preloading 'no_such_module' raised ModuleNotFoundError"),
        ("threads_at_import", "preloading left 1 threads running"),
    ],
)
def test_a_runtime_whose_modules_can_not_be_preloaded_is_refused_by_name(
    preload: str, complaint: str, tmp_path: Path
) -> None:
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "threads_at_import.py").write_text(
        "import threading, time; threading.Thread(target=time.sleep, args=(99,), daemon=True).start()"
    )
    for folder in (tmp_path, tmp_path.parent, environment):
        folder.chmod(0o755)
    runtimes = {"broken": {"interpreter": str(environment / "bin/python"), "preload": [preload]}}
    run = subprocess.run(
        [sys.executable, "-m", "trialbox.server"],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "TRIALBOX_RUNTIMES": json.dumps(runtimes), "TRIALBOX_SLOTS": "1"},
        timeout=60,
        check=False,
    )
    assert run.returncode == 3
    assert f"runtime 'broken': {complaint}" in run.stderr
