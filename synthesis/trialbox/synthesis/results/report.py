"""Graded programs and what can be said of all of them together."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from trialbox.client import Case, CaseResult, Evaluation, Trust, Verdict
from trialbox.synthesis.results.pass_at_k import Estimate, estimate
from trialbox.synthesis.tasks import Sample, Task

_KS = (1, 10, 100)


@dataclass(frozen=True, slots=True)
class Graded:
    """One program and what became of it."""

    sample: Sample
    evaluation: Evaluation

    @property
    def passed(self) -> bool:
        """Whether it passed every case."""
        return self.evaluation.passed

    @property
    def base_passed(self) -> bool:
        """Whether it passed every case of the data set that its own one extends; of all, where there is no such."""
        return bool(self.base) and all(result.verdict is Verdict.PASSED for _, result in self.base)

    @property
    def cases(self) -> Sequence[tuple[Case, CaseResult]]:
        """Each case with its result."""
        return list(zip(self.sample.task.suite.cases, self.evaluation.cases, strict=True))

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


# Without slots: they leave no room for what cached_property keeps.
@dataclass(frozen=True, kw_only=True)
class Report:
    """All programs of one run, in the order of the tasks."""

    tasks: Sequence[Task]
    graded: Sequence[Graded]
    wall_seconds: float
    data_md5: str = ""
    """Of the data set's file, unpacked."""
    other_ids: Sequence[str] = ()
    """The ids of recorded programs whose tasks the data set's file doesn't hold."""

    @property
    def tried(self) -> set[str]:
        """The tasks that had a program."""
        return {item.sample.task.task_id for item in self.graded}

    @property
    def solved(self) -> set[str]:
        """The tasks of which a program passed."""
        return {item.sample.task.task_id for item in self.graded if item.passed}

    @property
    def extended(self) -> bool:
        """Whether the data set extends another, so that its base and plus cases are told apart."""
        return any(task.base_cases is not None for task in self.tasks)

    @property
    def notes(self) -> dict[str, str]:
        """What must be known of tasks that had a program, by their ids."""
        return {item.sample.task.task_id: item.sample.task.note for item in self.graded if item.sample.task.note}

    @cached_property
    def pass_at_k(self) -> dict[str, list[Estimate]]:
        """`base` by the base cases alone, and for data sets that extend another `plus`, by all cases."""
        rates = {"base": _rates([(item, item.base_passed) for item in self.graded])}
        if self.extended:
            rates["plus"] = _rates([(item, item.passed) for item in self.graded])
        return rates

    @cached_property
    def trusts(self) -> Counter[Trust]:
        """How many verdicts have which trust."""
        return Counter(result.trust for item in self.graded for result in item.evaluation.cases)

    @property
    def separated_share(self) -> float | None:
        """The share of verdicts that are SEPARATED; None where there is no verdict."""
        total = self.trusts.total()
        return self.trusts[Trust.SEPARATED] / total if total else None

    @cached_property
    def shared_cases(self) -> list[SharedCase]:
        """The cases whose verdicts are SHARED, each once."""
        return list(dict.fromkeys(self._shared()))

    def _shared(self) -> Iterator[SharedCase]:
        for item in self.graded:
            for case, result in item.cases:
                if result.trust is Trust.SHARED:
                    yield SharedCase(item.sample.task.task_id, case.name, result.shared_reason)


def _rates(programs: Sequence[tuple[Graded, bool]]) -> list[Estimate]:
    by_task: defaultdict[str, list[bool]] = defaultdict(list)
    for item, passed in programs:
        by_task[item.sample.task.task_id].append(passed)
    counts = [(len(passed), sum(passed)) for passed in by_task.values()]
    return [found for k in _KS if (found := estimate(counts, k)) is not None]
