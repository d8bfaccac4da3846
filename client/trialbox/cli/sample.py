"""`trialbox sample`: programs from a language model, graded as they come."""

import enum
import os
import time
from pathlib import Path
from typing import Annotated

import typer

from trialbox.cli import _runs
from trialbox.cli._exits import ExitStatus, leave
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
from trialbox.cli.run import parse_size
from trialbox.synthesis.generators import Generator
from trialbox.synthesis.generators.api_key import api_key_from_environment, api_key_from_file
from trialbox.synthesis.pipeline import RunSettings
from trialbox.synthesis.prompts import Style, choose_format
from trialbox.synthesis.store import Store, is_run
from trialbox.synthesis.tasks import Task, TaskSet, content_md5, load, located

_KEY_VARIABLE = "OPENAI_API_KEY"
_MODEL = "Where programs come from: one of these"
_PROMPT = "Prompts"
_SAMPLING = "Sampling"
_GRADING = "Grading"


class Dtype(enum.StrEnum):
    """The kinds of numbers that a model can be loaded with."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


def command(
    tasks: Annotated[TaskSet, typer.Option(case_sensitive=False, help="Which data set the tasks are of.")],
    data: Annotated[str, typer.Option(metavar="FILE", help="Its file, or hf://owner/name/file.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Keep everything in this folder.")],
    model: Annotated[
        str | None,
        typer.Option(metavar="PATH", rich_help_panel=_MODEL, help="A model that `transformers` loads."),
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(metavar="URL", rich_help_panel=_MODEL, help="An OpenAI-compatible server, http://host:8000/v1."),
    ] = None,
    recorded: Annotated[
        Path | None,
        typer.Option(metavar="FILE", rich_help_panel=_MODEL, help="Samples made before, as `evaluate` reads them."),
    ] = None,
    api_model: Annotated[
        str | None, typer.Option(metavar="NAME", rich_help_panel=_MODEL, help="The model's name there.")
    ] = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", rich_help_panel=_MODEL, help=f"The key for it; else {_KEY_VARIABLE}, where it is set."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out, or begin it.")] = False,
    sample_only: Annotated[
        bool, typer.Option("--sample-only", help="Grade nothing now; `trialbox evaluate --run DIR` does.")
    ] = False,
    split: Annotated[str | None, typer.Option(help="The data set's part, as MBPP's test.")] = None,
    samples: Annotated[int, typer.Option(min=1, rich_help_panel=_SAMPLING, help="Programs for each task.")] = 1,
    temperature: Annotated[
        float, typer.Option(min=0.0, rich_help_panel=_SAMPLING, help="0 takes the likeliest token each time.")
    ] = 0.5,
    top_p: Annotated[float, typer.Option(min=0.01, max=1.0, rich_help_panel=_SAMPLING)] = 1.0,
    max_tokens: Annotated[int, typer.Option(min=1, rich_help_panel=_SAMPLING, help="Of an answer.")] = 512,
    seed: Annotated[int, typer.Option(min=0, rich_help_panel=_SAMPLING, help="The same run has the same samples.")] = 0,
    batch_size: Annotated[
        int | None, typer.Option(min=1, rich_help_panel=_SAMPLING, help="Samples at once; less where memory is short.")
    ] = None,
    dtype: Annotated[
        Dtype, typer.Option(rich_help_panel=_SAMPLING, help="Of --model; auto is bfloat16 where a GPU has it.")
    ] = Dtype.AUTO,
    style: Annotated[
        Style | None,
        typer.Option(case_sensitive=False, rich_help_panel=_PROMPT, help="By default the data set's usual one."),
    ] = None,
    shots: Annotated[int | None, typer.Option(min=0, rich_help_panel=_PROMPT, help="Solved examples shown.")] = None,
    asserts: Annotated[int, typer.Option(min=0, rich_help_panel=_PROMPT, help="Tests of the task shown.")] = 3,
    prompt_seed: Annotated[int | None, typer.Option(rich_help_panel=_PROMPT, help="Draws the examples.")] = None,
    case_seconds: Annotated[
        float | None, typer.Option(rich_help_panel=_GRADING, help="Elapsed time that a case may take.")
    ] = None,
    wall_seconds: Annotated[
        float | None, typer.Option(rich_help_panel=_GRADING, help="Elapsed time that all cases of a program may take.")
    ] = None,
    memory_bytes: Annotated[
        int | None,
        typer.Option(
            parser=parse_size, metavar="SIZE", rich_help_panel=_GRADING, help="Memory that a program may use."
        ),
    ] = None,
    isolation: IsolationOption = None,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    tls_ca: TlsCaOption = None,
    tls_certificate: TlsCertificateOption = None,
    tls_key: TlsKeyOption = None,
    json: JsonOption = False,
) -> None:
    """Sample programs from a language model, and grade them as they come.

    Exit status 0 means that every sample is there and graded, however many solve their task.
    """
    if sum(source is not None for source in (model, api, recorded)) != 1:
        raise typer.BadParameter("give one of --model PATH, --api URL and --recorded FILE")
    if (api is None) is not (api_model is None):
        raise typer.BadParameter("--api and --api-model go together")
    service = Service(server, token_file, tls_ca, tls_certificate, tls_key)
    with _runs.telling_of_faults():
        file = located(data)
        everything = load(tasks, file)
        prompts = choose_format(
            tasks, everything, style=style, shots=shots, prompt_seed=prompt_seed, shown_asserts=asserts
        )
        settings = RunSettings(
            generator="model" if model else "api" if api else "recorded",
            model=model or api_model or str(recorded),
            dtype=dtype if model else None,
            tasks=tasks,
            data=data,
            data_md5=content_md5(file),
            split=split,
            samples=samples,
            temperature=temperature,
            top_p=top_p,
            max_tokens=max_tokens,
            seed=seed,
            prompts=prompts.settings(),
            case_seconds=case_seconds,
            wall_seconds=wall_seconds,
            memory_bytes=memory_bytes,
            isolation=isolation,
        )
        chosen = load(tasks, file, split=split)
        store = _opened(out, settings, chosen, resume=resume)

    def open_generator() -> Generator:
        return _generator(chosen, settings, api, api_key_file, recorded, batch_size, dtype)

    with store:
        _runs.go_on(store, chosen, settings, open_generator=open_generator, service=None if sample_only else service)
    _runs.show(out, json=json)


def _opened(folder: Path, settings: RunSettings, tasks: list[Task], *, resume: bool) -> Store:
    if not is_run(folder):
        began = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        return Store(folder, settings={**settings.document(), "began": began}, tasks=tasks)
    if not resume:
        leave(f"{folder} holds a run already: --resume goes on with it", ExitStatus.USAGE)
    store = Store.resume(folder)
    settings.check_same(RunSettings.of(store.settings()))
    return store


def _generator(
    tasks: list[Task],
    settings: RunSettings,
    api: str | None,
    api_key_file: Path | None,
    recorded: Path | None,
    batch_size: int | None,
    dtype: Dtype,
) -> Generator:
    """Open the backend; each brings packages of its own."""
    if recorded is not None:
        from trialbox.synthesis.generators.recorded import RecordedSamples

        return RecordedSamples(recorded, tasks)
    if api is not None:
        from trialbox.synthesis.generators.openai_compatible import DEFAULT_CONCURRENCY, OpenAICompatible

        key = _api_key(api_key_file)
        return OpenAICompatible(api, settings.model, api_key=key, concurrency=batch_size or DEFAULT_CONCURRENCY)
    from trialbox.synthesis.generators.local_model import DEFAULT_BATCH_SIZE, LocalModel

    return LocalModel.load(settings.model, dtype=dtype.value, batch_size=batch_size or DEFAULT_BATCH_SIZE)


def _api_key(file: Path | None) -> str | None:
    if file is not None:
        return api_key_from_file(file)
    return api_key_from_environment(_KEY_VARIABLE) if _KEY_VARIABLE in os.environ else None
