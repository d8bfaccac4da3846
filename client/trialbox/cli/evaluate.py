"""`trialbox evaluate`: programs for a whole data set, graded."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from trialbox.cli._exits import ExitStatus
from trialbox.cli._runs import (
    WRITES,
    CaseSecondsOption,
    GradingOptions,
    MemoryBytesOption,
    ResumeOption,
    WallSecondsOption,
    run_tasks,
    tell,
    telling_of_input,
    work,
)
from trialbox.cli._sandbox import (
    IsolationOption,
    JsonOption,
    ServerOption,
    Service,
    TlsCaOption,
    TlsCertificateOption,
    TlsKeyOption,
    TokenFileOption,
)
from trialbox.synthesis.pipeline import Recordings
from trialbox.synthesis.store import StoreError, begin, reopen
from trialbox.synthesis.tasks import SampleFile, TaskSet, content_md5, load, located, references


def command(
    tasks: Annotated[
        TaskSet | None,
        typer.Option(case_sensitive=False, help="Which data set the tasks are of; + means evalplus's."),
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
            metavar="DIR", help="Grade what is not graded yet of the run in this folder; see trialbox sample."
        ),
    ] = None,
    case_seconds: CaseSecondsOption = None,
    wall_seconds: WallSecondsOption = None,
    memory_bytes: MemoryBytesOption = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help=WRITES)] = None,
    resume: ResumeOption = False,
    isolation: IsolationOption = None,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    tls_ca: TlsCaOption = None,
    tls_certificate: TlsCertificateOption = None,
    tls_key: TlsKeyOption = None,
    json: JsonOption = False,
) -> None:
    """Grade recorded programs, a data set's own solutions, or what a model wrote, by the data set's tests."""
    grading = GradingOptions(
        service=Service(server, token_file, tls_ca, tls_certificate, tls_key),
        isolation=isolation,
        case_seconds=case_seconds,
        wall_seconds=wall_seconds,
        memory_bytes=memory_bytes,
    )
    if run is not None:
        if tasks or samples or reference or out or resume:
            raise typer.BadParameter("--run has tasks and samples of its own; only --data goes with it")
        passed = _grade_run(run, data, grading, json)
    else:
        if tasks is None or data is None:
            raise typer.BadParameter("give --tasks and --data, or --run")
        if (samples is None) is not reference:
            raise typer.BadParameter("give either --samples FILE or --reference")
        if resume and out is None:
            raise typer.BadParameter("--resume goes on with the run in --out, which is missing")
        passed = _grade_recorded(tasks, data, samples, out, resume, grading, json)
    raise typer.Exit(ExitStatus.OK if passed else ExitStatus.FAILED)


def _grade_recorded(
    name: TaskSet,
    data: str,
    samples: Path | None,
    out: Path | None,
    resume: bool,
    grading: GradingOptions,
    json: bool,
) -> bool:
    with telling_of_input():
        file = located(data)
        tasks = load(name, file)
        data_md5 = content_md5(file)
        if samples is None:
            programs = references(tasks)
            source = Recordings(programs, len(programs))
            recorded: dict[str, Any] = {"reference": True, "programs": len(programs)}
        else:
            found = SampleFile(samples, tasks)
            source = Recordings(found, found.count)
            recorded = {"samples_md5": found.md5, "programs": found.count, "other_ids": found.other_ids}
    with ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trialbox-run-")))
        with telling_of_input():
            store = stack.enter_context(
                begin(
                    folder,
                    tasks=tasks,
                    fixed={
                        "begun_by": "evaluate",
                        "tasks": name,
                        "data_md5": data_md5,
                        **recorded,
                    },
                    grading=grading.settings(),
                    free={"data": data, "isolation": grading.isolation},
                    resume=resume,
                )
            )
        way_on = None if out is None else "the same command with --resume"
        work(store, folder, tasks, source=source, grading=grading, way_on=way_on)
        return tell(folder, tasks, files=out is not None, json=json)


def _grade_run(folder: Path, data: str | None, grading: GradingOptions, json: bool) -> bool:
    with ExitStack() as stack:
        with telling_of_input():
            store = stack.enter_context(reopen(folder))
            tasks = run_tasks(store.settings, data)
            if store.task_ids != {task.task_id for task in tasks} or not store.settings.keys() & {
                "programs",
                "samples",
            }:
                raise StoreError(f"the run in {folder} has other tasks than its file, or doesn't tell how many samples")
            grading = grading.or_as_before(store.settings)
            store.agree({}, grading.settings(), {"isolation": grading.isolation})
        work(store, folder, tasks, source=None, grading=grading, way_on="the same command")
        settings = store.settings
        wanted = settings["programs"] if "programs" in settings else settings["samples"] * len(tasks)
        if missing := wanted - store.counts().samples:
            typer.echo(
                f"trialbox: {missing} samples are missing; what began the run makes them with --resume", err=True
            )
        return tell(folder, tasks, files=True, json=json)
