"""One program and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from trialbox.client import Case, CaseResult, Evaluation
from trialbox.synthesis.store import ErrorClass, error_class
from trialbox.synthesis.tasks import Sample


@dataclass(frozen=True, slots=True)
class Graded:
    """One sample's program and what became of it."""

    sample: Sample
    evaluation: Evaluation
    has_program: bool = True
    """False where a model's answer held none; then there is no case either."""
    is_repeated: bool = False
    """Whether it is an earlier sample's program again, which was executed once."""

    @property
    def passed(self) -> bool:
        """Whether it passed every case."""
        return self.evaluation.passed

    @property
    def base_passed(self) -> bool:
        """Whether it passed every case of the data set that its own one extends; of all, where there is no such."""
        return Evaluation(cases=self.evaluation.cases[: self.sample.task.base_cases]).passed

    @property
    def error_class(self) -> ErrorClass | None:
        """Why it does not pass; None where it does."""
        return error_class(self.evaluation) if self.has_program else ErrorClass.NO_CODE

    @property
    def cases(self) -> Sequence[tuple[Case, CaseResult]]:
        """Each case with its result."""
        return list(zip(self.sample.task.suite.cases, self.evaluation.cases, strict=self.has_program))

    @property
    def base(self) -> Sequence[tuple[Case, CaseResult]]:
        """The cases of the data set that the program's own one extends; all, where it extends none."""
        return self.cases[: self.sample.task.base_cases]

    @property
    def plus(self) -> Sequence[tuple[Case, CaseResult]]:
        """The cases that an extended data set adds."""
        return self.cases[len(self.base) :]


@dataclass(frozen=True, slots=True)
class SharedCase:
    """A case whose verdicts are SHARED, and why; the suite alone decides that, so it holds for every program."""

    task_id: str
    case: str
    reason: str
