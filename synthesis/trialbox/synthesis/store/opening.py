"""Begins a run in a folder, or goes on with the one that is there."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trialbox.synthesis.store.database import (
    FILE,
    as_text,
    connect,
    drop_tables,
    holds_samples,
    is_empty,
    make_tables,
    telling,
    transaction,
)
from trialbox.synthesis.store.errors import StoreError
from trialbox.synthesis.store.lock import lock
from trialbox.synthesis.store.store import Store
from trialbox.synthesis.tasks import Task

_ADD_TASK = "INSERT INTO tasks VALUES (?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?, CAST(? AS TEXT), ?)"


def begin(
    folder: Path,
    *,
    tasks: Sequence[Task],
    fixed: Mapping[str, Any],
    grading: Mapping[str, Any],
    free: Mapping[str, Any],
    resume: bool,
) -> Store:
    """Begin a run in a folder; with `resume` go on with the one that is there, if there is.

    A run that holds no sample is none yet: it gives way to the new one, whatever was asked of it.

    Args:
        folder: Made where it isn't there.
        tasks: The run's own. Those of a run that is there must be the same: `fixed` tells their file's hash.
        fixed: Settings that decide which samples there are; they must be as they were.
        grading: Settings that decide verdicts; they must be as they were once there is one.
        free: Settings that may differ from what they were.
        resume: Whether a run may be there.

    Raises:
        StoreError: There is a run with samples and `resume` is False, or its settings differ; it is in use, or the
            file is no run; or `folder` is a file.
        OSError: The folder can't be made or written.
    """
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is a file; a run needs a folder")
    folder.mkdir(parents=True, exist_ok=True)
    held = lock(folder)
    try:
        connection = connect(folder, writing=True)
        try:
            with telling(folder / FILE):
                # Nobody adds one between this and the new tables: the folder is locked.
                if is_empty(connection) or not holds_samples(connection):
                    with transaction(connection):
                        drop_tables(connection)
                        make_tables(connection)
                        connection.execute("INSERT INTO run VALUES (0)")
                        connection.executemany(_ADD_TASK, map(_task_row, range(len(tasks)), tasks))
                elif not resume:
                    raise StoreError(
                        f"there is a run in {folder} already; --resume goes on with it, "
                        "and another run needs another folder"
                    )
            store = Store(folder, connection, held)
            store.agree(fixed, grading, free)
        except BaseException:
            connection.close()
            raise
    except BaseException:
        held.close()
        raise
    return store


def reopen(folder: Path) -> Store:
    """Go on with the run in a folder, whatever its settings are.

    Raises:
        StoreError: There is none, it is in use, or the file is no run.
        OSError: The folder can't be written.
    """
    if not (folder / FILE).exists():
        raise StoreError(f"there is no run in {folder}: it has no {FILE}")
    held = lock(folder)
    try:
        connection = connect(folder, writing=True)
        if is_empty(connection):
            connection.close()
            raise StoreError(f"the run in {folder} was ended before it began")
        return Store(folder, connection, held)
    except BaseException:
        held.close()
        raise


def _task_row(position: int, task: Task) -> tuple[Any, ...]:
    names = json.dumps([case.name for case in task.suite.cases])
    reference = None if task.reference is None else as_text(task.reference)
    return position, task.task_id, as_text(task.prompt), reference, task.base_cases, as_text(task.note), names
