"""Probes that know neither TLS nor tokens are answered on a port of their own, and nobody else is."""

import socket
import sys
from pathlib import Path

import grpc
import hosts
import pytest
from access import Authority, needs_openssl, tenant
from grpc_health.v1 import health_pb2, health_pb2_grpc

from trialbox.v1 import sandbox_service_pb2, sandbox_service_pb2_grpc

STATUS = health_pb2.HealthCheckResponse


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def asked(address: str, service: str) -> int:
    with grpc.insecure_channel(address) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(  # type: ignore[attr-defined]  # made at run time
            health_pb2.HealthCheckRequest(service=service), timeout=10, wait_for_ready=True
        )
        return int(answer.status)


@needs_openssl
def test_a_server_that_serves_says_so_though_all_else_takes_tls_and_a_token(tmp_path: Path) -> None:
    address = free_address()
    shown = Authority(tmp_path).issue("server", alternatives="DNS:localhost")
    tenants = tmp_path / "tenants.toml"
    tenants.write_text(tenant("a", "a's"))
    access = {"TLS_CERTIFICATE_FILE": shown.file, "TLS_KEY_FILE": shown.key, "TENANTS_FILE": tenants}
    settings = {"SLOTS": "1", "HEALTH_ADDRESS": address, **{name: str(path) for name, path in access.items()}}
    with hosts.standing_alone(settings):
        assert asked(address, "") == STATUS.SERVING
        assert asked(address, "liveness") == STATUS.SERVING


def test_a_server_that_lacks_a_layer_is_alive_and_not_ready() -> None:
    address = free_address()
    command = [*hosts.WITHOUT_CGROUPS, sys.executable, "-m", "trialbox.server"]
    with hosts.standing_alone({"SLOTS": "1", "HEALTH_ADDRESS": address}, command=command):
        assert asked(address, "") == STATUS.NOT_SERVING
        assert asked(address, "liveness") == STATUS.SERVING


def test_programs_are_not_run_there() -> None:
    address = free_address()
    with (
        hosts.standing_alone({"SLOTS": "1", "HEALTH_ADDRESS": address}),
        grpc.insecure_channel(address) as channel,
    ):
        with pytest.raises(grpc.RpcError) as raised:
            sandbox_service_pb2_grpc.SandboxServiceStub(channel).GetServerInfo(
                sandbox_service_pb2.GetServerInfoRequest(), timeout=10, wait_for_ready=True
            )
        assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
