"""All that the page shows of one task, packed by itself: it is unpacked when somebody asks for it."""

from collections.abc import Callable, Sequence
from typing import Any

from trialbox.client import CaseResult, Evaluation, Trust, Verdict
from trialbox.synthesis.report.packing import Interned
from trialbox.synthesis.store import Group, SampleRow, TaskRow, TaskRun

# A letter a case: a task of an extended data set has hundreds, and eighty programs.
VERDICT_LETTERS = {
    Verdict.PASSED: "P",
    Verdict.FAILED: "F",
    Verdict.ERROR: "E",
    Verdict.TIMED_OUT: "T",
    Verdict.OUT_OF_MEMORY: "M",
    Verdict.NOT_RUN: "N",
}
TRUST_LETTERS = {Trust.SEPARATED: "s", Trust.SHARED: "S"}


def block(run: TaskRun, prompt: Callable[[str], str]) -> dict[str, Any]:
    """Lay out a task with its groups of samples; `prompt` gives what a model was shown by its id.

    Texts are numbers into `texts`: most stand there many times.
    """
    texts = Interned()
    groups = [_group(run.task, group, texts) for group in run.groups]
    return {
        "reference": run.task.reference,
        "note": run.task.note,
        "baseCases": run.task.base_cases,
        "prompts": {
            prompt_id: prompt(prompt_id)
            for prompt_id in dict.fromkeys(sample.prompt_id for sample in run.samples)
            if prompt_id is not None
        },
        "groups": groups,
        "texts": texts.texts,
    }


def _group(task: TaskRow, group: Group, texts: Interned) -> dict[str, Any]:
    return {
        "source": None if group.program is None else texts.number(group.program.source),
        "state": group.state,
        "verdicts": group.evaluation and _verdicts(task, group.evaluation, texts),
        "samples": [_sample(sample, texts) for sample in group.samples],
    }


def _sample(sample: SampleRow, texts: Interned) -> dict[str, Any]:
    return {
        "index": sample.index,
        "prompt": sample.prompt_id,
        # JavaScript's numbers have 53 bits.
        "seed": None if sample.seed is None else str(sample.seed),
        "temperature": sample.temperature,
        "finish": sample.finish_reason,
        "tokens": sample.tokens,
        "seconds": sample.seconds,
        "text": texts.number(sample.text),
    }


def _verdicts(task: TaskRow, evaluation: Evaluation, texts: Interned) -> dict[str, Any]:
    return {
        "base": task.base_passed(evaluation),
        "names": [texts.number(name) for name in task.case_names],
        "verdicts": "".join(VERDICT_LETTERS[case.verdict] for case in evaluation.cases),
        "trusts": "".join(TRUST_LETTERS[case.trust] for case in evaluation.cases),
        "milliseconds": [round(case.wall_seconds * 1000) for case in evaluation.cases],
        "details": {
            number: [texts.number(text) for text in _details(case)]
            for number, case in enumerate(evaluation.cases)
            if any(_details(case))
        },
    }


def _details(case: CaseResult) -> Sequence[str]:
    return case.message, case.actual, case.expected, case.shared_reason
