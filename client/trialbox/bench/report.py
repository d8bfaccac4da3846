"""What `trialbox bench` reports: as a document and to people."""

import platform
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from trialbox.bench.goals import MEGABYTE, Goal, goals
from trialbox.bench.measure import KINDS, Findings
from trialbox.bench.yardsticks import cores


def document(findings: Findings) -> dict[str, Any]:
    """Everything that was measured; seconds and bytes unless a name says otherwise."""
    graded = findings.references
    return {
        "machine": {
            "cores": len(cores()),
            "system": _system(),
            "python": platform.python_version(),
            "load_average_before": findings.load_average,
        },
        "settings": {
            "slots": findings.slots,
            "rounds": findings.rounds,
            "seconds": findings.seconds,
        },
        "rows": {kind: asdict(row) for kind, row in findings.rows.items()},
        "idle_slots": [asdict(slot) for slot in findings.idle_slots],
        "mbpp": asdict(graded) | {"programs_per_second": graded.per_second} if graded else None,
        "goals": [asdict(goal) | {"met": goal.met} for goal in goals(findings)],
    }


def show(findings: Findings) -> None:
    """Print it for people."""
    console = Console()
    for part in (
        f"{len(cores())} cores, {findings.slots} slots, {_system()}, Python {platform.python_version()}.",
        f"{findings.rounds} rounds of {findings.seconds:g} s a kind; load average before: {findings.load_average:.1f}.",
        _rows(findings),
        _goals(goals(findings)),
        _memory(findings),
        _references(findings),
    ):
        console.print(part, highlight=False, soft_wrap=isinstance(part, str))


def _system() -> str:
    return f"{platform.system()} {platform.release()}"


def _rows(findings: Findings) -> Table:
    table = Table("What")
    for heading in ("Runs", "1/s", "in rounds", "p50, ms", "p99, ms"):
        table.add_column(heading, justify="right")
    for kind, row in findings.rows.items():
        rounds = row.per_second_of_rounds
        table.add_row(
            KINDS[kind],
            str(row.executions),
            f"{row.per_second:.0f}",
            f"{min(rounds):.0f} to {max(rounds):.0f}",
            _milliseconds(row.p50_seconds),
            _milliseconds(row.p99_seconds),
        )
    return table


def _goals(found: list[Goal]) -> Table:
    table = Table("Ratio")
    for heading in ("Value", "Must be", "Hoped for", ""):
        table.add_column(heading, justify="right")
    for goal in found:
        hoped = ", ".join(f"{bound:g}" for bound in goal.hoped)
        bound = f"{goal.relation} {goal.must:g}"
        table.add_row(goal.what, f"{goal.value:.2f}", bound, hoped, "met" if goal.met else "missed")
    return table


def _memory(findings: Findings) -> str:
    largest = max(findings.idle_slots, key=lambda slot: slot.private_bytes)
    return (
        f"Idle slot, the largest of {len(findings.idle_slots)}: {largest.private_bytes / MEGABYTE:.1f} MB private, "
        f"{largest.proportional_bytes / MEGABYTE:.1f} MB with its share of shared pages, "
        f"{largest.processes} processes."
    )


def _references(findings: Findings) -> str:
    graded = findings.references
    if graded is None:
        return "MBPP's references: not measured (--mbpp FILE)."
    return (
        f"MBPP's references, warm: {graded.passed} of {graded.programs} passed "
        f"in {graded.elapsed_seconds:.1f} s, {graded.per_second:.1f} a second."
    )


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e3:.2f}"
