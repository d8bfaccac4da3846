"""The report as a file: what it holds is packed, streamed, the same each time, and written at once or not at all."""

import base64
import gzip
import json
import tracemalloc
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import report_runs
from hypothesis import given
from hypothesis import strategies as st

from trialbox.synthesis.report import write_report
from trialbox.synthesis.report.packing import packed
from trialbox.synthesis.report.page import visible
from trialbox.synthesis.store import ProgramRow, RunView, SampleRow

# Controls, formats such as those that turn the direction, lone surrogates, private characters, ends of lines.
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}

ANY_TEXT = st.text(st.characters())


@given(st.recursive(ANY_TEXT, lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner)))
def test_what_is_packed_comes_out_again(value: Any) -> None:
    assert json.loads(gzip.decompress(base64.b64decode(packed(value), validate=True))) == value


@given(ANY_TEXT)
def test_settings_show_every_character_by_its_number_that_a_reader_would_not_see(text: str) -> None:
    shown = visible(text)
    assert {unicodedata.category(char) for char in shown if char not in "\t\n"}.isdisjoint(INVISIBLE)
    if text.isprintable():
        assert shown == text


def test_the_same_run_gives_the_same_report(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    pages = set()
    for _ in range(2):
        write_report(report_runs.many(5, 6), path)
        pages.add(path.read_bytes())
    assert len(pages) == 1


def test_a_report_of_a_run_without_samples_is_one_too(tmp_path: Path) -> None:
    write_report(report_runs.run_of({"Mbpp/11": []}), tmp_path / "report.html")
    assert "tests/small" in (tmp_path / "report.html").read_text()


def test_a_report_that_fails_midway_leaves_the_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("earlier")
    with pytest.raises(KeyError):
        write_report(replace(report_runs.many(2, 2), prompts={}), path)
    assert [path.read_text(), list(tmp_path.iterdir())] == ["earlier", [path]]


def test_more_tasks_take_no_more_memory(tmp_path: Path) -> None:
    few, many = (peak_bytes(LongRun(count), tmp_path / "report.html") for count in (3, 23))
    assert many - few < 5 * LongRun.BYTES_EACH


class LongRun(report_runs.MemoryRun):
    """A long program for each task, made when it is asked for."""

    BYTES_EACH = 1 << 20

    def __init__(self, tasks: int) -> None:
        made = report_runs.run_of({f"Mbpp/{number}": [("x", report_runs.PASSED)] for number in range(tasks)})
        super().__init__(tasks=made.tasks, prompts=made.prompts)
        self._made = made

    def samples(self) -> Iterator[SampleRow]:
        return self._made.samples()

    def programs(self) -> Iterator[ProgramRow]:
        rows = self._made.programs()
        return (replace(row, source=f"{row.task_id}{'x' * self.BYTES_EACH}") for row in rows)


def peak_bytes(run: RunView, path: Path) -> int:
    tracemalloc.start()
    try:
        write_report(run, path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
