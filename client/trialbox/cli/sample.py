"""`trialbox sample`: programs from a language model for a whole data set, graded as they come."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from trialbox.cli._backend import Backend, Dtype
from trialbox.cli._exits import ExitStatus, leave
from trialbox.cli._runs import (
    WRITES,
    CaseSecondsOption,
    GradingOptions,
    MemoryBytesOption,
    ResumeOption,
    WallSecondsOption,
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
from trialbox.cli._show import print_json
from trialbox.synthesis.generators import DEFAULT_BATCH_SIZE, DEFAULT_CONCURRENCY, Request
from trialbox.synthesis.pipeline import Sampling
from trialbox.synthesis.prompts import Style, choose_format
from trialbox.synthesis.store import begin
from trialbox.synthesis.tasks import TaskSet, choose, content_md5, load, located

_MODEL = "Where samples come from: one of these"
_PROMPT = "What the model is shown"
_OF_A_MODEL = ("temperature", "top_p", "max_tokens", "seed", "shots", "prompt_seed", "asserts", "chat")


def command(
    context: typer.Context,
    tasks: Annotated[
        TaskSet, typer.Option(case_sensitive=False, help="Which data set the tasks are of; + means evalplus's.")
    ],
    data: Annotated[
        str, typer.Option(metavar="FILE", help="Its file, or hf://owner/name/file on the Hugging Face hub.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help=WRITES)],
    model: Annotated[
        str | None,
        typer.Option(metavar="PATH", rich_help_panel=_MODEL, help="A model's folder, or its name on the hub."),
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            rich_help_panel=_MODEL,
            help="An OpenAI-compatible server: what comes before /completions, as http://localhost:8000/v1.",
        ),
    ] = None,
    api_model: Annotated[
        str | None, typer.Option(metavar="NAME", rich_help_panel=_MODEL, help="What that server calls the model.")
    ] = None,
    api_key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", rich_help_panel=_MODEL, help="A file with the server's API key.")
    ] = None,
    recorded: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=_MODEL,
            help="Programs made before, as evaluate --samples reads them; taken as they are.",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            rich_help_panel=_MODEL,
            show_default=str(DEFAULT_BATCH_SIZE),
            help="So many samples of --model are made at once: on a GPU more are faster, as far as its memory goes.",
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option(rich_help_panel=_MODEL, help="Where --model runs: cpu, cuda, cuda:1.")
    ] = None,
    dtype: Annotated[Dtype, typer.Option(rich_help_panel=_MODEL, help="How --model's numbers are kept.")] = "auto",
    concurrency: Annotated[
        int | None,
        typer.Option(
            min=1,
            rich_help_panel=_MODEL,
            show_default=str(DEFAULT_CONCURRENCY),
            help="So many requests to --api are under way at once.",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="The part of MBPP to take: prompt, test, validation or train; left out, all tasks."),
    ] = None,
    ids: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID,ID,...",
            help="Take these tasks only: by id, by number, or by a range of numbers as 11-20. May be given repeatedly.",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Take the first so many of these tasks only.")] = None,
    samples: Annotated[int, typer.Option(min=1, help="For each task.")] = 1,
    temperature: Annotated[float, typer.Option(min=0, help="0 takes the likeliest token each time.")] = 0.5,
    top_p: Annotated[float, typer.Option(help="Draw from the likeliest tokens that have this probability.")] = 1.0,
    max_tokens: Annotated[int, typer.Option(min=1, help="The most tokens of a sample.")] = 512,
    seed: Annotated[
        int, typer.Option(help="Decides every sample's own seed: the same command makes the same samples of --model.")
    ] = 0,
    shots: Annotated[
        int | None, typer.Option(min=0, rich_help_panel=_PROMPT, help="Solved examples; by default as the paper has.")
    ] = None,
    prompt_seed: Annotated[
        int | None, typer.Option(rich_help_panel=_PROMPT, help="Draws the examples, else they are the paper's.")
    ] = None,
    asserts: Annotated[int, typer.Option(min=0, rich_help_panel=_PROMPT, help="How many of a task's tests.")] = 3,
    chat: Annotated[
        bool,
        typer.Option(
            "--chat",
            rich_help_panel=_PROMPT,
            help="A chat, by the model's own template; left out, a text to go on with, as base models want.",
        ),
    ] = False,
    sample_only: Annotated[
        bool, typer.Option("--sample-only", help="Grade nothing; trialbox evaluate --run DIR does it later.")
    ] = False,
    resume: ResumeOption = False,
    case_seconds: CaseSecondsOption = None,
    wall_seconds: WallSecondsOption = None,
    memory_bytes: MemoryBytesOption = None,
    isolation: IsolationOption = None,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    tls_ca: TlsCaOption = None,
    tls_certificate: TlsCertificateOption = None,
    tls_key: TlsKeyOption = None,
    json: JsonOption = False,
) -> None:
    """Have a language model write programs for a data set, and grade them as they come.

    The exit status is 0 however many of them pass.
    """
    backend = Backend(
        model=model,
        api=api,
        api_model=api_model,
        api_key_file=api_key_file,
        recorded=recorded,
        batch_size=batch_size,
        device=device,
        dtype=dtype,
        concurrency=concurrency,
    )
    if recorded is not None:
        _refuse_what_has_no_part(context)
    if sample_only and isolation is not None:
        raise typer.BadParameter("--isolation is for grading: give it to trialbox evaluate --run")
    grading = GradingOptions(
        service=Service(server, token_file, tls_ca, tls_certificate, tls_key),
        isolation=isolation,
        case_seconds=case_seconds,
        wall_seconds=wall_seconds,
        memory_bytes=memory_bytes,
    )
    with telling_of_input():
        file = located(data)
        everything = load(tasks, file)
        names = [name for some in ids for name in some.split(",")] if ids else None
        chosen = choose(tasks, everything, split=split, ids=names, limit=limit)
        shown = choose_format(
            tasks,
            everything,
            style=Style.CHAT if chat else None,
            # No prompt has a part in a record.
            shots=shots if recorded is None else 0,
            prompt_seed=prompt_seed,
            shown_asserts=asserts,
        )
        try:
            for task in chosen:
                Request(
                    prompt=shown.prompt(task),
                    index=0,
                    seed=0,
                    temperature=temperature,
                    top_p=top_p,
                    max_tokens=max_tokens,
                )
        except ValueError as error:
            leave(str(error), ExitStatus.USAGE)
        fixed: dict[str, Any] = {
            "begun_by": "sample",
            "tasks": tasks,
            "data_md5": content_md5(file),
            "split": split,
            # As the tasks have them: there are several ways to write one.
            "ids": [task.task_id for task in chosen] if ids else None,
            "limit": limit,
            **backend.settings(),
            "samples": samples,
        }
        if recorded is None:
            fixed |= {
                "temperature": temperature,
                "top_p": top_p,
                "max_tokens": max_tokens,
                "seed": seed,
                "style": shown.style,
                "examples": [example.task_id for example in shown.examples],
                "asserts": shown.shown_asserts,
            }
        generator = backend.generator(chosen, samples)
    limits = grading.settings()
    free: dict[str, Any] = {"data": data}
    if sample_only:
        # For evaluate --run, which fills up what isn't said here.
        limits = {name: value for name, value in limits.items() if value is not None}
    else:
        free["isolation"] = isolation
    source = Sampling(
        generator=generator,
        tasks=chosen,
        prompt=shown.prompt,
        samples=samples,
        seed=seed,
        temperature=temperature,
        top_p=top_p,
        max_tokens=max_tokens,
    )
    with ExitStack() as stack:
        with telling_of_input():
            store = stack.enter_context(begin(out, tasks=chosen, fixed=fixed, grading=limits, free=free, resume=resume))
        work(
            store,
            out,
            chosen,
            source=source,
            grading=None if sample_only else grading,
            way_on="the same command with --resume",
        )
        if not sample_only:
            tell(out, chosen, files=True, json=json)
        elif json:
            print_json({"samples": store.counts().samples, "programs": store.counts().programs})
        else:
            typer.echo(f"{store.counts().samples} samples are in {out}; trialbox evaluate --run {out} grades them.")


def _refuse_what_has_no_part(context: typer.Context) -> None:
    """Tell whoever would have a model's samples made in a certain way that a record's are made already."""
    sources = {name: context.get_parameter_source(name) for name in _OF_A_MODEL}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if given:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise typer.BadParameter(f"--recorded programs are taken as they are, without {options}")
