"""Probes that know neither TLS nor tokens are answered on a port of their own, and nobody else is."""

import socket
import sys

import grpc
import hosts
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from trialbox.v1 import sandbox_service_pb2, sandbox_service_pb2_grpc

STATUS = health_pb2.HealthCheckResponse
SERVER = (sys.executable, "-m", "trialbox.server")
# Nothing is waived, and a layer is missing.
WITHOUT_CGROUPS = ("unshare", "--mount", "sh", "-c", 'umount -R /sys/fs/cgroup && exec "$@"', "sh")


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


def test_a_server_that_serves_says_so() -> None:
    address = free_address()
    with hosts.standing_alone({"SLOTS": "1", "HEALTH_ADDRESS": address}, command=SERVER):
        assert asked(address, "") == STATUS.SERVING
        assert asked(address, "liveness") == STATUS.SERVING


def test_a_server_that_lacks_a_layer_is_alive_and_not_ready() -> None:
    address = free_address()
    command = [*WITHOUT_CGROUPS, *SERVER]
    with hosts.standing_alone({"SLOTS": "1", "HEALTH_ADDRESS": address}, command=command):
        assert asked(address, "") == STATUS.NOT_SERVING
        assert asked(address, "liveness") == STATUS.SERVING


def test_programs_are_not_run_there() -> None:
    address = free_address()
    with (
        hosts.standing_alone({"SLOTS": "1", "HEALTH_ADDRESS": address}, command=SERVER),
        grpc.insecure_channel(address) as channel,
    ):
        with pytest.raises(grpc.RpcError) as raised:
            sandbox_service_pb2_grpc.SandboxServiceStub(channel).GetServerInfo(
                sandbox_service_pb2.GetServerInfoRequest(), timeout=10, wait_for_ready=True
            )
        assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
