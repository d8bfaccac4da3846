"""Whoever reaches a server's address may call what needs no token, and call it badly: the server serves on."""

import contextlib
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import hosts
import pytest
from access import tenant
from grpc_health.v1 import health_pb2, health_pb2_grpc
from raw_calls import RawConnection
from telemetry_stage import Observed, observed

STATUS = health_pb2.HealthCheckResponse
WATCH = b"/grpc.health.v1.Health/Watch"
INFO = b"/trialbox.v1.SandboxService/GetServerInfo"


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    file = tmp_path_factory.mktemp("tenants") / "tenants.toml"
    file.write_text(tenant("a", "a's"))
    with observed({"SLOTS": "1", "STOP_GRACE_SECONDS": "1", "TENANTS_FILE": str(file)}) as server:
        yield server


@contextlib.contextmanager
def raw(server: Observed, *, window: int = 65_535) -> Iterator[RawConnection]:
    connection = RawConnection(server.address, window=window)
    try:
        yield connection
    finally:
        connection.close()


def watching(channel: grpc.Channel) -> Any:
    return health_pb2_grpc.HealthStub(channel).Watch(  # type: ignore[attr-defined]  # made at run time
        health_pb2.HealthCheckRequest(), timeout=30
    )


def test_a_method_whose_name_is_no_text_is_refused_and_nothing_else_ends(server: Observed) -> None:
    with raw(server) as connection:
        connection.call(b"/trialbox.v1.SandboxService/\xff")
        assert b"grpc-status" in connection.answer()
    assert server.server.health() == "SERVING"


def test_a_token_that_is_no_text_is_refused_and_not_logged(server: Observed) -> None:
    with raw(server) as connection:
        connection.call(INFO, metadata=((b"authorization", b"Bearer a's secret\xff"),))
        assert b"the token is nobody's" in connection.answer()
    assert "secret" not in server.log_file.read_text()


def test_a_watcher_that_goes_takes_no_news_from_the_others(server: Observed) -> None:
    with grpc.insecure_channel(server.address) as channel, grpc.insecure_channel(server.address) as other:
        staying, leaving = watching(channel), watching(other)
        assert next(staying).status == next(leaving).status == STATUS.SERVING
        leaving.cancel()
        hosts.eventually(
            lambda: server.samples().of("grpc_server_handled_total", grpc_method="Watch") == 1, "the other has gone"
        )
        with ThreadPoolExecutor(1) as thread:
            news = thread.submit(next, staying)
            server.server.process.send_signal(signal.SIGTERM)
            assert news.result(30).status == STATUS.NOT_SERVING


def test_a_watcher_that_reads_nothing_does_not_keep_the_server_from_stopping(server: Observed) -> None:
    with raw(server, window=0) as connection:
        connection.call(WATCH)
        hosts.eventually(
            lambda: server.samples().of("grpc_server_started_total", grpc_method="Watch") == 1, "it watches"
        )
        server.server.process.send_signal(signal.SIGTERM)
        assert server.server.process.wait(20) == 0
