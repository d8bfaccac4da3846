"""Goes on with a run that is kept in a folder, and shows what it came to."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from trialbox.cli._exits import ExitStatus, leave
from trialbox.cli._run_progress import run_progress
from trialbox.cli._sandbox import Service, status_of
from trialbox.cli._show import print_json
from trialbox.client import SandboxError
from trialbox.synthesis import pipeline
from trialbox.synthesis.generators import Generator, GeneratorError
from trialbox.synthesis.pipeline import RunSettings, SettingsError
from trialbox.synthesis.prompts import PromptError
from trialbox.synthesis.results import CONFIDENCE, NOT_GRADED, STATES, Estimate, Summary, summarise, summary_document
from trialbox.synthesis.store import Store, StoredRun, StoreError
from trialbox.synthesis.tasks import SelectionError, Task, TaskFileError

USERS_FAULTS = (TaskFileError, SelectionError, PromptError, SettingsError, StoreError, OSError)


@contextmanager
def telling_of_faults() -> Iterator[None]:
    """Leave with the message of what the user has to mend."""
    try:
        yield
    except USERS_FAULTS as error:
        leave(str(error), ExitStatus.USAGE)
    except ModuleNotFoundError as error:
        leave(f"{error} (in a clone: make synthesis)", ExitStatus.USAGE)


def go_on(
    store: Store,
    tasks: Sequence[Task],
    settings: RunSettings,
    *,
    open_generator: Callable[[], Generator] | None,
    service: Service | None,
) -> None:
    """Sample what is missing and grade what is not graded; leaves where that can't be done, all kept that is done."""
    with telling_of_faults():
        try:
            asyncio.run(_run(store, tasks, settings, open_generator, service))
        except GeneratorError as error:
            leave(f"{error}; {_kept(store)}", ExitStatus.INFRASTRUCTURE)
        except SandboxError as error:
            leave(f"{error}; {_kept(store)}", status_of(error))
        except KeyboardInterrupt:
            typer.echo(f"trialbox: interrupted; {_kept(store)}", err=True)
            raise


def _kept(store: Store) -> str:
    counts = store.counts()
    return (
        f"{store.folder} has {counts.samples} samples, {counts.graded} of {counts.programs} programs graded: --resume"
    )


async def _run(
    store: Store,
    tasks: Sequence[Task],
    settings: RunSettings,
    open_generator: Callable[[], Generator] | None,
    service: Service | None,
) -> None:
    async with AsyncExitStack() as stack:
        box = None if service is None else await stack.enter_async_context(service.open_async())
        generator = None
        if open_generator is not None:
            generator = await asyncio.to_thread(open_generator)
            stack.push_async_callback(generator.close)
        wanted = len(tasks) * settings.samples if generator is not None else None
        on_progress = stack.enter_context(run_progress(wanted, store.counts().programs))
        await pipeline.run(
            store,
            tasks,
            sampling=settings.sampling(),
            generator=generator,
            box=box,
            options=settings.grading(),
            on_progress=on_progress,
        )


def show(folder: Path, *, json: bool) -> None:
    """Print what a run came to."""
    with telling_of_faults(), StoredRun(folder) as view:
        summary = summarise(view)
    if json:
        print_json(summary_document(summary))
        return
    console = Console()
    if not summary.tasks:
        console.print("No samples yet.")
        return
    console.print(_shares(summary))
    if summary.pass_at_k:
        console.print(_rates(summary))
    console.print(_outcomes(summary))
    if waiting := summary.states[NOT_GRADED]:
        console.print(f"{waiting} samples are not graded yet: trialbox evaluate --run {folder}", soft_wrap=True)
    console.print(f"trialbox report {folder} makes a page with every program of it.", soft_wrap=True)


def _shares(summary: Summary) -> Table:
    table = Table("What", "Number", "Of", "Share", f"{CONFIDENCE:.0%} interval")
    graded = sum(task.graded > 0 for task in summary.tasks)
    table.add_row("tasks solved by any sample", str(summary.solved), str(graded), *_share(summary.solved_share))
    passed = sum(task.passed for task in summary.tasks)
    table.add_row("samples that solve their task", str(passed), str(summary.graded), *_share(summary.solving_share))
    return table


def _share(rate: Estimate | None) -> tuple[str, str]:
    return ("", "") if rate is None else (f"{rate.value:.1%}", f"{rate.low:.1%} to {rate.high:.1%}")


def _rates(summary: Summary) -> Table:
    table = Table("Tests", "k", "pass@k", f"{CONFIDENCE:.0%} interval", "Tasks")
    named = {"base": summary.base_pass_at_k, "all": summary.pass_at_k}
    for name, rates in named.items():
        for rate in rates:
            table.add_row(name, str(rate.k), *_share(rate), str(rate.tasks))
    return table


def _outcomes(summary: Summary) -> Table:
    table = Table("Samples that came to", "Number", "Share")
    total = summary.states.total()
    for state in STATES:
        if count := summary.states[state]:
            table.add_row(state, str(count), f"{count / total:.1%}")
    return table
