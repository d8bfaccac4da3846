"""What a tenant's calls hold of the server's memory is bounded, and is no other tenant's loss."""

import contextlib
import os
import signal
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import hosts
import pytest
from access import tenant
from telemetry_stage import Observed, observed

from trialbox.client import Limits, Outcome, Program, QueueFullError, Sandbox, Started

BOUND = 1 << 20
LIMITS = Limits(wall_seconds=60, output_bytes=4 * BOUND)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    file = tmp_path_factory.mktemp("tenants") / "tenants.toml"
    file.write_text(tenant("a", "a's", concurrency=1) + tenant("b", "b's"))
    with observed({"SLOTS": "2", "TENANTS_FILE": str(file), "MESSAGE_BYTES": str(BOUND)}) as server:
        yield server


@contextlib.contextmanager
def boxes(server: Observed) -> Iterator[tuple[Sandbox, Sandbox]]:
    with (
        Sandbox(server.address, token="a's", retry=False) as a,
        Sandbox(server.address, token="b's", retry=False) as b,
    ):
        yield a, b


def test_requests_that_wait_hold_no_more_than_the_bound(server: Observed) -> None:
    marker = uuid.uuid4().hex
    large = Program("pass", stdin=bytes(BOUND // 2))
    with boxes(server) as (a, b), ThreadPoolExecutor() as threads:
        running = threads.submit(a.run, hosts.until_released(marker), limits=LIMITS)
        hosts.eventually(lambda: bool(hosts.marked(marker)), "the program runs")
        waiting = threads.submit(a.run, large, limits=LIMITS)
        hosts.eventually(lambda: server.samples().of("trialbox_tenant_queue_requests", tenant="a") == 1, "one waits")
        with pytest.raises(QueueFullError, match="hold") as raised:
            a.run(large, limits=LIMITS)
        assert raised.value.reason == "QUOTA_EXCEEDED"
        assert b.run(large, limits=LIMITS).outcome is Outcome.SUCCEEDED
        for pid in hosts.marked(marker):
            os.kill(pid, signal.SIGUSR1)
        assert running.result().outcome is waiting.result().outcome is Outcome.SUCCEEDED
        assert a.run(large, limits=LIMITS).outcome is Outcome.SUCCEEDED


def test_answers_that_nobody_reads_count_until_their_calls_end(server: Observed) -> None:
    source = f"import os\nfor _ in range(3): os.write(1, bytes({BOUND}))"
    with boxes(server) as (a, b):
        before = server.samples()
        unread = a.stream(source, limits=LIMITS)
        assert isinstance(next(unread), Started)
        hosts.eventually(
            lambda: server.samples().since(before).of("trialbox_executions_total", tenant="a") == 1, "it has ended"
        )
        with pytest.raises(QueueFullError, match="hold"):
            a.run("pass", limits=LIMITS)
        assert b.run("pass", limits=LIMITS).outcome is Outcome.SUCCEEDED
        unread.close()
        hosts.eventually(lambda: _runs(a), "what the call held is given back")


def _runs(box: Sandbox) -> bool:
    try:
        return box.run("pass", limits=LIMITS).outcome is Outcome.SUCCEEDED
    except QueueFullError:
        return False
