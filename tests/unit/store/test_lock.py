"""A run's folder may come from someone else: taking it writes nowhere but there."""

from pathlib import Path

import pytest

from trialbox.synthesis.store.lock import lock


def test_a_lock_that_links_elsewhere_is_refused_and_the_file_there_is_left_as_it_is(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    (tmp_path / "run.lock").symlink_to(elsewhere)

    with pytest.raises(OSError, match=r"run\.lock"):
        lock(tmp_path)

    assert elsewhere.read_text() == "precious"
