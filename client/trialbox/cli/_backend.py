"""Where `trialbox sample` gets its samples from: a model here, a model's server, or a record."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import typer

from trialbox.cli._progress import note
from trialbox.synthesis.generators import DEFAULT_BATCH_SIZE, DEFAULT_CONCURRENCY, Generator
from trialbox.synthesis.tasks import Task, content_md5

Dtype = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
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

    def generator(self, tasks: Sequence[Task], samples: int) -> Generator:
        """Make it, to write so many for each task.

        Raises GeneratorError, where a record holds too few too, and ModuleNotFoundError that names the extra.
        """
        if self.recorded is not None:
            from trialbox.synthesis.generators.recorded import RecordedSamples

            record = RecordedSamples(self.recorded, tasks)
            if more := record.check(samples):
                note(f"{self.recorded} holds more for these tasks than --samples {samples} takes: {more} are left out")
            return record
        if self.api is not None and self.api_model is not None:
            from trialbox.synthesis.generators.api_key import api_key_from_file
            from trialbox.synthesis.generators.openai_compatible import OpenAICompatible

            key = None if self.api_key_file is None else api_key_from_file(self.api_key_file)
            concurrency = self.concurrency or DEFAULT_CONCURRENCY
            return OpenAICompatible(self.api, self.api_model, api_key=key, concurrency=concurrency, tell=note)
        from trialbox.synthesis.generators.local_model import LocalModel

        batch_size = self.batch_size or DEFAULT_BATCH_SIZE
        return LocalModel.load(str(self.model), batch_size=batch_size, device=self.device, dtype=self.dtype)
