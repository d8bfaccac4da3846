"""`trialbox sample`: programs from a language model for a whole data set, graded as they come."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

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
from trialbox.synthesis.generators import Generator, Request
from trialbox.synthesis.pipeline import Sampling
from trialbox.synthesis.prompts import Style, choose_format
from trialbox.synthesis.store import begin
from trialbox.synthesis.tasks import Task, TaskSet, content_md5, load, located

_MODEL = "Where samples come from: one of these"
_PROMPT = "What the model is shown"

Dtype = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Backend:
    """Which generator, and how it is to work."""

    model: str | None
    api: str | None
    api_model: str | None
    api_key_file: Path | None
    recorded: Path | None
    batch_size: int | None
    device: str | None
    dtype: Dtype
    concurrency: int | None

    def __post_init__(self) -> None:
        """Refuse what is no choice; raises typer.BadParameter."""
        if sum(source is not None for source in (self.model, self.api, self.recorded)) != 1:
            raise typer.BadParameter("give one of --model PATH, --api URL with --api-model NAME, and --recorded FILE")
        if (self.api is None) is not (self.api_model is None):
            raise typer.BadParameter("--api and --api-model go together")
        if self.api is None and (self.api_key_file or self.concurrency):
            raise typer.BadParameter("--api-key-file and --concurrency are for --api")
        if self.model is None and (self.batch_size or self.device or self.dtype != "auto"):
            raise typer.BadParameter("--batch-size, --device and --dtype are for --model")

    def settings(self) -> dict[str, Any]:
        """What decides which samples come; raises TaskFileError and OSError."""
        if self.recorded is not None:
            return {"recorded_md5": content_md5(self.recorded)}
        if self.api is not None:
            return {"model": self.api_model, "backend": "api"}
        return {"model": self.model, "backend": "transformers", "dtype": self.dtype}

    def generator(self, tasks: list[Task]) -> Generator:
        """Make it; raises GeneratorError, and ModuleNotFoundError that names the extra."""
        if self.recorded is not None:
            from trialbox.synthesis.generators.recorded import RecordedSamples

            return RecordedSamples(self.recorded, tasks)
        if self.api is not None and self.api_model is not None:
            from trialbox.synthesis.generators.api_key import api_key_from_file
            from trialbox.synthesis.generators.openai_compatible import DEFAULT_CONCURRENCY, OpenAICompatible

            key = None if self.api_key_file is None else api_key_from_file(self.api_key_file)
            concurrency = self.concurrency or DEFAULT_CONCURRENCY
            return OpenAICompatible(self.api, self.api_model, api_key=key, concurrency=concurrency)
        from trialbox.synthesis.generators.local_model import DEFAULT_BATCH_SIZE, LocalModel

        batch_size = self.batch_size or DEFAULT_BATCH_SIZE
        return LocalModel.load(str(self.model), batch_size=batch_size, device=self.device, dtype=self.dtype)


def command(
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
        int | None, typer.Option(min=1, rich_help_panel=_MODEL, help="So many samples of --model are made at once.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(rich_help_panel=_MODEL, help="Where --model runs: cpu, cuda, cuda:1.")
    ] = None,
    dtype: Annotated[Dtype, typer.Option(rich_help_panel=_MODEL, help="How --model's numbers are kept.")] = "auto",
    concurrency: Annotated[
        int | None, typer.Option(min=1, rich_help_panel=_MODEL, help="So many requests to --api are under way at once.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="The part of MBPP to take: prompt, test, validation or train; left out, all tasks."),
    ] = None,
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
    backend = _Backend(
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
        chosen = everything if split is None else load(tasks, file, split=split)
        shown = choose_format(
            tasks,
            everything,
            style=Style.CHAT if chat else None,
            shots=shots,
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
            "tasks": tasks,
            "data_md5": content_md5(file),
            "split": split,
            **backend.settings(),
            "samples": samples,
            "temperature": temperature,
            "top_p": top_p,
            "max_tokens": max_tokens,
            "seed": seed,
            "style": shown.style,
            "examples": [example.task_id for example in shown.examples],
            "asserts": shown.shown_asserts,
        }
        free: dict[str, Any] = {"data": data}
        if not sample_only:
            fixed |= grading.settings()
            free["isolation"] = isolation
        try:
            generator = backend.generator(chosen)
        except ModuleNotFoundError as error:
            leave(str(error), ExitStatus.USAGE)
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
            store = stack.enter_context(begin(out, tasks=chosen, fixed=fixed, free=free, resume=resume))
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
