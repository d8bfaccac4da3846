"""A run as one Parquet file: a row for each sample, with its program's verdicts."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from trialbox.client import Verdict
from trialbox.synthesis.extras import extra_synthesis
from trialbox.synthesis.store.error_class import ErrorClass, error_class
from trialbox.synthesis.store.replacing import replacing
from trialbox.synthesis.store.rows import ProgramRow, RunView, SampleRow, TaskRow
from trialbox.synthesis.store.task_runs import task_runs

_TOGETHER = 2000


def write_parquet(run: RunView, path: Path) -> int:
    """Write a run's samples to a file, at once; returns how many.

    Lone surrogates, which Parquet's strings can't hold, become U+FFFD. Raises ModuleNotFoundError where pyarrow is
    missing, OSError, and what `run` raises.
    """
    with extra_synthesis("writing Parquet"):
        import pyarrow
        from pyarrow import parquet
    text, whole, real, truth = pyarrow.string(), pyarrow.int64(), pyarrow.float64(), pyarrow.bool_()
    schema = pyarrow.schema(
        {
            "task_id": text,
            "sample": whole,
            "prompt_id": text,
            "seed": whole,
            "temperature": real,
            "text": text,
            "finish_reason": text,
            "tokens": whole,
            "seconds": real,
            "program_id": whole,
            "source": text,
            "passed": truth,
            "base_passed": truth,
            "error": text,
            "cases_passed": whole,
            "verdicts": pyarrow.list_(text),
        }
    )
    rows = _rows(run)
    count = 0
    # The file is not opened by pyarrow, whose own error tells the reason at length and not the file.
    with replacing(path) as file, parquet.ParquetWriter(file, schema) as writer:
        while taken := list(islice(rows, _TOGETHER)):
            writer.write_table(pyarrow.Table.from_pylist(taken, schema))
            count += len(taken)
    return count


def _rows(run: RunView) -> Iterator[dict[str, Any]]:
    for task_run in task_runs(run):
        for sample, program in task_run.answers:
            yield _row(task_run.task, sample, program)


def _row(task: TaskRow, sample: SampleRow, program: ProgramRow | None) -> dict[str, Any]:
    evaluation = program.evaluation if program else None
    return {
        "task_id": _clean(sample.task_id),
        "sample": sample.index,
        "prompt_id": sample.prompt_id,
        "seed": sample.seed,
        "temperature": sample.temperature,
        "text": _clean(sample.text),
        "finish_reason": sample.finish_reason,
        "tokens": sample.tokens,
        "seconds": sample.seconds,
        "program_id": sample.program_id,
        "source": _clean(program.source) if program else None,
        "passed": evaluation.passed if evaluation else None if program else False,
        "base_passed": task.base_passed(evaluation) if evaluation else None,
        "error": error_class(evaluation) if evaluation else None if program else ErrorClass.NO_CODE,
        "cases_passed": sum(case.verdict is Verdict.PASSED for case in evaluation.cases) if evaluation else None,
        "verdicts": [case.verdict for case in evaluation.cases] if evaluation else None,
    }


def _clean(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
