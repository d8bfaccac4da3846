"""What a server counts is what it did, and whoever watches it asks for metrics that exist."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import hosts
import promql_parser
import pytest
import yaml
from telemetry_stage import Observed, Samples, labels, observed

from trialbox.client import (
    Call,
    Check,
    Evaluation,
    Execution,
    InvalidRequestError,
    Limits,
    Program,
    Sandbox,
    Stdio,
    Suite,
)
from trialbox.server.layers import CGROUPS
from trialbox.v1 import execution_pb2, sandbox_service_pb2
from trialbox.v1.sandbox_service_pb2_grpc import SandboxServiceStub

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ADD = "def add(a, b): return a + b"
WARM = {"isolation": "WARM", "runtime": "python", "tenant": "default"}
COLD = {**WARM, "isolation": "COLD"}
SERVICE = "trialbox.v1.SandboxService"


def _call_unknown(channel: grpc.Channel, method: str) -> None:
    call: Any = channel.unary_unary(method)
    call(b"")


@pytest.fixture(scope="module")
def server() -> Iterator[Observed]:
    """A server with room for one program, and for one that waits."""
    with observed({"SLOTS": "1", "QUEUE_SIZE": "1"}) as server:
        yield server


@pytest.fixture
def box(server: Observed) -> Iterator[Sandbox]:
    with Sandbox(server.address, retry=False) as box:
        yield box


def test_executions_are_counted_by_outcome_path_and_runtime(server: Observed, box: Sandbox) -> None:
    before = server.samples()
    box.run("print(1)")
    box.run("1/0", isolation="cold")
    box.run("while True: pass", limits=Limits(wall_seconds=0.05))
    list(box.run_many(["print(2)", "raise SystemExit(3)"]))
    assert server.samples().since(before).grown("trialbox_executions_total") == {
        labels(outcome="SUCCEEDED", **WARM): 2,
        labels(outcome="FAILED", **COLD): 1,
        labels(outcome="FAILED", **WARM): 1,
        labels(outcome="WALL_TIME_EXCEEDED", **WARM): 1,
    }


def test_evaluations_and_their_cases_are_counted_by_verdict_and_trust(server: Observed, box: Sandbox) -> None:
    before = server.samples()
    right = Call("add", (1, 2), expected=3)
    box.evaluate(ADD, Suite([right, Check("assert add(0, 0) == 0")]))
    box.evaluate(ADD, Suite([right, Call("add", (1, 2), expected=4), Stdio(stdin=b"", expected=b"no")]))
    list(box.evaluate_many([(ADD, Suite([right, Check("assert add(0, 0) == 0", shared=True)]))]))
    grown = server.samples().since(before)
    assert grown.grown("trialbox_evaluations_total") == {
        labels(verdict="PASSED", trust="SEPARATED", **WARM): 1,
        labels(verdict="FAILED", trust="SEPARATED", **WARM): 1,
        labels(verdict="PASSED", trust="SHARED", **WARM): 1,
    }
    assert grown.grown("trialbox_cases_total") == {
        labels(verdict="PASSED", trust="SEPARATED"): 4,
        labels(verdict="FAILED", trust="SEPARATED"): 2,
        labels(verdict="PASSED", trust="SHARED"): 1,
    }
    assert grown.of("trialbox_executions_total") == 0
    assert server.samples().of("trialbox_suites_cached") >= 3
    assert server.samples().of("trialbox_suites_cached_bytes") > 0


def test_seconds_are_those_of_the_answers(server: Observed, box: Sandbox) -> None:
    before = server.samples()
    done: list[tuple[str, Execution | Evaluation]] = [
        ("execution", box.run("import time; time.sleep(0.02)")),
        ("execution", box.run("pass", isolation="cold")),
        ("execution", box.run("pass", isolation="cold")),
        ("evaluation", box.evaluate(ADD, Suite([Call("add", (1, 2), expected=3)]))),
    ]
    grown = server.samples().since(before)
    for kind in ("execution", "evaluation"):
        for path in ("warm", "cold"):
            usages = [result.usage for at, result in done if at == kind and result.isolation.path == path]
            at = {"kind": kind, "isolation": path.upper()}
            for name, seconds in (
                ("queue", [usage.queue_seconds for usage in usages]),
                ("setup", [usage.setup_seconds for usage in usages]),
                ("run", [usage.wall_seconds for usage in usages]),
            ):
                assert grown.of(f"trialbox_{name}_seconds_count", **at) == len(seconds)
                assert grown.of(f"trialbox_{name}_seconds_sum", **at) == pytest.approx(sum(seconds), abs=1e-6)


def test_set_up_has_the_start_of_a_jail_that_did_not_stand_ready(box: Sandbox) -> None:
    def most_of_it_is_set_up(hash_seed: int) -> bool:
        began = time.monotonic()
        usage = box.run(Program(source="pass", hash_seed=hash_seed)).usage
        elapsed = time.monotonic() - began
        return usage.setup_seconds > elapsed / 2

    # On a busy machine something else may take longer.
    assert any(most_of_it_is_set_up(hash_seed) for hash_seed in range(1, 9))


def test_refusals_are_counted_by_reason_and_rpcs_by_code(server: Observed, box: Sandbox) -> None:
    before = server.samples()
    box.server_info()
    with pytest.raises(InvalidRequestError):
        box.run("pass", limits=Limits(wall_seconds=1e9))
    with grpc.insecure_channel(server.address) as channel:
        request = sandbox_service_pb2.EvaluateRequest(
            program=execution_pb2.Program(source=b""), suite_id=uuid.uuid4().bytes * 2
        )
        with pytest.raises(grpc.RpcError):
            SandboxServiceStub(channel).Evaluate(request)
        twice = sandbox_service_pb2.ExecuteRequest(program=execution_pb2.Program(source=b"pass"))
        list(
            SandboxServiceStub(channel).ExecuteBatch(iter([sandbox_service_pb2.ExecuteBatchRequest(requests=[twice])]))
        )
        with pytest.raises(grpc.RpcError):
            _call_unknown(channel, f"/{uuid.uuid4()}/{uuid.uuid4()}")
    grown = server.samples().since(before)
    assert grown.grown("trialbox_requests_refused_total") == {
        labels(reason="INVALID_REQUEST", tenant="default"): 2,
        labels(reason="UNKNOWN_SUITE", tenant="default"): 1,
    }
    ended = {
        labels(grpc_service=SERVICE, grpc_method="GetServerInfo", grpc_code="OK"): 1,
        labels(grpc_service=SERVICE, grpc_method="Execute", grpc_code="INVALID_ARGUMENT"): 1,
        labels(grpc_service=SERVICE, grpc_method="Evaluate", grpc_code="NOT_FOUND"): 1,
        labels(grpc_service=SERVICE, grpc_method="ExecuteBatch", grpc_code="OK"): 1,
        labels(grpc_service="unknown", grpc_method="unknown", grpc_code="UNIMPLEMENTED"): 1,
    }
    told = grown.grown("grpc_server_handled_total")
    assert {at: told.get(at) for at in ended} == ended
    assert grown.of("grpc_server_handling_seconds_count") == grown.of("grpc_server_handled_total")


def test_a_call_given_up_by_its_caller_is_counted_as_cancelled(server: Observed) -> None:
    marker, before = uuid.uuid4().hex, server.samples()
    request = sandbox_service_pb2.ExecuteRequest(program=execution_pb2.Program(source=hosts.lingering(marker).encode()))
    with grpc.insecure_channel(server.address) as channel:
        call = SandboxServiceStub(channel).Execute.future(request)
        hosts.eventually(lambda: hosts.marked(marker), "the program started")
        call.cancel()

    def cancelled() -> bool:
        grown = server.samples().since(before)
        return grown.of("grpc_server_handled_total", grpc_method="Execute", grpc_code="CANCELLED") == 1

    hosts.eventually(cancelled, "the call was counted")


def test_gauges_show_who_runs_who_waits_and_what_is_admitted(server: Observed) -> None:
    def at_rest(samples: Samples) -> bool:
        return (
            samples.of("trialbox_running_requests") == 0
            and samples.of("trialbox_slots", role="program", state="ready") == 2
            and samples.of("trialbox_judges", state="busy") == 0
        )

    marker = uuid.uuid4().hex
    limits = Limits(memory_bytes=64 << 20, wall_seconds=60)
    hosts.eventually(lambda: at_rest(server.samples()), "nothing runs")
    with Sandbox(server.address, retry=False) as box, ThreadPoolExecutor() as pool:
        first = pool.submit(box.run, hosts.until_released(marker), limits=limits)
        hosts.eventually(lambda: hosts.marked(marker), "the program runs")
        second = pool.submit(box.run, "pass", limits=limits)
        hosts.eventually(lambda: server.samples().of("trialbox_queue_requests") == 1, "another waits")
        samples = server.samples()
        assert samples.of("trialbox_running_requests") == samples.of("trialbox_running_limit_requests") == 1
        assert samples.of("trialbox_memory_admitted_bytes") == 64 << 20 < samples.of("trialbox_memory_limit_bytes")
        assert samples.of("trialbox_queue_limit_requests") == 1
        assert samples.of("trialbox_slots", role="program", state="busy") == 1
        assert samples.of("trialbox_slots", role="program") == 2
        before = samples
        with pytest.raises(Exception, match="wait already"):
            box.run("pass")
        assert server.samples().since(before).of("trialbox_requests_refused_total", reason="QUEUE_FULL") == 1
        for pid in hosts.marked(marker):
            os.kill(pid, signal.SIGUSR1)
        first.result()
        second.result()
    hosts.eventually(lambda: at_rest(server.samples()), "nothing runs any more")
    assert server.samples().of("trialbox_queue_requests") == 0


def test_jails_that_are_replaced_are_counted_by_reason(server: Observed) -> None:
    def recycled(reason: str) -> float:
        return server.samples().of("trialbox_jails_recycled_total", reason=reason)

    cold, doubt = recycled("cold"), recycled("doubt")
    with Sandbox(server.address) as box:
        box.run("pass", isolation="cold")
        hosts.eventually(lambda: recycled("cold") == cold + 1, "the cold jail was replaced")
    for jail in hosts.jails(server.server.pid):
        os.kill(jail.fork_server.pid, signal.SIGKILL)
    with Sandbox(server.address) as box:
        box.run("pass")
    hosts.eventually(lambda: recycled("doubt") > doubt, "a slot was started again")


def test_labels_hold_nothing_that_a_caller_chose(server: Observed, box: Sandbox) -> None:
    marker = f"marker{uuid.uuid4().hex}"
    box.run(f"raise SystemExit('{marker}')", env={marker: marker}, args=[marker])
    before = set(server.samples())
    with grpc.insecure_channel(server.address) as channel:
        for number in range(3):
            request = sandbox_service_pb2.ExecuteRequest(
                request_id=f"{marker}{number}",
                program=execution_pb2.Program(source=b"raise SystemExit(1)", runtime="python"),
            )
            SandboxServiceStub(channel).Execute(request, metadata=(("trialbox-client-id", f"{marker}{number}"),))
            with pytest.raises(grpc.RpcError):
                _call_unknown(channel, f"/{marker}{number}/{marker}")
    assert marker not in server.page()
    assert {name for name, _ in set(server.samples()) - before} <= {"grpc_server_handled_total"}


def test_build_and_layers_are_told(server: Observed, box: Sandbox) -> None:
    samples = server.samples()
    assert samples.of("trialbox_serving") == 1
    assert samples.of("trialbox_build_info", version=box.server_info().version) == 1
    layers = {dict(at)["layer"]: value for at, value in samples.grown("trialbox_isolation_layer").items()}
    assert layers == {layer.name: 1.0 for layer in box.server_info().layers}


def test_waived_layers_are_zero_and_logged() -> None:
    settings = {"WAIVED_LAYERS": json.dumps([*CGROUPS]), "SLOTS": "1", "SPARE_SLOTS": "0", "LOG_LEVEL": "info"}
    with observed(settings, prefix=hosts.WITHOUT_CGROUPS) as server:
        assert {line["layer"] for line in server.logged("layer_waived")} == set(CGROUPS)
        for layer in CGROUPS:
            assert (("trialbox_isolation_layer", labels(layer=layer)), 0.0) in server.samples().items()
        assert server.samples().of("trialbox_isolation_layer", layer="seccomp") == 1


def test_nobody_is_told_unless_the_operator_says_where() -> None:
    with hosts.serving({"SLOTS": "1", "SPARE_SLOTS": "0"}) as server:
        sockets = {link.readlink().name for link in Path(f"/proc/{server.pid}/fd").iterdir() if link.is_symlink()}
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                state, inode = line.split()[3], line.split()[9]
                assert not (state == "0A" and f"socket:[{inode}]" in sockets)


@pytest.mark.parametrize(
    ("address", "status", "complaint"),
    [
        ("unix:/tmp/metrics", 2, "TRIALBOX_METRICS_ADDRESS = 'unix:/tmp/metrics': is not HOST:PORT"),
        ("9100", 2, "TRIALBOX_METRICS_ADDRESS = '9100': is not HOST:PORT"),
        ("{taken}", 3, "can't listen on {taken} for metrics: "),
    ],
)
def test_an_address_that_can_not_be_had_is_refused_by_name(address: str, status: int, complaint: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = f"127.0.0.1:{listener.getsockname()[1]}"
        environment = {"PATH": os.environ["PATH"], "TRIALBOX_METRICS_ADDRESS": address.format(taken=taken)}
        command = [sys.executable, "-m", "trialbox.server"]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == status
    assert complaint.format(taken=taken) in ended.stderr


def _dashboard_queries() -> list[str]:
    dashboard = json.loads((DEPLOY / "grafana/trialbox.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    return [query.replace("$__rate_interval", "5m").replace("$instance", ".*") for query in queries]


def _alert_queries() -> list[str]:
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())
    return [rule["expr"] for group in rules["groups"] for rule in group["rules"]]


def _autoscaling_queries() -> list[str]:
    scaled = yaml.safe_load((DEPLOY / "k8s/components/keda/scaled-object.yaml").read_text())
    return [trigger["metadata"]["query"] for trigger in scaled["spec"]["triggers"]]


def _parts(node: Any) -> Iterator[Any]:
    """All nodes of a parsed query."""
    yield node
    children = (getattr(node, name, None) for name in ("lhs", "rhs", "expr", "vector_selector"))
    for child in (*children, *getattr(node, "args", ())):
        if child is not None:
            yield from _parts(child)


# What Prometheus adds to every sample, its operator's ServiceMonitor included.
_TARGET_LABELS = {"instance", "job", "namespace"}
_QUERIES = {"dashboard": _dashboard_queries, "alerts": _alert_queries, "autoscaling": _autoscaling_queries}


@pytest.mark.parametrize("queries", _QUERIES.values(), ids=_QUERIES)
def test_every_query_names_metrics_and_labels_that_exist(server: Observed, queries: Any) -> None:
    known: dict[str, set[str]] = {}
    with Sandbox(server.address) as box:  # so that histograms have something to show
        box.run("pass")
        box.evaluate(ADD, Suite([Call("add", (1, 2), expected=3)]))
        for name, has in server.samples():
            known.setdefault(name, set(_TARGET_LABELS)).update(label for label, _ in has)
    assert queries()
    for query in queries():
        parts = list(_parts(promql_parser.parse(query)))
        selectors = [part for part in parts if isinstance(part, promql_parser.VectorSelector)]
        assert selectors, query
        for selector in selectors:
            assert selector.name in known, query
            assert {matcher.name for matcher in selector.matchers.matchers} <= known[str(selector.name)], query
        grouped = {
            label
            for part in parts
            if isinstance(part, promql_parser.AggregateExpr) and part.modifier is not None
            for label in part.modifier.labels
        }
        assert grouped <= set[str]().union(*(known[str(selector.name)] for selector in selectors)), query


def test_every_metric_of_ours_is_explained(server: Observed) -> None:
    explained = (DEPLOY.parent / "docs/operations.md").read_text()
    families = {line.split()[2] for line in server.page().splitlines() if line.startswith("# TYPE ")}
    ours = {name for name in families if not name.startswith("process_")}
    assert {name for name in ours if f"`{name}`" not in explained} == set()
