"""What `trialbox sample` and `trialbox evaluate` have in common: a run in a folder, worked on and told of."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from trialbox.cli import _report
from trialbox.cli._exits import ExitStatus, leave, telling_of_writes
from trialbox.cli._progress import run_progress
from trialbox.cli._sandbox import Service, open_async_sandbox
from trialbox.cli.run import parse_size
from trialbox.client import IsolationPath, Limits
from trialbox.synthesis.generators import GeneratorError
from trialbox.synthesis.pipeline import Grading, Pipeline, Source
from trialbox.synthesis.prompts import PromptError
from trialbox.synthesis.results import FILES, document, pieces, remove, stored_report, write
from trialbox.synthesis.store import Store, StoredRun, StoreError
from trialbox.synthesis.tasks import SelectionError, Task, TaskFileError, content_md5, load, located

CaseSecondsOption = Annotated[float | None, typer.Option(help="Elapsed time that a case may take.")]
WallSecondsOption = Annotated[
    float | None, typer.Option(help="Elapsed time that all cases of a program may take together.")
]
MemoryBytesOption = Annotated[
    int | None, typer.Option(parser=parse_size, metavar="SIZE", help="Memory that a program may use.")
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on with the run in --out, which was asked for in the same way.")
]
WRITES = f"Keep the run in this folder, and write its results there: {', '.join(FILES)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingOptions:
    """How programs are to be graded."""

    service: Service
    isolation: IsolationPath | None
    case_seconds: float | None
    wall_seconds: float | None
    memory_bytes: int | None

    def settings(self) -> dict[str, Any]:
        """What decides verdicts."""
        return {
            "case_seconds": self.case_seconds,
            "wall_seconds": self.wall_seconds,
            "memory_bytes": self.memory_bytes,
        }

    def or_as_before(self, settings: Mapping[str, Any]) -> "GradingOptions":
        """The same, and what was left out as a run has it."""
        return replace(
            self,
            case_seconds=settings.get("case_seconds") if self.case_seconds is None else self.case_seconds,
            wall_seconds=settings.get("wall_seconds") if self.wall_seconds is None else self.wall_seconds,
            memory_bytes=settings.get("memory_bytes") if self.memory_bytes is None else self.memory_bytes,
        )


@contextmanager
def telling_of_input(*, generator: ExitStatus = ExitStatus.USAGE) -> Iterator[None]:
    """Leave where a file, a folder or a choice can't be used, an extra is missing, or a generator fails."""
    try:
        yield
    except GeneratorError as error:
        leave(str(error), generator)
    except (TaskFileError, SelectionError, PromptError, StoreError, ModuleNotFoundError) as error:
        leave(str(error), ExitStatus.USAGE)
    except OSError as error:
        told = f"can't use {error.filename}: {error.strerror}" if error.filename else str(error)
        leave(told, ExitStatus.USAGE)


def run_tasks(settings: Mapping[str, Any], data: str | None) -> list[Task]:
    """Load a run's tasks again, from their file or, where that has moved, from `data`.

    Raises TaskFileError, where it isn't the same file too, StoreError and OSError.
    """
    if missing := {"tasks", "data", "data_md5"} - settings.keys():
        raise StoreError(f"the run doesn't tell its {', '.join(sorted(missing))}")
    file = located(data or settings["data"])
    try:
        md5 = content_md5(file)
    except OSError as error:
        raise TaskFileError(f"{error}; --data tells where the run's tasks are now") from error
    if md5 != settings["data_md5"]:
        raise TaskFileError(f"{file} has the MD5 {md5}; the run's tasks are in one with {settings['data_md5']}")
    # A run of recorded programs has all tasks.
    chosen = {name: settings.get(name) for name in ("split", "ids", "limit")}
    return load(settings["tasks"], file, **chosen)


def work(
    store: Store,
    folder: Path,
    tasks: Sequence[Task],
    *,
    source: Source | None,
    grading: GradingOptions | None,
    way_on: str | None,
) -> None:
    """Do what there is left to do of a run; `way_on` is said if that fails or is interrupted."""
    with telling_of_writes(folder):
        # Of what was there before; they would be taken for this run's.
        remove(folder)
    try:
        with run_progress(grades=grading is not None) as show, telling_of_input(generator=ExitStatus.INFRASTRUCTURE):
            asyncio.run(_work(Pipeline(store, show), tasks, source, grading))
    except BaseException:
        if way_on is not None:
            counts = store.counts()
            kept = (
                f"samples kept: {counts.samples}, different programs graded: {counts.graded}; "
                f"they are in {folder}, and {way_on} goes on"
            )
            typer.echo(
                f"trialbox: {kept if counts.samples else f'no sample came; {folder} is free for a run'}", err=True
            )
        raise


async def _work(
    pipeline: Pipeline, tasks: Sequence[Task], source: Source | None, grading: GradingOptions | None
) -> None:
    if grading is None:
        await pipeline.run(source, None)
        return
    async with open_async_sandbox(grading.service) as box:
        limits = Limits(wall_seconds=grading.wall_seconds, memory_bytes=grading.memory_bytes)
        await pipeline.run(
            source,
            Grading(
                box=box,
                tasks=tasks,
                limits=limits,
                case_seconds=grading.case_seconds,
                isolation=grading.isolation,
            ),
        )


def tell(folder: Path, tasks: Sequence[Task], *, files: bool, json: bool) -> bool:
    """Write the results into the run's folder where `files` says so, and show them; returns whether all passed."""
    with telling_of_input(), StoredRun(folder) as run:
        report = stored_report(run, tasks)
        if files:
            with telling_of_writes(folder):
                write(report, folder)
        if json:
            for piece in pieces(document(report)):
                typer.echo(piece, nl=False)
            typer.echo()
        else:
            _report.show(report, f"all are in {folder}" if files else "--out DIR keeps them all")
        return report.tally.passed == report.tally.programs
