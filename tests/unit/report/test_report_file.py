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
from trialbox.synthesis.store import ProgramRow, SampleRow

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
    for name in ("one", "two"):
        write_report(report_runs.many(5, 6), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_report_of_a_run_without_samples_is_one_too(tmp_path: Path) -> None:
    write_report(report_runs.run_of({"Mbpp/11": []}), tmp_path / "report.html")
    assert "tests/small" in (tmp_path / "report.html").read_text()


def test_a_report_that_fails_midway_leaves_the_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("earlier")
    with pytest.raises(KeyError):
        write_report(replace(report_runs.many(2, 2), prompts={}), path)
    assert [path.read_text(), list(tmp_path.iterdir())] == ["earlier", [path]]


def test_no_more_than_a_task_is_in_memory(tmp_path: Path) -> None:
    task_ids = [f"Mbpp/{number}" for number in range(20)]
    bytes_each = 1 << 20

    class LongRun(report_runs.MemoryRun):
        """Makes its rows when they are asked for."""

        def samples(self) -> Iterator[SampleRow]:
            (row,) = report_runs.run_of({"Mbpp/0": [("x", None)]}).sample_rows
            for number, task_id in enumerate(task_ids):
                yield replace(row, task_id=task_id, program_id=number)

        def programs(self) -> Iterator[ProgramRow]:
            for number, task_id in enumerate(task_ids):
                yield ProgramRow(
                    program_id=number, task_id=task_id, source=str(number % 10) * bytes_each, verdicts=report_runs.PASSED
                )

    run = LongRun(tasks=report_runs.run_of({task_id: [] for task_id in task_ids}).tasks, prompts={"p": ""})
    write_report(run, tmp_path / "warm.html")
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        write_report(run, tmp_path / "report.html")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < len(task_ids) * bytes_each
