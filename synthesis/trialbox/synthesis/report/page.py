"""Writes the page: one file, streamed task by task, in which nothing but our own script may run."""

import base64
import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from trialbox.synthesis.extras import extra_synthesis
from trialbox.synthesis.report.blocks import TRUST_LETTERS, VERDICT_LETTERS, block
from trialbox.synthesis.report.figures import figures
from trialbox.synthesis.report.overview import Overview
from trialbox.synthesis.report.packing import packed, packed_text
from trialbox.synthesis.results import CONFIDENCE, summarise
from trialbox.synthesis.store import STATES, RunView, task_runs
from trialbox.synthesis.store.replacing import replacing

with extra_synthesis("the report"):
    import plotly.offline
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

_ASSETS = files("trialbox.synthesis.report") / "assets"
_STYLE = "report.css"
# In the order in which they need each other.
_SCRIPTS = ("text.js", "packed.js", "table.js", "program.js", "task.js", "tables.js", "plots.js", "main.js")
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def write_report(run: RunView, path: Path) -> None:
    """Write the report of a run, at once, over what is there.

    Holds a task's samples and programs in memory at a time, and a line of each program. Raises OSError, and what `run`
    raises.
    """
    with replacing(path) as file:
        file.writelines(part.encode() for part in _page(run))


def _page(run: RunView) -> Iterator[str]:
    summary = summarise(run)
    overview = Overview()

    def blocks() -> Iterator[str]:
        for task_run in task_runs(run):
            overview.add(task_run)
            yield packed(block(task_run, run.prompt))

    # One scope of its own, in which the parts see each other.
    script = "(() => {\n" + "".join(_asset(name) for name in _SCRIPTS) + "})();\n"
    plotly_script = plotly.offline.get_plotlyjs()
    environment = Environment(
        loader=PackageLoader("trialbox.synthesis.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    # Jinja's own writes marks for HTML as numbers; here they are escaped as all text is.
    environment.filters["as_json"] = partial(json.dumps, indent=2, ensure_ascii=False)
    yield from environment.get_template("report.html").generate(
        settings=dict(_flat(run.settings)),
        title=_title(run.settings),
        summary=summary,
        confidence=CONFIDENCE,
        style=Markup(_asset(_STYLE)),
        script=Markup(script),
        script_hashes=[_hash(script), _hash(plotly_script)],
        plotly=packed_text(plotly_script),
        figures=packed(figures(summary)),
        words=packed(_words()),
        # The blocks go by first.
        blocks=blocks(),
        overview=lambda: packed(overview.document()),
    )


def visible(value: Any) -> str:
    """Show what a reader would not see, or see elsewhere, by its number; the page's script does the same."""
    return "".join(
        f"⟨U+{ord(char):04X}⟩" if char not in "\t\n" and unicodedata.category(char) in _INVISIBLE else char
        for char in str(value)
    )


def _title(settings: Mapping[str, Any]) -> str:
    """Say whose programs they are and for what; neither need be known."""
    whose = "References" if settings.get("reference") else settings.get("model", "Recorded samples")
    return f"{whose} on {settings['tasks']}" if "tasks" in settings else str(whose)


def _flat(settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Take settings out of groups, and leave out those that were left to others."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from ((f"{name} {inner}", told) for inner, told in _flat(value))
        elif value not in (None, "", []):
            yield name, value


def _words() -> dict[str, Any]:
    return {
        "states": STATES,
        "verdicts": {letter: verdict for verdict, letter in VERDICT_LETTERS.items()},
        "trusts": {letter: trust for trust, letter in TRUST_LETTERS.items()},
    }


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Name an inline script as a content security policy does."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
