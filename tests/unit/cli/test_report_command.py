"""`trialbox report`: from the folder of a run to a page, and what it says where there is none."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from trialbox.client import CaseResult, Check, Evaluation, Suite, Trust, Verdict
from trialbox.synthesis.prompts import Message, Prompt
from trialbox.synthesis.store import Answer, GradedProgram, begin
from trialbox.synthesis.tasks import Task


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run of one task, with a sample that solves it and one without a program."""
    task = Task(task_id="Mbpp/11", prompt="Add.", reference=None, suite=Suite([Check("assert one == 1", name="a")]))
    prompt = Prompt(task_id="Mbpp/11", content=(Message(role="user", content="Add."),))
    answer = Answer(task_id="Mbpp/11", index=0, text="one = 1", source="one = 1", finish_reason="stop", prompt=prompt)
    passed = Evaluation(cases=(CaseResult(verdict=Verdict.PASSED, trust=Trust.SEPARATED),))
    settings = {"tasks": "mbpp", "recorded_md5": "abc", "split": None}
    with begin(tmp_path / "run", tasks=[task], fixed=settings, grading={}, free={}, resume=False) as store:
        store.add([answer, replace(answer, index=1, text="No.", source=None, prompt=None)])
        (program,) = store.ungraded(0, 9)
        store.grade([GradedProgram(program_id=program.program_id, evaluation=passed)])
    return tmp_path / "run"


def report(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trialbox.cli", "report", *map(str, arguments)]
    plain = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=plain)


def test_a_run_becomes_a_page(run: Path) -> None:
    done = report(run)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(run / "report.html") in done.stdout
    page = (run / "report.html").read_text()
    assert "<h1>Recorded samples on mbpp</h1>" in page
    assert "1 of 2" in page


def test_the_page_can_be_written_elsewhere(run: Path, tmp_path: Path) -> None:
    assert report(run, "--out", tmp_path / "page.html").returncode == 0
    assert (tmp_path / "page.html").exists()
    assert not (run / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["{tmp}"], "there is no run in"),
        (["{tmp}/run", "--out", "{tmp}/nowhere/page.html"], "can't write to"),
    ],
)
def test_what_can_not_be_done_is_said(run: Path, tmp_path: Path, arguments: list[str], told: str) -> None:
    done = report(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert done.returncode == 2
    assert told in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("missing", ["plotly", "jinja2"])
def test_a_missing_extra_is_named(run: Path, missing: str) -> None:
    script = f"import sys; sys.modules[{missing!r}] = None; from trialbox.cli import main; main()"
    command = [sys.executable, "-c", script, "report", str(run)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"the report needs {missing}" in done.stderr
    assert "pip install 'trialbox[synthesis]'" in done.stderr
    assert not (run / "report.html").exists()
