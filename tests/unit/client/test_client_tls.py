"""TLS to a service whose certificate only a given file vouches for."""

import shutil
import subprocess
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from scripted_service import ScriptedService

from trialbox.client import AsyncSandbox, InvalidRequestError, Sandbox, UnavailableError
from trialbox.v1.sandbox_service_pb2_grpc import add_SandboxServiceServicer_to_server

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl to make a certificate")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "certificate.pem"
    command = f"""openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2
        -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout {tmp_path}/key.pem -out {path}"""
    subprocess.run(command.split(), check=True, capture_output=True)
    return path


@pytest.fixture
def secure_address(service: ScriptedService, certificate: Path) -> Iterator[str]:
    key = (certificate.parent / "key.pem").read_bytes()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    add_SandboxServiceServicer_to_server(service, server)
    port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([(key, certificate.read_bytes())]))
    server.start()
    yield f"localhost:{port}"
    server.stop(None).wait()


def test_a_file_of_roots_is_trusted(secure_address: str, certificate: Path) -> None:
    with Sandbox(secure_address, tls=certificate, token="secret") as client:
        assert client.server_info().version == "scripted"


async def test_a_file_of_roots_is_trusted_on_asyncio(secure_address: str, certificate: Path) -> None:
    async with AsyncSandbox(secure_address, tls=str(certificate)) as client:
        assert (await client.server_info()).version == "scripted"


@pytest.mark.parametrize(
    ("tls", "complaint"),
    [(True, "TLS with {address} failed: "), (False, "lost before any answer came; it stopped, or it speaks TLS")],
)
def test_nobody_else_s_word_is_taken(secure_address: str, tls: bool, complaint: str) -> None:
    with Sandbox(secure_address, tls=tls, retry=False) as client:
        for _ in range(2):
            with pytest.raises(UnavailableError, match=complaint.format(address=secure_address)):
                client.server_info()


@pytest.mark.parametrize("token", ["", " secret", "secret\n", "two\nlines", "geh\u00e9im"])
def test_what_is_no_token_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(InvalidRequestError, match="token: ASCII in one line") as raised:
        Sandbox("localhost:1", token=token)
    assert not token.strip() or token not in str(raised.value)
