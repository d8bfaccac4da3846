"""TLS with certificates that are renewed on disk; clients that show one of their own."""

import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from access import Authority, Certificate, needs_openssl, tenant
from telemetry_stage import Observed, observed

from trialbox.client import AccessDeniedError, AsyncSandbox, InvalidRequestError, Sandbox, UnavailableError

pytestmark = needs_openssl
LOCALHOST = "DNS:localhost"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder)


@pytest.fixture(scope="module")
def certificates(authority: Authority) -> dict[str, Certificate]:
    """The server's own, and its clients'."""
    return {
        "localhost": authority.issue("localhost", alternatives=LOCALHOST),
        "a": authority.issue("a-client", alternatives="URI:spiffe://cluster/a"),
        "b": authority.issue("b-client"),
        "b by its common name only": authority.issue("b-client.", alternatives="DNS:gateway"),
        "gateway": authority.issue("b", alternatives="DNS:gateway"),
        "expired": authority.issue("expired", alternatives="URI:spiffe://cluster/a", days=-1),
    }


@pytest.fixture(scope="module")
def server(folder: Path, authority: Authority, certificates: dict[str, Certificate]) -> Iterator[Observed]:
    """One that asks its clients for a certificate."""
    tenants = folder / "tenants.toml"
    tenants.write_text(
        tenant("a", "a's", certificate_names=["spiffe://cluster/a"])
        + tenant("b", "b's", certificate_names=["b-client"])
    )
    settings = _settings(certificates["localhost"]) | {
        "SLOTS": "1",
        "TLS_CLIENT_CA_FILE": str(authority.file),
        "TENANTS_FILE": str(tenants),
    }
    with observed(settings) as server:
        yield server


def _settings(certificate: Certificate) -> dict[str, str]:
    return {
        "ADDRESS": "localhost:0",
        "TLS_CERTIFICATE_FILE": str(certificate.file),
        "TLS_KEY_FILE": str(certificate.key),
    }


def _who(server: Observed, authority: Authority, shown: Certificate | None, token: str | None = None) -> str:
    """As which tenant a client's program runs."""
    certificate = shown.files if shown else None
    request_id = ""
    with Sandbox(_address(server), token=token, tls=authority.file, certificate=certificate, retry=False) as box:
        request_id = box.run("pass").request_id
    (line,) = (line for line in server.logged("executed") if line["request_id"] == request_id)
    return str(line["tenant"])


def _address(server: Observed) -> str:
    (serving,) = server.logged("serving")
    return f"localhost:{serving['port']}"


@pytest.mark.parametrize(
    ("shown", "token", "name"),
    [("a", None, "a"), ("b", None, "b"), ("a", "a's", "a"), ("gateway", "a's", "a"), ("gateway", "b's", "b")],
)
def test_a_certificate_is_its_tenant_and_one_of_nobody_carries_a_token(
    server: Observed,
    authority: Authority,
    certificates: dict[str, Certificate],
    shown: str,
    token: str | None,
    name: str,
) -> None:
    assert _who(server, authority, certificates[shown], token) == name


@pytest.mark.parametrize(
    ("shown", "token", "reason"),
    [
        ("gateway", None, "CERTIFICATE_UNKNOWN"),
        ("b by its common name only", None, "CERTIFICATE_UNKNOWN"),
        ("a", "b's", "CREDENTIALS_DISAGREE"),
        ("a", "nobody's", "TOKEN_UNKNOWN"),
    ],
)
def test_a_good_certificate_is_no_right_to_be_another(
    server: Observed,
    authority: Authority,
    certificates: dict[str, Certificate],
    shown: str,
    token: str | None,
    reason: str,
) -> None:
    with pytest.raises(AccessDeniedError) as raised:
        _who(server, authority, certificates[shown], token)
    assert raised.value.reason == reason


@pytest.mark.parametrize("shown", [None, "expired", "a stranger's"])
def test_without_a_good_certificate_there_is_no_connection(
    server: Observed, authority: Authority, certificates: dict[str, Certificate], shown: str | None, tmp_path: Path
) -> None:
    strangers = Authority(tmp_path, "strangers").issue("a-client", alternatives="URI:spiffe://cluster/a")
    with pytest.raises(UnavailableError):
        _who(server, authority, (certificates | {"a stranger's": strangers})[shown] if shown else None, "a's")


async def test_the_asyncio_client_shows_its_certificate_too(
    server: Observed, authority: Authority, certificates: dict[str, Certificate]
) -> None:
    async with AsyncSandbox(_address(server), tls=authority.file, certificate=certificates["a"].files) as box:
        assert (await box.run("print(1)")).stdout == b"1\n"


def test_a_certificate_without_tls_is_refused_here(certificates: dict[str, Certificate]) -> None:
    with pytest.raises(InvalidRequestError, match="certificate: is given without tls"):
        Sandbox("localhost:1", certificate=certificates["a"].files)


def test_the_command_shows_certificate_and_token(
    server: Observed, authority: Authority, certificates: dict[str, Certificate], tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("b's\n")
    (tmp_path / "program.py").write_text("print(6 * 7)")
    shown = certificates["gateway"]
    options: list[str | Path] = ["--token-file", "token", "--tls-ca", authority.file, "--tls-certificate", shown.file]
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "trialbox.cli",
        "run",
        "program.py",
        "--server",
        _address(server),
        *options,
    ]
    done = subprocess.run([*command, "--tls-key", shown.key], cwd=tmp_path, capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"42\n"), done.stderr
    (tmp_path / "token").write_text("nobody's")
    done = subprocess.run([*command, "--tls-key", shown.key], cwd=tmp_path, capture_output=True)
    assert (done.returncode, done.stdout) == (2, b"") and b"nobody's here" in done.stderr
    (tmp_path / "token").write_text("two\nlines")
    done = subprocess.run([*command, "--tls-key", shown.key], cwd=tmp_path, capture_output=True)
    assert done.returncode == 2 and done.stderr.startswith(b"trialbox: token: ASCII in one line")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert done.returncode == 2 and b"go together" in done.stderr
    alone = [sys.executable, "-m", "trialbox.cli", "run", "program.py", "--token-file", "token"]
    done = subprocess.run(alone, cwd=tmp_path, capture_output=True)
    assert done.returncode == 2 and b"--server too" in done.stderr


def test_a_renewed_certificate_is_shown_to_the_next_who_connects(tmp_path: Path) -> None:
    old, new = (Authority(tmp_path, name) for name in ("old", "new"))
    expired = old.issue("expired", alternatives=LOCALHOST, days=-1)
    first, second = old.issue("first", alternatives=LOCALHOST), new.issue("second", alternatives=LOCALHOST)
    used = Certificate(tmp_path / "used.pem", tmp_path / "used.key")
    _put(first, used)
    with observed({"SLOTS": "1", "SPARE_SLOTS": "0", **_settings(used)}) as server:
        assert _serves(server, old) and not _serves(server, new)
        used.file.write_bytes(second.file.read_bytes())
        assert _serves(server, old), "its key is still on its way"
        assert server.logged("certificates_not_renewed")
        _put(second, used)
        assert _serves(server, new) and not _serves(server, old)
        used.file.unlink()
        assert _serves(server, new)
        _put(expired, used)
        assert not _serves(server, new) and not _serves(server, old)


def _put(certificate: Certificate, place: Certificate) -> None:
    for source, target in zip(certificate.files, place.files, strict=True):
        renewed = target.with_suffix(f".{uuid.uuid4().hex}")
        shutil.copy(source, renewed)
        renewed.rename(target)


def _serves(server: Observed, authority: Authority) -> bool:
    with Sandbox(_address(server), tls=authority.file, retry=False) as box:
        try:
            box.server_info()
        except UnavailableError:
            return False
        return True


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"ADDRESS": "0.0.0.0:0"}, "TRIALBOX_ADDRESS = '0.0.0.0:0': .*TRIALBOX_ALLOW_PLAINTEXT=true"),
        ({"TLS_KEY_FILE": "a"}, "TRIALBOX_TLS_CERTIFICATE_FILE and TRIALBOX_TLS_KEY_FILE go together"),
        ({"TLS_CLIENT_CA_FILE": "a"}, "TRIALBOX_TLS_CLIENT_CA_FILE is given without TRIALBOX_TLS_CERTIFICATE_FILE"),
        (
            {"TLS_CERTIFICATE_FILE": "none", "TLS_KEY_FILE": "key"},
            "TRIALBOX_TLS_CERTIFICATE_FILE = 'none': can't be read",
        ),
        ({"TLS_CERTIFICATE_FILE": "good", "TLS_KEY_FILE": "other"}, "TRIALBOX_TLS_KEY_FILE = 'other': .*MISMATCH"),
        (
            {"TLS_CERTIFICATE_FILE": "good", "TLS_KEY_FILE": "key", "TLS_CLIENT_CA_FILE": "key"},
            "TRIALBOX_TLS_CLIENT_CA_FILE = 'key': PEM certificates are wanted",
        ),
    ],
)
def test_a_server_does_not_start_with_what_it_can_not_use(
    certificates: dict[str, Certificate], tmp_path: Path, settings: dict[str, str], told: str
) -> None:
    for name, source in {
        "good": certificates["a"].file,
        "key": certificates["a"].key,
        "other": certificates["b"].key,
    }.items():
        (tmp_path / name).symlink_to(source)
    environment = {**os.environ, **{f"TRIALBOX_{name}": value for name, value in settings.items()}}
    command = [sys.executable, "-P", "-m", "trialbox.server"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert re.search(told, done.stderr), done.stderr
