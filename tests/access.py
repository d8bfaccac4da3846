"""Certificates made by openssl, and tenants' files: what shows a server who calls."""

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl to make certificates")

_NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, in PEM files."""

    file: Path
    key: Path

    @property
    def files(self) -> tuple[Path, Path]:
        """Both, as the SDK wants them."""
        return self.file, self.key


class Authority:
    """One that vouches for certificates."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self.file = folder / f"{name}.pem"
        self._key = folder / f"{name}.key"
        _openssl(f"req -x509 {_NEW_KEY} -days 2 -subj /CN={name} -keyout {self._key} -out {self.file}")

    def issue(self, name: str, *, alternatives: str = "", days: int = 2) -> Certificate:
        """Vouch for a name, and for alternatives such as `DNS:localhost`; with negative days it has expired."""
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        extensions.write_text("basicConstraints=CA:FALSE\n" + (alternatives and f"subjectAltName={alternatives}\n"))
        _openssl(f"req -new {_NEW_KEY} -subj /CN={name} -keyout {made.key} -out {request}")
        vouched = f"-CA {self.file} -CAkey {self._key} -CAcreateserial -days {days} -extfile {extensions}"
        _openssl(f"x509 -req -in {request} {vouched} -out {made.file}")
        return made


def token_hash(token: str) -> str:
    """What a tenants' file has of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def tenant(name: str, *tokens: str, **settings: object) -> str:
    """One tenant of a file; settings are TOML as it is."""
    lines = [f'[tenants."{name}"]', f"token_sha256 = {[token_hash(token) for token in tokens]}"]
    return "\n".join([*lines, *(f"{key} = {value}" for key, value in settings.items())]) + "\n"


def _openssl(arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], check=True, capture_output=True)
