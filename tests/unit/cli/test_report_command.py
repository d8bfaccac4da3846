"""`trialbox report`: from the folder of a run to a page, and what it says where there is none."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import report_runs
from click import unstyle

from trialbox.client import Check, Suite
from trialbox.synthesis.generators import Completion, FinishReason, Request
from trialbox.synthesis.prompts import Message, Prompt
from trialbox.synthesis.store import Store
from trialbox.synthesis.tasks import Task


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run of one task, two samples and one graded program."""
    task = Task(task_id="Mbpp/11", prompt="Add.", reference="", suite=Suite([Check("assert add(1, 2) == 3", name="a")]))
    prompt = Prompt(task_id="Mbpp/11", content=(Message(role="user", content="Add."),))
    answers = [("def add(a, b): return a + b", "def add(a, b): return a + b"), ("No.", None)]
    with Store(tmp_path / "run", settings=report_runs.SETTINGS, tasks=[task]) as store:
        store.add_samples(
            [
                (
                    Completion(
                        request=Request(prompt=prompt, index=index, seed=index, temperature=0.5, max_tokens=9),
                        text=text,
                        finish_reason=FinishReason.STOP,
                        tokens=9,
                        seconds=0.1,
                    ),
                    program,
                )
                for index, (text, program) in enumerate(answers)
            ]
        )
        (program,) = store.ungraded(0, 9)
        store.add_verdicts([(program.program_id, report_runs.PASSED)])
    return tmp_path / "run"


def report(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trialbox.cli", "report", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_run_becomes_a_page_with_its_figures_beside_it(run: Path) -> None:
    done = report(run)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(run / "report.html") in done.stdout
    assert "tests/small on mbpp" in (run / "report.html").read_text()
    figures = json.loads((run / "report.json").read_text())
    assert (figures["samples_solving"], figures["outcomes"]["no code"]) == (1, 1)


def test_the_page_can_be_written_elsewhere(run: Path, tmp_path: Path) -> None:
    assert report(run, "--out", tmp_path / "page.html").returncode == 0
    assert (tmp_path / "page.json").exists()
    assert not (run / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["{tmp}"], "holds no run: run.sqlite is missing"),
        (["{tmp}/run", "--out", "{tmp}/page.json"], "must end in .html"),
        (["{tmp}/run", "--out", "{tmp}/nowhere/page.html"], "can't write to"),
    ],
)
def test_what_can_not_be_done_is_said(run: Path, tmp_path: Path, arguments: list[str], told: str) -> None:
    done = report(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert done.returncode == 2
    assert told in " ".join(unstyle(done.stderr).replace("│", " ").split())
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
