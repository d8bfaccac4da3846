"""What an operator counts: answers, verdicts, refusals, seconds, slots. Prometheus reads it over HTTP.

docs/operations.md says what each metric means. Labels are names of ours, never text from requests or programs.
"""

import functools
import platform
from collections import Counter as Tally
from collections.abc import Callable, Iterable
from importlib import metadata

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trialbox.server.grading import Evaluation, EvaluationJob, Trust, Verdict
from trialbox.server.layers import LayerState
from trialbox.server.model import Execution, IsolationPath, Job, Usage
from trialbox.server.readiness import Readiness
from trialbox.server.sandbox import CannotServeError, Sandbox
from trialbox.server.slot import Recycling
from trialbox.server.suites import SuiteStore
from trialbox.server.tenants import Tenants

_log = structlog.get_logger(__name__)

# A warm execution takes milliseconds, a patient program minutes.
_SECONDS_BUCKETS = (
    *(0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0),
)
# Counted from 0 on, so that the first one is seen to be an increase.
_SERVERS_FAULT = ("SANDBOX_BROKEN", "LAYERS_MISSING", "INTERNAL")
# What every answered request is told apart by.
_REQUEST = ("isolation", "runtime", "tenant")


class Metrics:
    """Counts what the service does, in a registry of its own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the series, and nobody reads them
        self.registry = registry = CollectorRegistry()
        self._executions = Counter(
            "trialbox_executions", "Execute requests answered.", ("outcome", *_REQUEST), registry=registry
        )
        self._evaluations = Counter(
            "trialbox_evaluations", "Evaluate requests answered.", ("verdict", "trust", *_REQUEST), registry=registry
        )
        self._cases = Counter("trialbox_cases", "Cases judged.", ("verdict", "trust"), registry=registry)
        self._refused = Counter(
            "trialbox_requests_refused", "Requests answered with an error.", ("reason", "tenant"), registry=registry
        )
        for reason in _SERVERS_FAULT:
            self._refused.labels(reason, "")
        self._seconds = {
            phase: Histogram(
                f"trialbox_{phase}_seconds",
                f"Seconds of {meaning}, of an answered request.",
                ("kind", "isolation"),
                buckets=_SECONDS_BUCKETS,
                registry=registry,
            )
            for phase, meaning in (("queue", "waiting for a slot"), ("setup", "set-up"), ("run", "the program's run"))
        }
        # These and their labels are called what gRPC's libraries for other languages call them.
        call = ("grpc_service", "grpc_method")
        self._calls_started = Counter("grpc_server_started", "RPCs begun.", call, registry=registry)
        self._calls_handled = Counter("grpc_server_handled", "RPCs ended.", (*call, "grpc_code"), registry=registry)
        self._call_seconds = Histogram(
            "grpc_server_handling_seconds", "Seconds of an RPC.", call, buckets=_SECONDS_BUCKETS, registry=registry
        )
        build = Info("trialbox_build", "What runs here.", registry=registry)
        build.info({"version": metadata.version("trialbox"), "python_version": platform.python_version()})
        ProcessCollector(registry=registry)

    def watch(self, sandbox: Sandbox, readiness: Readiness, suites: SuiteStore, tenants: Callable[[], Tenants]) -> None:
        """Have the state of these read whenever someone asks."""
        self.registry.register(_State(sandbox, readiness, suites, tenants))

    def serve(self, address: str) -> None:
        """Answer on HOST:PORT, from a thread that ends with the process; raises CannotServeError."""
        host, _, port = address.rpartition(":")
        try:
            server, _ = start_http_server(int(port), host.strip("[]"), self.registry)
        except OSError as error:
            raise CannotServeError(f"can't listen on {address} for metrics: {error}") from error
        _log.info("metrics", address=address, port=server.server_port)

    def executed(self, job: Job, done: Execution, tenant: str) -> None:
        """Count an answer to Execute."""
        _counter(self._executions, done.outcome.value, *_request(done.isolation, job.program.runtime, tenant)).inc()
        self._observe("execution", done.isolation, done.usage)

    def evaluated(self, job: EvaluationJob, done: Evaluation, tenant: str) -> None:
        """Count an answer to Evaluate: PASSED when every case is, SHARED when any case is."""
        cases = Tally((case.verdict, case.trust) for case in done.cases)
        verdict = Verdict.PASSED if all(verdict is Verdict.PASSED for verdict, _ in cases) else Verdict.FAILED
        trust = Trust.SHARED if any(trust is Trust.SHARED for _, trust in cases) else Trust.SEPARATED
        request = _request(job.isolation, job.program.runtime, tenant)
        _counter(self._evaluations, verdict.value, trust.value, *request).inc()
        for (case_verdict, case_trust), count in cases.items():
            _counter(self._cases, case_verdict.value, case_trust.value).inc(count)
        self._observe("evaluation", job.isolation, done.usage)

    def refused(self, reason: str, tenant: str) -> None:
        """Count an answer that is an error, by its ErrorInfo's reason; a stranger's tenant is empty."""
        _counter(self._refused, reason, tenant).inc()

    def call_started(self, service: str, method: str) -> None:
        """Count an RPC that begins."""
        _counter(self._calls_started, service, method).inc()

    def call_ended(self, service: str, method: str, code: str, seconds: float) -> None:
        """Count an RPC that ends."""
        _counter(self._calls_handled, service, method, code).inc()
        _histogram(self._call_seconds, service, method).observe(seconds)

    def _observe(self, kind: str, path: IsolationPath, usage: Usage) -> None:
        _histogram(self._seconds["queue"], kind, path.value).observe(usage.queue_seconds)
        _histogram(self._seconds["setup"], kind, path.value).observe(usage.setup_seconds)
        _histogram(self._seconds["run"], kind, path.value).observe(usage.wall_seconds)


class _State(Collector):
    """Reads how things stand when it is asked: requests pay nothing for it."""

    def __init__(
        self, sandbox: Sandbox, readiness: Readiness, suites: SuiteStore, tenants: Callable[[], Tenants]
    ) -> None:
        self._tenants = tenants
        self._sandbox = sandbox
        self._readiness = readiness
        self._suites = suites

    def collect(self) -> Iterable[Metric]:
        """Read the state of the moment; called on another thread, it only looks."""
        sandbox = self._sandbox
        programs, judges = sandbox.pool.state(), sandbox.judges.state()
        for name, meaning, value in (
            ("serving", "Whether health says SERVING.", int(self._readiness.serves)),
            ("queue_requests", "Requests that wait for their turn.", programs.waiting),
            ("queue_limit_requests", "Unary requests that may wait.", sandbox.settings.queue_size),
            ("running_requests", "Requests whose turn has come.", programs.running),
            ("running_limit_requests", "Requests that may run at once.", sandbox.pool.permits),
            ("memory_admitted_bytes", "Sum of the memory limits of requests that run.", programs.memory_bytes),
            ("memory_limit_bytes", "What they may sum up to.", sandbox.memory_bytes),
            ("suites_cached", "Suites kept for later requests.", self._suites.count),
            ("suites_cached_bytes", "What those take.", self._suites.used_bytes),
        ):
            yield GaugeMetricFamily(f"trialbox_{name}", meaning, value)
        slots = GaugeMetricFamily("trialbox_slots", "Slots.", labels=("role", "state"))
        for role, state in (("program", programs), ("judge", judges.pool)):
            for name in ("ready", "busy", "starting", "broken"):
                slots.add_metric((role, name), getattr(state, name))
        yield slots
        judging = GaugeMetricFamily("trialbox_judges", "Processes that judge.", labels=("state",))
        judging.add_metric(("idle",), judges.idle)
        judging.add_metric(("busy",), judges.busy)
        yield judging
        running = GaugeMetricFamily("trialbox_tenant_running_requests", "Running, by tenant.", labels=("tenant",))
        queued = GaugeMetricFamily("trialbox_tenant_queue_requests", "Waiting, by tenant.", labels=("tenant",))
        by_tenant = sandbox.pool.by_tenant()
        for name in self._tenants().by_name:
            runs, waits = by_tenant.get(name, (0, 0))
            running.add_metric((name,), runs)
            queued.add_metric((name,), waits)
        yield from (running, queued)
        layers = GaugeMetricFamily("trialbox_isolation_layer", "1 on, 0 missing, waived or not.", labels=("layer",))
        for layer in self._readiness.layers:
            layers.add_metric((layer.name,), layer.state is LayerState.ON)
        yield layers
        recycled = CounterMetricFamily("trialbox_jails_recycled", "Jails replaced.", labels=("reason",))
        for reason in Recycling:
            recycled.add_metric((reason.value,), sandbox.recycled[reason])
        yield recycled


def _request(path: IsolationPath, runtime: str, tenant: str) -> tuple[str, ...]:
    return path.value, runtime, tenant


# Finding the series of some labels takes a library's lock and longer than counting; there are not many.
@functools.cache
def _counter(counter: Counter, *labels: str) -> Counter:
    return counter.labels(*labels)


@functools.cache
def _histogram(histogram: Histogram, *labels: str) -> Histogram:
    return histogram.labels(*labels)
