"""The promises, as ratios of what one run measured, and whether they are kept."""

from dataclasses import dataclass

from trialbox.bench.measure import Findings

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure, the bound that it must keep, and further ones that are hoped for."""

    name: str
    what: str
    value: float
    relation: str
    """`>=` or `<=`, between the value and its bounds."""
    must: float
    hoped: tuple[float, ...] = ()

    @property
    def met(self) -> bool:
        """Whether the bound that must be kept is kept."""
        return self.value >= self.must if self.relation == ">=" else self.value <= self.must


def goals(findings: Findings) -> list[Goal]:
    """Every promise, in the order of the report."""
    rows = findings.rows
    rate = {kind: row.per_second for kind, row in rows.items()}
    # Of all kinds only the batch has no percentiles, and nothing is promised of them.
    p50 = {kind: row.p50_seconds or 0.0 for kind, row in rows.items()}
    p99 = {kind: row.p99_seconds or 0.0 for kind, row in rows.items()}

    unary_to_fork = rate["unary_16"] / rate["bare_fork"]
    batch_to_fork = rate["batch"] / rate["bare_fork"]
    unary_to_nsjail = rate["unary_16"] / rate["nsjail"]
    p50_to_fork = p50["unary_1"] / p50["bare_fork"]
    p99_to_own_p50 = p99["unary_16"] / p50["unary_16"]
    p99_to_lone_p50 = p99["unary_16"] / p50["unary_1"]
    cold_to_nsjail = p50["cold_alone"] / p50["nsjail_alone"]
    megabytes = max(slot.private_bytes for slot in findings.idle_slots) / MEGABYTE
    return [
        Goal("unary_16_rate_to_bare_fork", "rate: warm at 16 / bare fork", unary_to_fork, ">=", 0.35, (0.5, 0.7)),
        Goal("batch_rate_to_bare_fork", "rate: warm batch / bare fork", batch_to_fork, ">=", 0.4),
        Goal("unary_16_rate_to_nsjail", "rate: warm at 16 / nsjail", unary_to_nsjail, ">=", 3, (5,)),
        Goal("unary_1_p50_to_bare_fork", "p50: warm at 1 / bare fork", p50_to_fork, "<=", 3),
        Goal("unary_16_p99_to_p50", "warm: p99 at 16 / p50 at 16", p99_to_own_p50, "<=", 4),
        Goal("unary_16_p99_to_unary_1_p50", "warm: p99 at 16 / p50 at 1", p99_to_lone_p50, "<=", 12),
        Goal("cold_p50_to_nsjail", "p50, in turns: cold / nsjail", cold_to_nsjail, "<=", 1.5),
        Goal("idle_slot_megabytes", "an idle slot's private memory, MB", megabytes, "<=", 16),
    ]
