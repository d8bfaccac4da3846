"""Throw-away environments in which trialbox is installed as a light user would."""

import hashlib
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# Kept between runs, by the hash of what was asked for; remove the folder to get today's newest releases.
ENVIRONMENTS = ROOT / ".tools" / "environments"


@pytest.fixture(scope="session", params=["lowest", "highest"])
def light_python(request: pytest.FixtureRequest) -> Path:
    """The interpreter of an environment made by `pip install -e .`, at either end of the allowed versions."""
    if request.param == "highest":
        return _environment(())
    with (ROOT / "pyproject.toml").open("rb") as file:
        bounds = tomllib.load(file)["project"]["dependencies"]
    return _environment(tuple(bound.partition(",")[0].replace(">=", "==") for bound in bounds))


@cache
def _environment(pins: tuple[str, ...]) -> Path:
    asked = (ROOT / "pyproject.toml").read_text() + sys.version + repr(pins)
    folder = ENVIRONMENTS / hashlib.sha256(asked.encode()).hexdigest()[:16]
    python = folder / "bin" / "python"
    done = folder / "done"
    if not done.exists():
        venv.create(folder, clear=True)
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(python)]
        subprocess.run([*pip, "install", "--editable", str(ROOT), *pins], check=True)
        done.touch()
    return python


@pytest.fixture(scope="session")
def run_python() -> Callable[..., str]:
    """Runs an interpreter, warnings as errors, and returns what it printed."""

    def run(python: Path | str, *arguments: str | Path) -> str:
        ended = subprocess.run(
            [python, "-W", "error", *arguments], capture_output=True, text=True, check=False, cwd=ROOT
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return run
