"""Runs of `trialbox sample` and `trialbox evaluate`: killed, gone on with, sampled here and graded there."""

import asyncio
import json
import random
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path

import hosts
import pytest
import scripted_http
import stopped_runs
from stopped_runs import graded, results
from stopped_runs import samples as samples_of
from typer.testing import CliRunner

from trialbox.cli._app import build
from trialbox.synthesis.store import StoredRun

SAMPLES = 60
TASKS = [
    {
        "task_id": number,
        "text": "Add to a number.",
        "code": f"def add(n):\n    return n + {number}",
        "test_list": [f"assert add(1) == {1 + number}", "assert isinstance(add(0), int)"],
        "test_setup_code": "",
    }
    for number in (13, 11, 12)
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with hosts.serving({"SLOTS": "2"}) as server:
        yield server.address


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "tasks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in TASKS))
    return path


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs that are right, wrong, raise or don't parse; some of them equal."""
    source = random.Random(0)
    path = tmp_path_factory.mktemp("samples") / "samples.jsonl"
    rows = [
        {"task_id": row["task_id"], "solution": f"def add(n): return {source.choice(kinds)}"}
        for row in TASKS
        for kinds in [[f"n + {row['task_id']}", "n + 1", "n + {}", "(n", "nothing"]]
        for _ in range(SAMPLES)
    ]
    for number, row in enumerate(rows):
        # Distinct but for every third; each takes a moment, so that a run can be stopped on its way.
        row["solution"] = f"import time\ntime.sleep(0.01)\n{row['solution']}\n# {number if number % 3 else 0}"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def trialbox(*arguments: str | Path, status: int = 0) -> bytes:
    """What the command prints, or complains of where it is to fail."""
    running = stopped_runs.trialbox(arguments)
    told, complaints = running.communicate()
    assert running.returncode == status, complaints.decode()
    return told if status in (0, 1) else complaints


def stopped(number: signal.Signals, folder: Path, arguments: list[str | Path]) -> tuple[int, str]:
    """Stop a command when it has graded more than there was."""
    before = len(graded(folder))
    return stopped_runs.stopped(number, arguments, lambda: len(graded(folder)) > before + 5)


def test_a_run_killed_three_times_comes_to_what_an_undisturbed_one_does(
    address: str, tasks: Path, samples: Path, tmp_path: Path
) -> None:
    options: list[str | Path] = ["evaluate", "--tasks", "mbpp", "--data", tasks, "--samples", samples]
    options += ["--server", address]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    trialbox(*options, "--out", whole, status=1)
    again = [*options, "--out", cut, "--resume"]
    for _ in range(3):
        status, _ = stopped(signal.SIGKILL, cut, again)
        assert status == -signal.SIGKILL
        assert not (cut / "results.json").exists()
    trialbox(*again, "--json", status=1)
    document = results(cut)
    assert document == results(whole)
    assert document["programs"] == 3 * SAMPLES
    assert 0 < document["programs_passed"] < document["programs"]
    assert {kind for kind, count in document["errors"].items() if count} == {
        "syntax",
        "type",
        "other runtime",
        "wrong result",
    }
    for name in ("cases.jsonl", "junit.xml"):
        assert (cut / name).read_text().count("\n") == (whole / name).read_text().count("\n")
    with StoredRun(cut) as run:
        # Two of three have a number of their own; the others are of five kinds for each task.
        assert sum(1 for _ in run.programs()) == 2 * SAMPLES + 3 * 5


def test_ctrl_c_says_what_is_kept_and_how_to_go_on(address: str, tasks: Path, samples: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options: list[str | Path] = ["evaluate", "--tasks", "mbpp", "--data", tasks, "--samples", samples]
    options += ["--server", address, "--out", out, "--resume"]
    status, complaints = stopped(signal.SIGINT, out, options)
    assert status == 130
    assert "samples kept: 180, different programs graded: " in complaints
    assert f"; they are in {out}, and the same command with --resume goes on" in complaints
    assert "Traceback" not in complaints
    trialbox(*options, status=1)
    assert len(graded(out)) == 3 * SAMPLES


def test_what_was_sampled_only_is_graded_later_from_data_that_has_moved(
    address: str, tasks: Path, samples: Path, tmp_path: Path
) -> None:
    out, here, there = tmp_path / "out", tmp_path / "here.jsonl", tmp_path / "there.jsonl"
    here.write_bytes(tasks.read_bytes())
    options: list[str | Path] = ["sample", "--tasks", "mbpp", "--data", here, "--recorded", samples, "--out", out]
    told = trialbox(*options, "--sample-only", "--samples", "4", "--wall-seconds", "9", "--case-seconds", "-3")
    assert told == f"12 samples are in {out}; trialbox evaluate --run {out} grades them.\n".encode()
    assert [path.name for path in out.iterdir() if path.suffix == ".json"] == []
    here.rename(there)
    grade: list[str | Path] = ["evaluate", "--run", out, "--server", address]
    assert f"can't read {here}: No such file or directory; --data tells where".encode() in trialbox(*grade, status=2)
    document = json.loads(trialbox(*grade, "--data", there, "--case-seconds", "7", "--json", status=1))
    assert (document["programs"], document["tasks"]) == (12, 3)
    assert json.loads((out / "results.json").read_text()) == document
    # Graded already, and how is known: nothing is left to do.
    assert json.loads(trialbox(*grade, "--data", there, "--json", status=1))["verdicts"] == document["verdicts"]
    # Graded, they bind.
    for option, value in (("--case-seconds", 7.0), ("--wall-seconds", 9.0)):
        complaint = trialbox(*grade, "--data", there, option, "8", status=2).decode()
        assert (
            f"{option.strip('-').replace('-', '_')} is {value} in the run in {out}, and 8.0 is asked for" in complaint
        )
    with sqlite3.connect(out / "run.sqlite") as connection:
        connection.execute("DELETE FROM samples WHERE number = 3")
    connection.close()
    ended = stopped_runs.trialbox([*grade, "--data", there])
    assert b"3 samples are missing; what began the run makes them with --resume" in ended.communicate()[1]
    there.write_text(json.dumps(TASKS[0]))
    assert b"has the MD5" in trialbox(*grade, "--data", there, status=2)


def test_other_settings_and_a_second_command_are_refused(
    address: str, tasks: Path, samples: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options: list[str | Path] = ["sample", "--tasks", "mbpp", "--data", tasks, "--recorded", samples, "--out", out]
    options += ["--server", address]
    trialbox(*options, "--samples", "2")
    complaint = trialbox(*options, "--samples", "3", "--resume", status=2)
    assert f"samples is 2 in the run in {out}, and 3 is asked for".encode() in complaint
    assert b"--resume goes on with it" in trialbox(*options, "--samples", "2", status=2)
    grade: list[str | Path] = ["evaluate", "--tasks", "mbpp", "--data", tasks, "--samples", samples, "--out", out]
    assert b'begun_by is "sample" in the run in' in trialbox(*grade, "--server", address, "--resume", status=2)

    hanging = tmp_path / "hanging.jsonl"
    hanging.write_text(json.dumps({"task_id": 11, "solution": "while True: pass"}))
    slow: list[str | Path] = ["evaluate", "--tasks", "mbpp", "--data", tasks, "--samples", hanging]
    slow += ["--case-seconds", "60", "--server", address, "--out", tmp_path / "slow", "--resume"]
    first = stopped_runs.trialbox(slow)
    try:
        hosts.eventually((tmp_path / "slow" / "run.sqlite").exists, "it has begun")
        assert b"another process is at work on the run in" in trialbox(*slow, status=2)
    finally:
        first.kill()
        first.communicate()


def test_some_tasks_are_tried_first_and_their_choice_is_the_run_s(
    address: str, tasks: Path, samples: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options: list[str | Path] = ["sample", "--tasks", "mbpp", "--data", tasks, "--recorded", samples, "--out", out]
    options += ["--sample-only"]
    trialbox(*options, "--ids", "12,Mbpp/13", "--ids", "11", "--limit", "2")
    assert [row.task_id for row in samples_of(out)] == ["Mbpp/13", "Mbpp/11"]
    trialbox(*options, "--ids", "13,11", "--limit", "2", "--resume")
    for other, complaint in (
        (["--ids", "13,11"], f"limit is 2 in the run in {out}, and null is asked for"),
        (["--limit", "2"], f'ids is ["Mbpp/13", "Mbpp/11"] in the run in {out}, and null is asked for'),
    ):
        arguments = [*map(str, options), *other, "--resume"]
        assert complaint in CliRunner().invoke(build(arguments), arguments).output
    document = json.loads(trialbox("evaluate", "--run", out, "--server", address, "--json", status=1))
    assert (document["tasks"], document["programs"]) == (2, 2)


def test_a_recorded_file_that_holds_too_few_samples_is_told_of_and_no_run_is_begun(
    tasks: Path, samples: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options: list[str | Path] = ["sample", "--tasks", "mbpp", "--data", tasks, "--recorded", samples, "--out", out]
    complaint = trialbox(*options, "--samples", str(SAMPLES + 1), status=2)
    there = ", ".join(f"{SAMPLES} for Mbpp/{number}" for number in (13, 11, 12))
    told = f"for 3 of 3 tasks: {SAMPLES + 1} for each are wanted, and there are {there}"
    assert complaint.decode() == f"trialbox: {samples} holds too few samples {told}\n"
    assert not out.exists()


def test_recorded_programs_beyond_what_is_wanted_are_told_of(tasks: Path, samples: Path, tmp_path: Path) -> None:
    options = ["--tasks", "mbpp", "--data", str(tasks), "--recorded", str(samples), "--out", str(tmp_path / "out")]
    running = stopped_runs.trialbox(["sample", *options, "--sample-only"])
    told = f"{samples} holds more for these tasks than --samples 1 takes: {3 * (SAMPLES - 1)} are left out"
    assert running.communicate()[1].decode() == f"trialbox: {told}\n"
    assert len(samples_of(tmp_path / "out")) == 3


def test_of_recorded_programs_nothing_is_told_of_how_they_were_made(tasks: Path, samples: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    trialbox(*SAMPLE[:3], "--data", tasks, "--recorded", samples, "--out", out, "--sample-only")
    assert {(row.prompt_id, row.seed, row.temperature) for row in samples_of(out)} == {(None, None, None)}
    with StoredRun(out) as run:
        assert not run.settings.keys() & {"temperature", "top_p", "max_tokens", "seed", "style", "examples", "asserts"}


async def test_a_model_s_server_may_fail_and_the_run_go_on_with_another(
    address: str, tasks: Path, tmp_path: Path
) -> None:
    pytest.importorskip("httpx", reason="make synthesis installs it")
    key = tmp_path / "key"
    key.write_text("sk-secret\n")
    options = ["--tasks", "mbpp", "--data", tasks, "--shots", "0", "--samples", "2", "--server", address]
    options += ["--api-model", "small", "--api-key-file", key, "--concurrency", "1", "--out", tmp_path / "out"]

    async def sampled(url: str, *more: str) -> tuple[int | None, str]:
        command = [sys.executable, "-m", "trialbox.cli", "sample", "--api", url, *map(str, options), *more]
        running = await asyncio.create_subprocess_exec(*command, stderr=PIPE, stdout=PIPE)
        _, complaints = await running.communicate()
        return running.returncode, complaints.decode()

    async with scripted_http.serving(answering(only=4)) as first:
        status, complaints = await sampled(first.url)
    assert status == 3
    assert "/completions answered 400: no more" in complaints
    assert "samples kept: 4" in complaints and "the same command with --resume goes on" in complaints
    assert len(samples_of(tmp_path / "out")) == 4
    async with scripted_http.serving(answering(only=100)) as second:
        assert await sampled(second.url, "--resume") == (0, "")
    assert len(second.received) == 2
    status, complaints = await sampled(second.url, "--resume", "--temperature", "0.25")
    assert status == 2 and "temperature is 0.5 in the run in" in complaints
    asked = {json.dumps([one.body["prompt"], one.body["seed"]]) for one in (*first.received, *second.received)}
    assert len(asked) == 6
    assert {one.headers["authorization"] for one in second.received} == {"Bearer sk-secret"}
    document = results(tmp_path / "out")
    assert (document["programs"], document["programs_passed"], document["passed"]) == (6, 2, 1)
    assert b"sk-secret" not in (tmp_path / "out" / "run.sqlite").read_bytes()


async def test_a_model_s_wrong_name_leaves_the_folder_free_for_the_right_one(tasks: Path, tmp_path: Path) -> None:
    pytest.importorskip("httpx", reason="make synthesis installs it")
    out = tmp_path / "out"
    options = ["--tasks", "mbpp", "--data", tasks, "--shots", "0", "--sample-only", "--out", out]
    async with scripted_http.serving(named("small")) as served:

        async def sampled(model: str) -> tuple[int | None, str]:
            command = [sys.executable, "-m", "trialbox.cli", "sample", "--api", served.url, "--api-model", model]
            running = await asyncio.create_subprocess_exec(*command, *map(str, options), stderr=PIPE, stdout=PIPE)
            _, complaints = await running.communicate()
            return running.returncode, complaints.decode()

        status, complaints = await sampled("smal")
        assert status == 3
        assert "answered 404: no such model" in complaints
        assert complaints.endswith(f"trialbox: no sample came; {out} is free for a run\n")
        assert await sampled("small") == (0, "")
        assert len(samples_of(out)) == len(TASKS)
        status, complaints = await sampled("smal")
        assert status == 2 and "there is a run in" in complaints


async def test_a_model_s_server_that_is_not_there_yet_is_told_of_at_once(tasks: Path, tmp_path: Path) -> None:
    pytest.importorskip("httpx", reason="make synthesis installs it")
    bound = scripted_http.unreachable()
    url = f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
    command = [sys.executable, "-m", "trialbox.cli", "sample", "--api", url, "--api-model", "small"]
    command += [
        "--tasks",
        "mbpp",
        "--data",
        str(tasks),
        "--shots",
        "0",
        "--sample-only",
        "--out",
        str(tmp_path / "out"),
    ]
    running = await asyncio.create_subprocess_exec(*command, stderr=PIPE, stdout=PIPE)
    assert running.stderr is not None
    told = (await running.stderr.readline()).decode()
    assert told.startswith(f"trialbox: {url} can't be reached (All connection attempts failed); it is tried again for")
    async with scripted_http.serving(answering(only=100), bound):
        _, complaints = await running.communicate()
    assert (running.returncode, complaints) == (0, b"")
    assert len(samples_of(tmp_path / "out")) == len(TASKS)


def named(model: str) -> scripted_http.Answer:
    """Answers for the model of this name."""
    answer = answering(only=100)

    async def unless_other(received: scripted_http.Received) -> scripted_http.Reply | None:
        if received.body["model"] != model:
            return scripted_http.Reply(status=404, body=b'{"error": {"message": "no such model"}}')
        return await answer(received)

    return unless_other


def answering(*, only: int) -> scripted_http.Answer:
    """Answers so many requests with the program of one of the tasks."""
    left = iter(range(only))

    async def answer(received: scripted_http.Received) -> scripted_http.Reply:
        if next(left, None) is None:
            return scripted_http.Reply(status=400, body=b'{"error": {"message": "no more"}}')
        choice = {"index": 0, "text": "def add(n): return n + 11", "finish_reason": "stop"}
        return scripted_http.Reply(body=json.dumps({"choices": [choice]}).encode())

    return answer


SAMPLE = ("sample", "--tasks", "mbpp", "--data", "DATA", "--out", "OUT")
OF_A_MODEL = ("--temperature", "--top-p", "--max-tokens", "--seed", "--shots", "--prompt-seed", "--asserts")
API = ("--api", "http://localhost/v1", "--api-model", "small")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (SAMPLE, "give one of --model PATH"),
        ((*SAMPLE, "--api", "http://localhost/v1"), "--api and --api-model go together"),
        ((*SAMPLE, *API), "shots is 3; there are 0 tasks to choose from"),
        ((*SAMPLE, *API, "--shots", "0", "--temperature", "inf"), "temperature must be a finite number"),
        (
            (*SAMPLE, "--recorded", "DATA", *(f"{option}=1" for option in OF_A_MODEL), "--chat"),
            f"without {', '.join(OF_A_MODEL)}, --chat",
        ),
        ((*SAMPLE, "--recorded", "DATA", "--sample-only", "--isolation", "cold"), "--isolation is for grading"),
        ((*SAMPLE, "--recorded", "DATA", "--split", "dev"), "mbpp has no part 'dev'"),
        ((*SAMPLE, "--recorded", "DATA", "--ids", "11,14"), "mbpp: no task has the id '14'"),
        (("evaluate", "--tasks", "mbpp", "--data", "DATA", "--reference", "--resume"), "--resume goes on"),
        (("evaluate", "--run", "OUT", "--reference"), "--run has tasks and samples of its own"),
        (("evaluate", "--run", "OUT"), "there is no run in"),
        (("evaluate",), "give --tasks and --data, or --run"),
        (("export", "OUT", "run.parquet"), "there is no run in"),
    ],
)
def test_wrong_usage_is_told_and_leaves_nothing_behind(
    tasks: Path, tmp_path: Path, options: tuple[str, ...], complaint: str
) -> None:
    out = tmp_path / "out"
    places = {"DATA": str(tasks), "OUT": str(out)}
    done = CliRunner().invoke(build(options), [places.get(option, option) for option in options])
    assert done.exit_code == 2
    assert complaint in " ".join(done.output.replace("│", " ").split())
    assert not out.exists()
