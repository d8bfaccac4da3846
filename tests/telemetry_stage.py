"""A server whose metrics and log a test reads."""

import contextlib
import json
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hosts
from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A running server, seen as an operator sees it."""

    server: hosts.Server
    log_file: Path

    @property
    def address(self) -> str:
        """Where it answers requests."""
        return self.server.address

    def log(self) -> list[dict[str, Any]]:
        """All that it has logged; every line is JSON."""
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Lines of one kind."""
        return [line for line in self.log() if line["event"] == event]

    def page(self) -> str:
        """What Prometheus reads."""
        (told,) = self.logged("metrics")
        with urllib.request.urlopen(f"http://127.0.0.1:{told['port']}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    def samples(self) -> "Samples":
        """All values of the moment."""
        found: dict[tuple[str, Labels], float] = {}
        for family in text_string_to_metric_families(self.page()):
            for sample in family.samples:
                found[sample.name, frozenset(sample.labels.items())] = sample.value
        return Samples(found)


class Samples(dict[tuple[str, Labels], float]):
    """Values by name and labels."""

    def of(self, name: str, **labels: str) -> float:
        """The sum of all of this name that have these labels."""
        return sum(value for (at, has), value in self.items() if at == name and labels.items() <= dict(has).items())

    def since(self, before: "Samples") -> "Samples":
        """By how much each has grown."""
        return Samples({key: value - before.get(key, 0.0) for key, value in self.items()})

    def grown(self, name: str) -> dict[Labels, float]:
        """Those of this name that are not 0."""
        return {labels: value for (at, labels), value in self.items() if at == name and value}


def labels(**given: str) -> Labels:
    """Write labels as Samples has them."""
    return frozenset(given.items())


@contextlib.contextmanager
def observed(settings: Mapping[str, str], *, prefix: Sequence[str] = ()) -> Iterator[Observed]:
    """Start a server that tells all it can."""
    told = {"METRICS_ADDRESS": "127.0.0.1:0", "LOG_LEVEL": "debug", **settings}
    with (
        tempfile.NamedTemporaryFile(prefix="trialbox-test-log-") as log,
        hosts.serving(told, prefix=prefix, log=log) as server,
    ):
        yield Observed(server=server, log_file=Path(log.name))
