"""The command line: its help, its refusals and its exit statuses, none of which needs a sandbox."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from trialbox.cli.run import parse_size
from trialbox.synthesis.one_line import one_line

MBPP_ROW = {
    "task_id": 1,
    "text": "Say one.",
    "code": "one = 1",
    "test_list": ["assert one == 1"],
    "test_setup_code": "",
}


def trialbox(
    *arguments: str | Path, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "trialbox.cli", *map(str, arguments)]
    all_of_it = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **(environment or {})}
    return subprocess.run(command, input=stdin, capture_output=True, check=False, env=all_of_it)


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.jsonl"
    path.write_text(json.dumps(MBPP_ROW))
    return path


def test_the_help_names_every_command_and_the_exit_statuses() -> None:
    done = trialbox("--help")
    assert done.returncode == 0
    for text in (
        b"run",
        b"sample",
        b"sample",
        b"evaluate",
        b"export",
        b"report",
        b"report",
        b"bench",
        b"serve",
        b"doctor",
        b"Exit status: 0 all is well; 1",
        b"3 the sandbox itself",
    ):
        assert text in done.stdout


@pytest.mark.parametrize("command", ["run", "sample", "evaluate", "report", "bench", "serve", "doctor"])
def test_every_command_explains_itself_and_the_exit_statuses(command: str) -> None:
    done = trialbox(command, "--help")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Exit status: 0" in done.stdout


def test_only_the_command_asked_for_is_imported() -> None:
    program = (
        "import sys; from trialbox.cli import main\n"
        "try:\n    main()\nfinally:\n    print(*sorted(sys.modules), sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, "serve", "--help"], capture_output=True, check=True)
    imported = done.stderr.decode().splitlines()
    assert "trialbox.cli.serve" in imported
    assert not {"trialbox.cli.run", "trialbox.client", "trialbox.server", "grpc"} & set(imported)


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_the_command_names_it(missing: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; from trialbox.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stdout == b""
    wanted = f"needs {missing}, which is not installed: pip install 'trialbox[cli]' (in a clone: pip install '.[cli]')"
    assert wanted.encode() in done.stderr


@pytest.mark.parametrize("command", ["serve", "doctor"])
def test_without_the_server_what_needs_it_names_the_extra(command: str) -> None:
    program = (
        "import sys; sys.modules['structlog'] = None; sys.argv[1:] = [sys.argv[1]]\n"
        "from trialbox.cli import main; sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", program, command], capture_output=True, check=False)
    assert done.returncode == 2
    assert b"needs structlog, which is not installed: pip install 'trialbox[server]' (in a clone:" in done.stderr


@pytest.mark.parametrize("arguments", [["serve"], ["doctor"], ["run", "-"], ["bench", "--rounds", "1"]])
@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("TRIALBOX_SLOTS", "abc", b"TRIALBOX_SLOTS = 'abc': Input should be a valid integer"),
        ("TRIALBOX_RUNTIMES", "{bad", b"TRIALBOX_RUNTIMES = '{bad': is not JSON"),
    ],
)
def test_a_bad_setting_is_bad_input_to_every_command_that_serves(
    arguments: list[str], name: str, value: str, complaint: bytes
) -> None:
    done = trialbox(*arguments, environment={name: value})
    assert (done.returncode, done.stdout) == (2, b"")
    assert complaint in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["walk"], b"No such command"),
        (["run"], b"Missing argument"),
        (["run", "/nowhere/main.py"], b"can't read /nowhere/main.py: No such file or directory"),
        (["run", "/"], b"can't read /: Is a directory"),
        (["run", "-", "--stdin", "-"], b"can't both be read from standard input"),
        (["run", "-", "--stdin", "/nowhere/in"], b"can't read /nowhere/in"),
        (["run", "-", "--file", "data=/nowhere/data"], b"can't read /nowhere/data"),
        (["run", "-", "--env", "HOME"], b"'HOME' is not NAME=VALUE"),
        (["run", "-", "--memory-bytes", "much"], b"'much' is not a size, such as 1048576 or 64MiB"),
        (["run", "-", "--wall-seconds", "soon"], b"--wall-seconds"),
        (["serve", "--slots", "0"], b"--slots"),
        (["serve", "--waive", "nothing"], b"'nothing' is no layer"),
        (["serve", "--address", "here"], b"'here': is neither HOST:PORT"),
        (["bench", "--rounds", "0"], b"--rounds"),
        (["bench", "--mbpp", "/nowhere/x"], b"trialbox: can't read /nowhere/x: No such file or directory\n"),
        (["evaluate", "--tasks", "sums", "--data", "x", "--reference"], b"'sums' is not one of"),
        (
            ["evaluate", "--tasks", "mbpp", "--data", "/nowhere/x", "--reference"],
            b"trialbox: can't read /nowhere/x: No such file or directory\n",
        ),
        (["evaluate", "--tasks", "mbpp", "--data", "x"], b"either --samples FILE or --reference"),
        (["evaluate", "--tasks", "mbpp", "--data", "x", "--samples", "y", "--reference"], b"either --samples"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_is_wrong(arguments: list[str], complaint: bytes) -> None:
    done = trialbox(*arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    assert complaint in done.stderr


def test_a_faulty_task_file_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_text('{"task_id": 1}')
    done = trialbox("evaluate", "--tasks", "mbpp", "--data", path, "--reference", "--json")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"tasks.jsonl, line 1, field 'test_list': is missing" in done.stderr


def test_samples_for_unknown_tasks_are_bad_input(tmp_path: Path, tasks: Path) -> None:
    samples = tmp_path / "samples.jsonl"
    samples.write_text('{"task_id": 2, "solution": ""}')
    done = trialbox("evaluate", "--tasks", "mbpp", "--data", tasks, "--samples", samples)
    assert done.returncode == 2
    assert b"samples.jsonl, line 1, field 'task_id': no task has the id '2'" in done.stderr


@pytest.mark.parametrize("command", ["run", "evaluate", "doctor"])
def test_a_service_that_is_not_there_is_an_infrastructure_failure(command: str, tmp_path: Path, tasks: Path) -> None:
    inputs: dict[str, list[str]] = {
        "run": [str(tasks)],
        "evaluate": ["--tasks", "mbpp", "--data", str(tasks), "--reference"],
        "doctor": [],
    }
    done = trialbox(command, *inputs[command], "--server", f"unix:{tmp_path}/absent", "--json")
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.startswith(b"trialbox: ")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["evaluate", "sample"])
def test_recorded_programs_are_graded_without_what_models_and_reports_need(
    command: str, tmp_path: Path, tasks: Path
) -> None:
    samples = tmp_path / "samples.jsonl"
    samples.write_text('{"task_id": 1, "solution": "one = 1"}')
    options = {"evaluate": ["--samples", samples], "sample": ["--recorded", samples]}[command]
    arguments = [command, "--tasks", "mbpp", "--data", tasks, "--out", tmp_path / "out", *options]
    missing = ("httpx", "huggingface_hub", "jinja2", "plotly", "pyarrow", "torch", "transformers")
    program = (
        f"import sys; sys.modules |= dict.fromkeys({missing}); sys.argv = {['trialbox', *map(str, arguments)]}\n"
        f"sys.argv += ['--server', 'unix:{tmp_path}/absent']; from trialbox.cli import main; sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    # It gets as far as to look for the service.
    assert done.returncode == 3, done.stderr.decode()
    assert f"no sample came; {tmp_path}/out is free for a run".encode() in done.stderr


@pytest.mark.parametrize(
    ("text", "size_bytes"), [("4096", 4096), ("4KiB", 4096), ("64MiB", 64 << 20), ("2GiB", 2 << 30)]
)
def test_sizes_may_have_a_unit(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines\r\n", "two lines"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\u202eright to left", "\\u202eright to left"),
        ("lone \ud800 surrogate", "lone \\ud800 surrogate"),
        ("x" * 200, "x" * 159 + "…"),
        ("\0" * 100, "\\x00" * 39 + "\\x0…"),
        ("ünï[bold]", "ünï[bold]"),
    ],
)
def test_what_programs_wrote_is_shown_on_one_safe_line(text: str, shown: str) -> None:
    assert one_line(text) == shown
