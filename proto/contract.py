"""Keeps the contract: `contract.py generate` writes the Python stubs, `check` lints and fails on stale ones.

Stubs are committed beside the .proto files, so that an install from git needs no compiler.
"""

import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).parent
TOOLS = Path(sys.executable).parent
# googleapis-common-protos installs its .proto files beside its modules; grpcio-tools brings google/protobuf.
INCLUDES = [Path(sysconfig.get_path("purelib")), Path(protoc.__file__).parent / "_proto"]


class ContractError(Exception):
    """The .proto files don't compile or break a rule, or the committed stubs are stale."""


def generate(proto_root: Path, folder: Path) -> None:
    """Writes every stub of the .proto files in `proto_root` below `folder`.

    Raises:
        ContractError: protoc failed; it has said why on stderr.
    """
    _protoc(proto_root, "*.proto", f"--python_out={folder}", f"--mypy_out=quiet:{folder}")
    _protoc(proto_root, "*_service.proto", f"--grpc_python_out={folder}", f"--mypy_grpc_out=quiet:{folder}")


def stale(proto_root: Path) -> list[str]:
    """Names the stubs in `proto_root` that generating would change, add or leave behind.

    Raises:
        ContractError: protoc failed; it has said why on stderr.
    """
    with tempfile.TemporaryDirectory() as folder:
        generate(proto_root, Path(folder))
        fresh, committed = _stubs(Path(folder)), _stubs(proto_root)
    return sorted(name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name))


def lint(proto_root: Path) -> str:
    """Returns buf's complaints, one a line; empty when there is none.

    buf would fetch google/rpc/status.proto from its registry. It is given protoc's image instead,
    which holds all imports, and so needs no network.

    Raises:
        ContractError: protoc failed; it has said why on stderr.
    """
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.binpb"
        _protoc(proto_root, "*.proto", f"--descriptor_set_out={image}", "--include_imports", "--include_source_info")
        config = ROOT.parent / "buf.yaml"
        command = [f"{TOOLS}/buf", "lint", f"{image}", "--path", "trialbox", "--config", f"{config}"]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout + found.stderr


def _protoc(proto_root: Path, pattern: str, *outputs: str) -> None:
    sources = sorted(str(path) for path in (proto_root / "trialbox" / "v1").glob(pattern))
    includes = [f"-I{path}" for path in (proto_root, *INCLUDES)]
    plugins = [f"--plugin={TOOLS}/{name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]
    if protoc.main(["protoc", *plugins, *includes, *outputs, *sources]):
        raise ContractError("protoc failed")


def _stubs(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.glob("trialbox/v1/*_pb2*.py*")}


def main(arguments: list[str]) -> None:
    """Does what the one argument says, on this repository's contract.

    Raises:
        ContractError: see the class.
    """
    match arguments:
        case ["generate"]:
            generate(ROOT, ROOT)
        case ["check"]:
            if complaints := lint(ROOT):
                raise ContractError(complaints)
            if names := stale(ROOT):
                raise ContractError(f"stale stubs, run `make proto`: {', '.join(names)}")
        case _:
            raise ContractError("usage: contract.py generate|check")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ContractError as error:
        sys.exit(str(error))
