"""A data file nested deeper than Python reads is told of by its place."""

from pathlib import Path

import pytest

from trialbox.synthesis.tasks.rows import TaskFileError, read_rows


@pytest.mark.parametrize(("begin", "place"), [('{"a":', "line 1"), ("[", "rows.json: is")])
def test_rows_nested_too_deeply_are_refused(begin: str, place: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(begin + "[" * 200_000)

    with pytest.raises(TaskFileError, match=f"{place}.*nested"):
        read_rows(path)
