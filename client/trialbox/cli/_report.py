"""What `trialbox evaluate` shows to people."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby, islice

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trialbox.client import Case, CaseResult, Check, Trust, Verdict
from trialbox.synthesis.one_line import one_line
from trialbox.synthesis.results import CONFIDENCE, Graded, Report, Tally
from trialbox.synthesis.store import ErrorClass

_SHOWN = 20


def show(report: Report, kept: str) -> None:
    """Print the failures and a summary; `kept` says where all failures are."""
    console = Console()
    tally = report.tally
    if failures := tally.programs - tally.passed:
        table = _failure_table(report)
        console.print(table)
        if failures > table.row_count:
            console.print(Text(f"… and {failures - table.row_count} more; {kept}."))
    if any(task.programs > 1 and task.passed < task.programs for task in tally.by_task.values()):
        console.print(_task_table(tally))
    console.print(
        f"{tally.solved} of {len(tally.by_task)} tasks passed"
        f" ({tally.passed} of {tally.programs} programs, {report.wall_seconds:.1f} s)."
    )
    if untried := len(report.tasks) - len(tally.by_task):
        console.print(f"Tasks of the file that had no program: {untried}.")
    if report.other_ids:
        others = f"{len(report.other_ids)} ({_some(report.other_ids)})"
        console.print(Text(f"Programs left out, for tasks that the file doesn't hold: {others}."))
    console.print(_rate_table(report))
    if tally.errors:
        errors = [f"{kind} {tally.errors[kind]}" for kind in ErrorClass if tally.errors[kind]]
        console.print(f"Programs that did not pass, by their first error: {', '.join(errors)}.")
    _show_trust(console, report)
    for task_id, note in tally.notes.items():
        console.print(Text(f"{task_id}: {one_line(note)}."))


def _failure_table(report: Report) -> Table:
    title = "Programs that did not pass, the first of each task"
    table = Table("Task", "Verdict", "Cases passed", "Why", title=title, title_justify="left")
    for item in islice(_first_failures(report), _SHOWN):
        if not item.has_program:
            table.add_row(Text(item.sample.name), "", "", "the answer holds no program")
            continue
        case, result = next(pair for pair in item.cases if pair[1].verdict is not Verdict.PASSED)
        passed = sum(result.verdict is Verdict.PASSED for result in item.evaluation.cases)
        table.add_row(
            Text(item.sample.name),
            result.verdict,
            f"{passed} of {len(item.evaluation.cases)}",
            Text(one_line(_reason(case, result))),
        )
    return table


def _first_failures(report: Report) -> Iterator[Graded]:
    for _, programs in groupby(report.graded, key=lambda item: item.sample.task.task_id):
        yield from islice((item for item in programs if not item.passed), 1)


def _task_table(tally: Tally) -> Table:
    failed = [task for task in tally.by_task.values() if task.passed < task.programs]
    table = Table("Task", "Programs", "Passed", title="Tasks, those seldom solved first", title_justify="left")
    for task in sorted(failed, key=lambda task: task.passed / task.programs)[:_SHOWN]:
        table.add_row(Text(task.task_id), str(task.programs), str(task.passed))
    if len(failed) > _SHOWN:
        table.caption = f"… and {len(failed) - _SHOWN} more"
    return table


def _reason(case: Case, result: CaseResult) -> str:
    """Say why a case has its verdict; the text may hold anything that a program wrote."""
    if isinstance(case, Check) and isinstance(case.source, str) and result.message == "AssertionError":
        # The last line of longer test code is seldom the one that failed.
        return result.message if "\n" in case.source else f"does not hold: {case.source}"
    return result.message


def _rate_table(report: Report) -> Table:
    table = Table("Tests", "k", "pass@k", f"{CONFIDENCE:.0%} interval", "Tasks")
    for name, found in (("tasks solved", report.tasks_solved), ("programs passed", report.programs_passed)):
        if found is not None:
            table.add_row(name, "", f"{found.value:.1%}", f"{found.low:.1%} to {found.high:.1%}", str(found.tasks))
    names = {"base": "base" if report.extended else "all", "plus": "base and plus"}
    for tests, rates in report.pass_at_k.items():
        for rate in rates:
            interval = f"{rate.low:.1%} to {rate.high:.1%}"
            table.add_row(names[tests], str(rate.k), f"{rate.value:.1%}", interval, str(rate.tasks))
    return table


def _show_trust(console: Console, report: Report) -> None:
    if report.separated_share is not None:
        separated, total = report.tally.trusts[Trust.SEPARATED], report.tally.trusts.total()
        console.print(f"{separated} of {total} verdicts are SEPARATED ({report.separated_share:.1%}).")
    for reason, count in Counter(case.reason for case in report.tally.shared_cases).most_common():
        cases = [f"{case.task_id} {case.case}" for case in report.tally.shared_cases if case.reason == reason]
        why = f", since {one_line(reason)}" if reason else ""
        console.print(Text(f"SHARED cases: {count}{why}: {_some(cases)}."))


def _some(names: Sequence[str]) -> str:
    return ", ".join([*names[:_SHOWN], *(["…"] if len(names) > _SHOWN else [])])
