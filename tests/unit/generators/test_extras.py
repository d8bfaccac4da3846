"""What samples from models needs the extra `synthesis`; what doesn't does without, and either is said."""

import subprocess
import sys

import pytest

_WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(("httpx", "torch", "transformers")))
import {module}
"""


def imported(module: str) -> subprocess.CompletedProcess[str]:
    """Import a module where the extra is not installed."""
    return subprocess.run([sys.executable, "-c", _WITHOUT.format(module=module)], capture_output=True, text=True)


@pytest.mark.parametrize("module", ["generators", "generators.recorded", "generators.api_key"])
def test_what_needs_no_extra_is_imported_without(module: str) -> None:
    assert imported(f"trialbox.synthesis.{module}").stderr == ""


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("local_model", "a model on this machine needs torch, which is not installed"),
        ("openai_compatible", "a model's server needs httpx, which is not installed"),
    ],
)
def test_a_missing_extra_is_named(module: str, told: str) -> None:
    last_line = imported(f"trialbox.synthesis.generators.{module}").stderr.splitlines()[-1]
    way = "pip install 'trialbox[synthesis]' (in a clone: pip install '.[synthesis]')"
    assert last_line == f"ModuleNotFoundError: {told}: {way}"
