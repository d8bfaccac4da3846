"""Graders as published ones work: the program can reach its tests, or the verdict, or both.

Run as a script in a folder of its own, `naive_graders.py SECONDS GRADER TASK PROGRAM [NEXT]` grades the file PROGRAM,
which may take so many seconds, and exits with ACCEPTED or REJECTED. What is run so is not isolated: see naive.py.
"""

import builtins
import contextlib
import io
import json
import math
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, MutableSequence
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized, SynchronizedArray
from pathlib import Path
from typing import Any

from graded_tasks import TASKS, Task

ACCEPTED, REJECTED = 10, 11
_SUCCESS, _FAILED = 1, 2
_WORD_BYTES = 6

_seconds = 1.0
"""What a program may take."""
_PYTEST_SECONDS = 15
"""What pytest itself may take beside it."""
# Published graders fork, and what they do to the interpreter is to end with the child.
_forking = multiprocessing.get_context("fork")


def exit_code(source: str, task: Task) -> bool:
    """Program and asserts in one script: accepted when that exits with status 0."""
    return _run_script(source, task.as_script()).returncode == 0


def says_passed(source: str, task: Task) -> bool:
    """The same, but the script says at its end that all passed: accepted when that was printed."""
    return b"ALL TESTS PASSED" in _run_script(source, task.as_script(), "print('ALL TESTS PASSED')").stdout


def pytest_run(source: str, task: Task) -> bool:
    """Run the program to see whether it does; then have pytest run the tests, which import it, in the same folder."""
    Path("solution.py").write_text(source)
    test = "\n    ".join(task.as_script().splitlines())
    Path("test_solution.py").write_text(f"from solution import *\ndef test_solution():\n    {test}\n")
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    _run([sys.executable, "solution.py"], env=environment)
    return (
        _run([sys.executable, "-m", "pytest", "-q", "test_solution.py"], _PYTEST_SECONDS, env=environment).returncode
        == 0
    )


def human_eval(source: str, task: Task) -> bool:
    """Execute program and asserts in a child, which appends "passed" to a list after the last (as human-eval does)."""
    with _forking.Manager() as manager:
        result = manager.list()
        _finish(_forking.Process(target=_unsafe_execute, args=(f"{source}\n{task.as_script()}", result)))
        return bool(result) and result[0] == "passed"


def _unsafe_execute(program: str, result: MutableSequence[str]) -> None:
    _guard_reliability()
    try:
        with _quiet(), _time_limit():
            exec(program, {})
        result.append("passed")
    except TimeoutError:
        result.append("timed out")
    except BaseException as error:
        result.append(f"failed: {error}")


def evalplus(source: str, task: Task) -> bool:
    """Compare in a child, which reports a flag for each case through shared memory (as EvalPlus does)."""
    problem = _problem(task)
    progress = _forking.Value("i", 0)
    status = _forking.Value("i", 0)
    details = _forking.Array("b", len(problem["inputs"]))
    arguments = (source, task.entry_point, problem, task.tolerance, progress, status, details)
    _finish(_forking.Process(target=_unsafe_evaluate, args=arguments))
    return status.value == _SUCCESS and progress.value == len(details) and all(details[:]) and len(details) > 0


def _unsafe_evaluate(
    source: str,
    entry_point: str,
    problem: dict[str, list[Any]],
    tolerance: float | None,
    progress: "Synchronized[int]",
    status: "Synchronized[int]",
    details: "SynchronizedArray[int]",
) -> None:
    _guard_reliability()
    namespace: dict[str, Any] = {}
    try:
        with _quiet(), _time_limit():
            exec(source, namespace)
            function = namespace[entry_point]
            for inputs, expected in zip(problem["inputs"], problem["expected"], strict=True):
                try:
                    answer = function(*inputs)
                    exact = answer == expected
                    if not exact and tolerance is not None:
                        exact = math.isclose(answer, expected, rel_tol=1e-7, abs_tol=tolerance)
                    details[progress.value] = bool(exact)
                except BaseException:
                    details[progress.value] = False
                progress.value += 1
        status.value = _SUCCESS
    except BaseException:
        status.value = _FAILED


def verdict_pipe(source: str, task: Task) -> bool:
    """Execute program and asserts in a child, which writes its verdict to a pipe it inherited."""
    reading, writing = os.pipe()
    _finish(_forking.Process(target=_write_verdict, args=(f"{source}\n{task.as_script()}", writing)))
    os.close(writing)
    return os.read(reading, _WORD_BYTES) == b"passed"


def _write_verdict(program: str, writing: int) -> None:
    try:
        with _quiet():
            exec(program, {})
        os.write(writing, b"passed")
    except BaseException:
        os.write(writing, b"failed")


def pickled_result(source: str, task: Task) -> bool:
    """Call in a child and unpickle what it returned here, where the expected values are."""
    problem = _problem(task)
    receiver, sender = _forking.Pipe(duplex=False)
    child = _forking.Process(target=_send_results, args=(source, task.entry_point, problem["inputs"], sender))
    child.start()
    sender.close()
    passed = []
    try:
        for expected in problem["expected"]:
            if not receiver.poll(_seconds):
                return False
            passed.append(bool(receiver.recv() == expected))
    except Exception:
        return False
    finally:
        child.kill()
        child.join()
    return bool(passed) and all(passed)


def _send_results(source: str, entry_point: str, inputs: list[Any], sender: "Connection[Any, Any]") -> None:
    namespace: dict[str, Any] = {}
    with _quiet():
        exec(source, namespace)
        for arguments in inputs:
            sender.send(namespace[entry_point](*arguments))


_RUNNER = """
import json, sys
program, entry_point = sys.argv[1:]
namespace = {"__name__": "solution"}
exec(open(program).read(), namespace)
verdicts = []
for test in json.load(sys.stdin):
    expected = str(test["expected"])
    try:
        verdicts.append(str(namespace[entry_point](*test["inputs"])) == expected)
    except Exception:
        verdicts.append(False)
print(json.dumps({"passed": all(verdicts)}))
"""


def stdin_tests(source: str, task: Task) -> bool:
    """A runner that is given the tests on standard input, compares texts, and prints a verdict as JSON."""
    problem = _problem(task)
    pairs = zip(problem["inputs"], problem["expected"], strict=True)
    Path("solution.py").write_text(source)
    Path("tests.json").write_text(json.dumps([{"inputs": inputs, "expected": wanted} for inputs, wanted in pairs]))
    with Path("tests.json").open("rb") as tests:
        printed = _run([sys.executable, "-c", _RUNNER, "solution.py", task.entry_point], stdin=tests).stdout
    try:
        return bool(problem["inputs"]) and bool(json.loads(printed.splitlines()[-1])["passed"])
    except (IndexError, KeyError, TypeError, ValueError):
        return False


def stdout_lines(source: str, task: Task) -> bool:
    """Run the script and compare what it printed, line by line, as far as both go."""
    Path("solution.py").write_text(source)
    for dialogue in task.dialogues:
        done = _run([sys.executable, "solution.py"], input=dialogue.stdin.encode())
        printed, expected = done.stdout.decode(errors="replace").splitlines(), dialogue.expected.splitlines()
        if not all(line == wanted for line, wanted in zip(printed, expected, strict=False)):
            return False
    return bool(task.dialogues)


def warm_worker(source: str, task: Task, next_source: str = "") -> bool:
    """Grade one program after another in this very process; tells what became of the one after `source`."""
    passed = False
    for program in (source, next_source or f"def {task.entry_point}(*arguments): return None"):
        try:
            with _quiet():
                namespace: dict[str, Any] = {}
                exec(program, namespace)
                exec(task.as_script(), namespace)
            passed = True
        except BaseException:
            passed = False
    return passed


GRADERS: dict[str, Callable[..., bool]] = {
    grader.__name__: grader
    for grader in (
        exit_code, says_passed, pytest_run, human_eval, evalplus, verdict_pipe, pickled_result, stdin_tests,
        stdout_lines, warm_worker,
    )
}  # fmt: skip


def _problem(task: Task) -> dict[str, list[Any]]:
    inputs = [list(example.arguments) for example in task.examples]
    if not task.oracle:
        return {"inputs": inputs, "expected": [example.expected for example in task.examples]}
    namespace: dict[str, Any] = {}
    exec(task.oracle, namespace)
    return {"inputs": inputs, "expected": [namespace[task.entry_point](*arguments) for arguments in inputs]}


def _run_script(*parts: str) -> "subprocess.CompletedProcess[bytes]":
    Path("script.py").write_text("\n".join(parts))
    return _run([sys.executable, "script.py"])


def _run(command: list[str], more_seconds: float = 0, **options: Any) -> "subprocess.CompletedProcess[bytes]":
    given = {"stdin": subprocess.DEVNULL, **options} if "input" not in options else options
    try:
        return subprocess.run(command, capture_output=True, timeout=_seconds + more_seconds, check=False, **given)
    except subprocess.TimeoutExpired as error:
        return subprocess.CompletedProcess(command, -signal.SIGKILL, error.stdout or b"", error.stderr or b"")


def _finish(child: multiprocessing.process.BaseProcess) -> None:
    child.start()
    child.join(_seconds + 1)
    if child.is_alive():
        child.kill()
    child.join()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    def time_out(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, time_out)
    signal.setitimer(signal.ITIMER_REAL, _seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _guard_reliability() -> None:
    """Take away what a program might do harm with, as human-eval and its copies do."""
    functions: dict[Any, str] = {
        os: "kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename renames truncate "
        "replace unlink fchmod fchown chmod chown chroot getcwd chdir",
        shutil: "rmtree move chown",
        subprocess: "Popen",
        builtins: "exit quit help",
    }
    for module, names in functions.items():
        for name in names.split():
            setattr(module, name, None)


def _main(seconds: str, grader: str, task: str, *programs: str) -> int:
    global _seconds
    _seconds = float(seconds)
    sources = [Path(program).read_bytes().decode() for program in programs]
    return ACCEPTED if GRADERS[grader](sources[0], TASKS[task], *sources[1:]) else REJECTED


if __name__ == "__main__":
    sys.path.insert(0, "")
    sys.exit(_main(*sys.argv[1:]))
