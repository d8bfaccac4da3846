"""`trialbox evaluate`: programs for a whole data set, graded."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from trialbox.cli import _report, _runs
from trialbox.cli._exits import ExitStatus, leave, telling_of_writes
from trialbox.cli._sandbox import (
    IsolationOption,
    JsonOption,
    ServerOption,
    Service,
    TlsCaOption,
    TlsCertificateOption,
    TlsKeyOption,
    TokenFileOption,
    open_sandbox,
)
from trialbox.cli._show import print_json, progress
from trialbox.cli.run import parse_size
from trialbox.client import IsolationPath, Limits
from trialbox.synthesis.pipeline import RunSettings
from trialbox.synthesis.results import FILES, Graded, Report, document, recording, write
from trialbox.synthesis.store import Store
from trialbox.synthesis.tasks import (
    Recorded,
    Sample,
    TaskFileError,
    TaskSet,
    content_md5,
    load,
    load_samples,
    located,
    references,
)


def command(
    tasks: Annotated[
        TaskSet | None, typer.Option(case_sensitive=False, help="Which data set the tasks are of; + means evalplus's.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Its file: JSON or JSON Lines, gzipped or not; or hf://owner/name/file on the Hugging Face hub.",
        ),
    ] = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Programs to grade: JSON Lines of task_id with solution or completion, or a folder of Mbpp_11/0.py.",
        ),
    ] = None,
    reference: Annotated[bool, typer.Option("--reference", help="Grade the data set's own solutions.")] = False,
    run: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Grade what is not graded yet of a run of `trialbox sample`, and show it all."
        ),
    ] = None,
    case_seconds: Annotated[float | None, typer.Option(help="Elapsed time that a case may take.")] = None,
    wall_seconds: Annotated[
        float | None, typer.Option(help="Elapsed time that all cases of a program may take together.")
    ] = None,
    memory_bytes: Annotated[
        int | None, typer.Option(parser=parse_size, metavar="SIZE", help="Memory that a program may use.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help=f"Write into this folder: {', '.join(FILES)}.")
    ] = None,
    isolation: IsolationOption = None,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    tls_ca: TlsCaOption = None,
    tls_certificate: TlsCertificateOption = None,
    tls_key: TlsKeyOption = None,
    json: JsonOption = False,
) -> None:
    """Grade recorded programs, a data set's own solutions, or what a model wrote, by the data set's tests."""
    service = Service(server, token_file, tls_ca, tls_certificate, tls_key)
    if run is not None:
        if any((tasks, data, samples, reference, case_seconds, wall_seconds, memory_bytes, out, isolation)):
            raise typer.BadParameter("--run has its tasks, its programs and how they are graded in its folder")
        _grade_run(run, service, json=json)
        return
    if tasks is None or data is None:
        raise typer.BadParameter("give --tasks and --data, or --run DIR")
    if (samples is None) is not reference:
        raise typer.BadParameter("give either --samples FILE or --reference")
    try:
        file = located(data)
        loaded = load(tasks, file)
        programs = Recorded(samples=references(loaded)) if samples is None else load_samples(samples, loaded)
        data_md5 = content_md5(file)
    except (TaskFileError, OSError) as error:
        leave(str(error), ExitStatus.USAGE)
    began = time.monotonic()
    with _recording(out) as record:
        limits = Limits(wall_seconds=wall_seconds, memory_bytes=memory_bytes)
        graded = _grade(programs.samples, service, isolation, case_seconds, limits, record=record)
    report = Report(
        tasks=loaded,
        graded=graded,
        wall_seconds=time.monotonic() - began,
        data_md5=data_md5,
        other_ids=programs.other_ids,
    )
    if out is not None:
        with telling_of_writes(out):
            write(report, out)
    if json:
        print_json(document(report))
    else:
        _report.show(report)
    raise typer.Exit(ExitStatus.OK if all(item.passed for item in graded) else ExitStatus.FAILED)


def _grade_run(folder: Path, service: Service, *, json: bool) -> None:
    with _runs.telling_of_faults():
        store = Store.resume(folder)
    with store:
        with _runs.telling_of_faults():
            settings = RunSettings.of(store.settings())
            tasks = settings.load_tasks()
        _runs.go_on(store, tasks, settings, open_generator=None, service=service)
    _runs.show(folder, json=json)


def _grade(
    samples: Sequence[Sample],
    service: Service,
    isolation: IsolationPath | None,
    case_seconds: float | None,
    limits: Limits,
    *,
    record: Callable[[Graded], None],
) -> list[Graded]:
    graded: dict[int, Graded] = {}
    pairs = ((sample.source, sample.task.suite) for sample in samples)
    with open_sandbox(service) as box, progress("Grading", len(samples)) as advance:
        # Not ordered: one slow program would hold up those behind it.
        for evaluation in box.evaluate_many(pairs, limits=limits, case_seconds=case_seconds, isolation=isolation):
            assert evaluation.index is not None, "evaluate_many numbers them"
            item = Graded(samples[evaluation.index], evaluation)
            graded[evaluation.index] = item
            record(item)
            advance()
    return [graded[index] for index in range(len(samples))]


@contextmanager
def _recording(out: Path | None) -> Iterator[Callable[[Graded], None]]:
    """Keep what is graded, and say where it is if not all will be."""
    if out is None:
        yield lambda item: None
        return
    count = 0
    with ExitStack() as stack:
        with telling_of_writes(out):
            write_cases = stack.enter_context(recording(out))

        def record(item: Graded) -> None:
            nonlocal count
            with telling_of_writes(out):
                write_cases(item)
            count += 1

        try:
            yield record
        except BaseException:
            typer.echo(f"trialbox: programs graded before: {count}; their cases are in {out}", err=True)
            raise
