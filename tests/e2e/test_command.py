"""The command, with the embedded service behind it."""

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import hosts
import pytest
from stopped_runs import graded, stopped

TASKS = [
    {
        "task_id": number,
        "text": "Double a number.",
        "code": "def double(n):\n    return n * 2",
        "test_list": [f"assert double({number}) == {number * 2}", "assert double(0) == 0"],
        "test_setup_code": "",
    }
    for number in (3, 1, 2)
]


def trialbox(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "trialbox.cli", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, check=False)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with hosts.serving({}) as server:
        yield server.address


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.jsonl"
    path.write_text("".join(json.dumps(task) + "\n" for task in TASKS))
    return path


def test_a_program_runs_in_an_embedded_service() -> None:
    done = trialbox("run", "-", stdin=b"print('hello')")
    assert (done.returncode, done.stdout) == (0, b"hello\n")
    assert done.stderr.startswith(b"trialbox: SUCCEEDED, exit status 0, ")
    assert done.stderr.count(b"\n") == 1


def test_output_is_passed_through_byte_for_byte(address: str) -> None:
    program = b"import sys; sys.stdout.buffer.write(bytes(range(256))); sys.stderr.buffer.write(b'\\xff\\n')"
    done = trialbox("run", "-", "--server", address, stdin=program)
    assert (done.returncode, done.stdout) == (0, bytes(range(256)))
    assert done.stderr.startswith(b"\xff\ntrialbox: SUCCEEDED")


def test_a_program_gets_its_input_arguments_files_and_environment(address: str, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes(b"input")
    (tmp_path / "data.txt").write_bytes(b"data")
    (tmp_path / "main.py").write_text(
        "import os, sys\n"
        "print(sys.stdin.read(), sys.argv[1:], open('data.txt').read(), open('deep/data').read(), os.environ['NAME'])"
    )
    options = ["--stdin", str(tmp_path / "in.txt"), "--arg=-x", "--arg", "two words", "--env", "NAME=a=b"]
    files = ["--file", str(tmp_path / "data.txt"), "--file", f"deep/data={tmp_path}/data.txt"]
    done = trialbox("run", tmp_path / "main.py", *options, *files, "--server", address)
    assert done.stdout == b"input ['-x', 'two words'] data data a=b\n"


def test_a_failing_program_makes_the_status_1(address: str) -> None:
    done = trialbox("run", "-", "--server", address, stdin=b"raise SystemExit(7)")
    assert done.returncode == 1
    assert done.stderr.startswith(b"trialbox: FAILED, exit status 7, ")


def test_an_interruption_makes_the_status_130(address: str) -> None:
    marker = f"lingering-{uuid.uuid4().hex}"
    command = [sys.executable, "-m", "trialbox.cli", "run", "-", "--server", address]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdin
        run.stdin.write(hosts.lingering(marker).encode())
        run.stdin.close()
        hosts.eventually(lambda: hosts.marked(marker), "the program started")
        run.send_signal(signal.SIGINT)
    assert run.returncode == 130
    hosts.eventually(lambda: not hosts.marked(marker), "the program ended")


@pytest.mark.parametrize(
    ("option", "outcome"),
    [("--wall-seconds", b"WALL_TIME_EXCEEDED"), ("--no-output-seconds", b"NO_OUTPUT_TIME_EXCEEDED")],
)
def test_limits_given_as_options_hold(address: str, option: str, outcome: bytes) -> None:
    done = trialbox("run", "-", option, "0.2", "--server", address, stdin=b"while True: pass")
    assert done.returncode == 1
    assert done.stderr.startswith(b"trialbox: " + outcome)


def test_a_reader_of_the_output_who_goes_away_ends_the_program(address: str) -> None:
    marker = f"lingering-{uuid.uuid4().hex}"
    command = [sys.executable, "-m", "trialbox.cli", "run", "-", "--server", address]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdin
        assert run.stdout
        dripping = "import time\nwhile True:\n    print('drop', flush=True)\n    time.sleep(0.01)"
        source = f"import os, sys; os.execv(sys.executable, [sys.executable, '-c', {dripping!r}, {marker!r}])"
        run.stdin.write(source.encode())
        run.stdin.close()
        assert run.stdout.readline() == b"drop\n"
        assert hosts.marked(marker)
        run.stdout.close()
        assert run.stderr
        assert b"Traceback" not in run.stderr.read()
    assert run.returncode == 1
    hosts.eventually(lambda: not hosts.marked(marker), "the program ended")


def test_a_limit_that_the_service_refuses_is_bad_usage(address: str) -> None:
    done = trialbox("run", "-", "--wall-seconds", "-1", "--server", address, stdin=b"")
    assert done.returncode == 2
    assert b"wall_seconds" in done.stderr


def test_files_that_a_program_made_or_changed_are_collected(address: str, tmp_path: Path) -> None:
    (tmp_path / "same").write_bytes(b"same")
    (tmp_path / "changed").write_bytes(b"before")
    program = (
        "import os\nos.makedirs('a/b')\nopen('a/b/new', 'wb').write(b'\\x00new')\n"
        "open('changed', 'w').write('after')\nos.symlink('/etc/passwd', 'link')"
    )
    files = ["--file", str(tmp_path / "same"), "--file", str(tmp_path / "changed")]
    done = trialbox("run", "-", *files, "--collect", tmp_path / "out", "--server", address, stdin=program.encode())
    assert done.returncode == 0
    found = {path.relative_to(tmp_path / "out"): path for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {str(name): path.read_bytes() for name, path in found.items()} == {"a/b/new": b"\0new", "changed": b"after"}
    assert b"trialbox: not collected: 'link'" in done.stderr


def test_a_folder_that_can_not_be_written_to_is_bad_input(address: str, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"a file")
    program = b"open('made', 'w')"
    done = trialbox("run", "-", "--collect", tmp_path / "out", "--server", address, stdin=program)
    assert (done.returncode, done.stderr) == (2, f"trialbox: can't write to {tmp_path}/out: File exists\n".encode())


def test_json_of_a_run_is_one_document(address: str) -> None:
    program = b"import sys; sys.stdout.buffer.write(b'\\xffa'); 1 / 0"
    done = trialbox("run", "-", "--json", "--server", address, stdin=program)
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, b"")
    assert (document["outcome"], document["exit_code"], document["signal"]) == ("FAILED", 1, None)
    assert document["stdout"].encode(errors="surrogateescape") == b"\xffa"
    assert document["exception"] == {"type": "ZeroDivisionError", "message": "division by zero", "line": 1}
    assert document["isolation"] == {"path": "warm", "waived_layers": []}
    assert document["usage"]["wall_seconds"] > 0


def test_tasks_of_ones_own_are_evaluated(address: str, tmp_path: Path) -> None:
    row = {
        "task_id": "own/add",
        "prompt": "Add numbers, of a line too.",
        "entry_point": "add",
        "reference": "def add(a, b): return a + b\nif __name__ == '__main__': print(add(*map(int, input().split())))",
        "asserts": ["assert add(1, one) == 2"],
        "calls": [{"arguments": [0.1, 0.2], "expected": 0.3, "absolute_tolerance": 1e-9}],
        "stdio": [{"stdin": "1 2", "expected": "3"}],
        "setup": "one = 1",
    }
    data = tmp_path / "own.jsonl"
    data.write_text(json.dumps(row))
    done = trialbox("evaluate", "--tasks", "jsonl", "--data", data, "--reference", "--json", "--server", address)
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout)["results"]
    assert [case["case"] for case in result["cases"]] == ["asserts[0]", "calls[0]", "stdio[0]"]
    assert result["passed"]


def test_references_are_evaluated_in_the_order_of_the_tasks(address: str, tasks: Path) -> None:
    done = trialbox("evaluate", "--tasks", "mbpp", "--data", tasks, "--reference", "--json", "--server", address)
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (document["tasks"], document["passed"]) == (3, 3)
    assert [result["task_id"] for result in document["results"]] == ["Mbpp/3", "Mbpp/1", "Mbpp/2"]
    assert document["results"][0]["cases"][0] == {
        "case": "test_list[0]",
        "verdict": "PASSED",
        "trust": "SEPARATED",
        "shared_reason": "",
        "message": "",
        "actual": "",
        "expected": "",
    }
    assert document["verdicts"]["PASSED"] == 6


def test_several_samples_of_a_task_are_told_apart(address: str, tasks: Path, tmp_path: Path) -> None:
    samples = tmp_path / "samples.jsonl"
    rows = [
        {"task_id": "Mbpp/1", "solution": "def double(n): return n + 1"},
        {"task_id": 1, "completion": "def double(n): return n + n"},
        {"task_id": "mbpp/2", "solution": "def double(n): return"},
    ]
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ["--data", str(tasks), "--samples", str(samples), "--server", address]
    done = trialbox("evaluate", "--tasks", "mbpp", *options, "--json", "--out", tmp_path / "out")
    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert (document["tasks"], document["passed"], document["tasks_without_program"]) == (2, 1, 1)
    assert (document["programs"], document["programs_passed"]) == (3, 1)
    assert [(result["task_id"], result["sample"], result["passed"]) for result in document["results"]] == [
        ("Mbpp/1", 0, False),
        ("Mbpp/1", 1, True),
        ("Mbpp/2", 0, False),
    ]
    assert json.loads((tmp_path / "out" / "results.json").read_text()) == document
    lines = [json.loads(line) for line in (tmp_path / "out" / "cases.jsonl").read_text().splitlines()]
    assert [line["verdict"] for line in lines] == ["PASSED", "FAILED", "PASSED", "PASSED", "FAILED", "FAILED"]


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)], ids=["ctrl-c", "kill"]
)
def test_what_was_graded_before_a_run_ended_is_kept(
    address: str, tasks: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    samples, out = tmp_path / "samples.jsonl", tmp_path / "out"
    rows = [
        {"task_id": "Mbpp/1", "solution": "def double(n): return n + n"},
        {"task_id": "Mbpp/2", "solution": "while True: pass"},
    ]
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out.mkdir()
    (out / "results.json").write_text("of an earlier run")
    options = ["--data", str(tasks), "--samples", str(samples), "--server", address, "--case-seconds", "60"]
    command: list[str | Path] = ["evaluate", "--tasks", "mbpp", *options, "--out", out]
    ended, told = stopped(number, command, lambda: graded(out))
    assert ended == status
    assert [item.task_id for item in graded(out)] == ["Mbpp/1"]
    assert not (out / "results.json").exists(), "nothing of an earlier run"
    if number is signal.SIGINT:
        assert "different programs graded: 1; they are in" in told and "--resume goes on" in told
    again = trialbox(*command)
    assert (again.returncode, again.stdout) == (2, b"")
    assert f"there is a run in {out} already; --resume goes on with it".encode() in again.stderr


def test_people_see_what_failed_and_how_much_passed(address: str, tasks: Path, tmp_path: Path) -> None:
    samples = tmp_path / "samples.jsonl"
    samples.write_text(
        json.dumps({"task_id": 1, "solution": "print('\x1b[31m')\ndef double(n): raise ValueError('\x1b[31m')"})
    )
    done = trialbox("evaluate", "--tasks", "mbpp", "--data", tasks, "--samples", samples, "--server", address)
    assert b"Mbpp/1" in done.stdout
    assert b"ERROR" in done.stdout
    assert b"0 of 1 tasks passed" in done.stdout
    assert b"\x1b" not in done.stdout


def test_doctor_tells_of_every_layer_of_this_machine() -> None:
    done = trialbox("doctor", "--json")
    document = json.loads(done.stdout)
    states = {layer["name"]: layer["state"] for layer in document["layers"]}
    assert {"pid_namespace", "seccomp", "memory_limit"} <= states.keys()
    assert document["serves"] is ("off" not in states.values())
    assert done.returncode == (0 if document["serves"] else 1)
    assert all(layer["evidence"] for layer in document["layers"])


def test_doctor_asks_a_running_service_too(address: str) -> None:
    done = trialbox("doctor", "--server", address, "--json")
    assert done.returncode == 0
    local = json.loads(trialbox("doctor", "--json").stdout)
    assert [layer["name"] for layer in json.loads(done.stdout)["layers"]] == [
        layer["name"] for layer in local["layers"]
    ]
    assert b"pid_namespace" in trialbox("doctor", "--server", address).stdout


def test_the_demo_finds_that_every_program_got_its_verdict() -> None:
    demo = Path(__file__).parents[2] / "examples" / "demo.py"
    done = subprocess.run([sys.executable, demo], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("every program got the verdict it deserves\n")
