"""What a run was asked for, as it is kept with it and compared when it goes on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from trialbox.client import IsolationPath, Limits
from trialbox.synthesis.pipeline.grading import GradingOptions
from trialbox.synthesis.pipeline.sampling import Sampling
from trialbox.synthesis.prompts import PromptFormat
from trialbox.synthesis.tasks import Task, content_md5, load, located


class SettingsError(ValueError):
    """A run can't go on like this; the message names the setting and both values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """All that a run's samples and verdicts depend on."""

    generator: str
    """What kind of backend: `model`, `api` or `recorded`."""
    model: str
    """Its path or name, or the file of recorded samples."""
    dtype: str | None
    tasks: str
    data: str
    data_md5: str
    split: str | None
    samples: int
    temperature: float
    top_p: float
    max_tokens: int
    seed: int
    prompts: Mapping[str, Any]
    """As `PromptFormat.settings` tells it."""
    case_seconds: float | None
    wall_seconds: float | None
    memory_bytes: int | None
    isolation: str | None

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """Read what `document` told; further settings are none of ours."""
        return cls(**{field.name: kept[field.name] for field in fields(cls)})

    def document(self) -> dict[str, Any]:
        """The settings as JSON has them."""
        return asdict(self)

    def check_same(self, kept: "RunSettings") -> None:
        """Raise SettingsError where a run that goes on would not be the same; its data may lie elsewhere now."""
        theirs = kept.document()
        for name, value in self.document().items():
            if name != "data" and theirs[name] != value:
                raise SettingsError(f"the run has {name} {theirs[name]!r:.200}, not {value!r:.200}")

    def load_tasks(self) -> list[Task]:
        """Load the data set's tasks, of which the run may have a part.

        Raises SettingsError where its file is another one by now; TaskFileError, SelectionError and OSError.
        """
        file = located(self.data)
        if content_md5(file) != self.data_md5:
            raise SettingsError(f"{self.data} is not what the run has its tasks from: its content has changed")
        return load(self.tasks, file, split=self.split)

    def sampling(self) -> Sampling:
        """What is to be sampled."""
        return Sampling(
            samples=self.samples,
            format=PromptFormat.from_settings(self.prompts),
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            seed=self.seed,
        )

    def grading(self) -> GradingOptions:
        """How it is graded."""
        return GradingOptions(
            limits=Limits(wall_seconds=self.wall_seconds, memory_bytes=self.memory_bytes),
            case_seconds=self.case_seconds,
            isolation=None if self.isolation is None else IsolationPath(self.isolation),
        )
