"""Lets a naive grader grade a program: as published ones do, with no isolation, but such that nothing of it stays."""

import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from corpus import CorpusProgram
from naive_graders import ACCEPTED, GRADERS

_SCRIPT = Path(__file__).with_name("naive_graders.py")
_SCIENTIFIC = Path(__file__).resolve().parents[2] / ".tools" / "scientific" / "bin" / "python"
# Of what a grader itself does, beside waiting for the program.
_GRACE_SECONDS = 30
# Nothing of the host can be written but the folder given first.
_CONFINE = """
mount --bind "$1" "$1" && mount -t tmpfs shm /dev/shm && mount -o remount,bind,ro / && cd "$1" && shift && exec "$@"
"""
NAMES = tuple(GRADERS)


def interpreter_of(runtime: str | None) -> Path | None:
    """The interpreter of a runtime the corpus asks for; None where `make scientific` has not been run."""
    if runtime is None:
        return Path(sys.executable)
    return _SCIENTIFIC if _SCIENTIFIC.exists() else None


@functools.cache
def accepts(grader: str, program: CorpusProgram, *, seconds: float = 20) -> bool:
    """Whether the grader of this name accepts `program`, which may take so many seconds.

    It can write to nothing but a folder of its own, and runs in a PID namespace of its own: what the program leaves is
    gone with them. A grader that the program broke, or kept for too long, accepts nothing.
    """
    interpreter = interpreter_of(program.runtime)
    assert interpreter is not None and not program.harmful
    with tempfile.TemporaryDirectory(prefix="trialbox-naive-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for file, content in {"program": program.source, "next": program.next_source, **program.files}.items():
            (folder / file).write_bytes(content)
        programs = ["program", "next"] if program.next_source else ["program"]
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command += ["sh", "-c", _CONFINE, "sh", name, str(interpreter), str(_SCRIPT)]
        command += [str(seconds), grader, program.task_name]
        command += programs if grader == "warm_worker" else programs[:1]
        environment = {"PATH": os.environ["PATH"], "HOME": name, "TMPDIR": name, "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, timeout=seconds + _GRACE_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return False
        if done.stderr.startswith((b"unshare:", b"mount:", b"sh:")):
            raise RuntimeError(done.stderr.decode(errors="replace"))
        return done.returncode == ACCEPTED
