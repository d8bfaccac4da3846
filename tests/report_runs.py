"""Runs to report on, in memory, made of what a test names."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trialbox.client import CaseResult, Evaluation, ProgramException, Trust, Verdict
from trialbox.synthesis.generators import FinishReason
from trialbox.synthesis.store import ErrorClass, ProgramRow, SampleRow, TaskRow

SETTINGS = {"model": "tests/small", "tasks": "mbpp", "samples": 4, "temperature": 0.5, "seed": 0}

_LONGEST = 256


@dataclass(kw_only=True)
class MemoryRun:
    """A run as RunView has it; the rows must be in order."""

    settings: Mapping[str, Any] = field(default_factory=lambda: dict(SETTINGS))
    tasks: Sequence[TaskRow]
    prompts: Mapping[str, str]
    sample_rows: Sequence[SampleRow] = ()
    program_rows: Sequence[ProgramRow] = ()

    def prompt(self, prompt_id: str) -> str:
        return self.prompts[prompt_id]

    def samples(self) -> Iterator[SampleRow]:
        return iter(self.sample_rows)

    def programs(self) -> Iterator[ProgramRow]:
        return iter(self.program_rows)


_NAMES = ("test_list[0]",)

_ENDS = {
    ErrorClass.SYNTAX: (Verdict.ERROR, "SyntaxError"),
    ErrorClass.TYPE: (Verdict.ERROR, "TypeError"),
    ErrorClass.OTHER_RUNTIME: (Verdict.ERROR, "ValueError"),
    ErrorClass.WRONG_RESULT: (Verdict.FAILED, None),
    ErrorClass.TIME_OUT: (Verdict.TIMED_OUT, None),
    ErrorClass.MEMORY: (Verdict.OUT_OF_MEMORY, None),
}

PASSED = Evaluation(
    cases=(CaseResult(verdict=Verdict.PASSED, trust=Trust.SEPARATED, actual="3", expected="3", wall_seconds=0.001),)
)


def failed(kind: ErrorClass = ErrorClass.WRONG_RESULT, *, message: str = "not equal") -> Evaluation:
    verdict, raised = _ENDS[kind]
    case = CaseResult(
        verdict=verdict,
        trust=Trust.SEPARATED,
        message=message,
        actual="4",
        expected="3",
        wall_seconds=0.002,
        exception=ProgramException(type=raised) if raised else None,
    )
    return Evaluation(cases=(case,))


Answer = tuple[str | None, Evaluation | None]
"""A program, None where the answer holds none, and its verdicts."""


def run_of(
    answers: Mapping[str, Sequence[Answer]],
    *,
    shown: str = "You are an expert.",
    prompt: str = "Write a function.",
    around: str = "{}",
    base_cases: int | None = None,
    case_names: Sequence[str] = _NAMES,
) -> MemoryRun:
    """A run of the answers to each task; `around` is what a model wrote around each program."""
    samples: list[SampleRow] = []
    programs: list[ProgramRow] = []
    for task_id, answered in answers.items():
        ids: dict[str, int] = {}
        for index, (source, evaluation) in enumerate(answered):
            if source is not None and source not in ids:
                ids[source] = len(programs)
                programs.append(
                    ProgramRow(program_id=ids[source], task_id=task_id, source=source, evaluation=evaluation)
                )
            samples.append(
                SampleRow(
                    task_id=task_id,
                    index=index,
                    prompt_id="p",
                    seed=2**63 - 1 - index,
                    temperature=0.5,
                    text=around.format(source or "I can't."),
                    finish_reason=FinishReason.STOP if source else FinishReason.LENGTH,
                    tokens=len(source or "") % _LONGEST,
                    seconds=0.25,
                    program_id=None if source is None else ids[source],
                )
            )
    tasks = [
        TaskRow(
            task_id=task_id,
            prompt=prompt,
            reference="def f(): return 3",
            base_cases=base_cases,
            note="",
            case_names=case_names,
        )
        for task_id in answers
    ]
    return MemoryRun(tasks=tasks, prompts={"p": shown}, sample_rows=samples, program_rows=programs)


def many(tasks: int, samples: int, *, seed: int = 0) -> MemoryRun:
    """A run as models give: some tasks easy, some hard, errors of all classes, programs that come again."""
    chance = random.Random(seed)
    classes = list(ErrorClass)[:-1]
    answers: dict[str, list[Answer]] = {}
    for number in range(tasks):
        ease = chance.betavariate(0.5, 0.9)
        answered: list[Answer] = []
        for _ in range(samples):
            good = chance.random() < ease
            kind = None if good else chance.choices(classes, weights=[1, 2, 3, 9, 1, 0.3])[0]
            if not good and chance.random() < 0.05:
                answered.append((None, None))
                continue
            lines = [
                f"    value_{line} = number * {chance.randrange(1000)} + {line}"
                for line in range(chance.randrange(1, 12))
            ]
            source = "\n".join([f"def task_{number}(number):", *lines, "    return value_0"])
            if chance.random() < 0.3:
                source = f"def task_{number}(number):\n    return number * {int(good)}"
                kind = None if good else ErrorClass.WRONG_RESULT
            evaluation = PASSED if kind is None else failed(kind, message=f"{kind}: got {chance.randrange(99)}")
            answered.append((source, evaluation))
        answers[f"Mbpp/{number + 11}"] = answered
    return run_of(answers, shown="You are an expert Python programmer, and here is your task.\n" * 20)
