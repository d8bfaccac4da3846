"""The committed stubs are what the .proto files give, and the .proto files keep buf's rules."""

import shutil
from pathlib import Path

import contract
import pytest

EXECUTION = "trialbox/v1/execution.proto"


@pytest.fixture
def proto_root(tmp_path: Path) -> Path:
    """A copy of the contract to spoil."""
    shutil.copytree(contract.ROOT / "trialbox", tmp_path / "trialbox")
    return tmp_path


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_regenerating_changes_nothing() -> None:
    assert contract.stale(contract.ROOT) == []


def test_a_changed_contract_makes_its_stubs_stale(proto_root: Path) -> None:
    replace(proto_root / EXECUTION, "bytes source = 1;", "bytes source = 1;\n  bool changed = 99;")
    assert contract.stale(proto_root) == ["trialbox/v1/execution_pb2.py", "trialbox/v1/execution_pb2.pyi"]


def test_a_stub_without_its_proto_file_is_stale(proto_root: Path) -> None:
    left_over = proto_root / "trialbox" / "v1" / "gone_pb2.py"
    left_over.touch()
    assert contract.stale(proto_root) == ["trialbox/v1/gone_pb2.py"]


def test_the_contract_keeps_every_rule() -> None:
    assert contract.lint(contract.ROOT) == ""


def test_a_broken_rule_is_found(proto_root: Path) -> None:
    replace(proto_root / EXECUTION, "OUTCOME_SUCCEEDED", "SUCCEEDED")
    assert 'should be prefixed with "OUTCOME_"' in contract.lint(proto_root)


def test_a_file_that_does_not_compile_is_an_error(proto_root: Path) -> None:
    replace(proto_root / EXECUTION, "message Program {", "message Program")
    with pytest.raises(contract.ContractError):
        contract.lint(proto_root)
