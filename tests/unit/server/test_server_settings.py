"""The operator's settings come from the environment, and what can't hold is refused by name."""

import ast
import inspect
import json
import os
from collections.abc import Mapping
from itertools import pairwise

import pytest
from pydantic import ValidationError

from trialbox.server import settings
from trialbox.server.model import LIMIT_NAMES, Limits
from trialbox.server.settings import InvalidSettingsError, RuntimeSettings, Settings


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from none, whatever the environment of the tests holds."""
    for name in list(os.environ):
        if name.upper().startswith("TRIALBOX_"):
            monkeypatch.delenv(name)


def load(monkeypatch: pytest.MonkeyPatch, **environment: object) -> Settings:
    put(monkeypatch, environment)
    return Settings()


def put(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, object]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"TRIALBOX_{name.upper()}", value if isinstance(value, str) else json.dumps(value))


def limits(**changes: float) -> dict[str, float | None]:
    """All limits, as an operator would write them, at the defaults but for the changes."""
    return Settings().default_limits.model_dump() | changes


def test_without_any_the_defaults_hold_together() -> None:
    settings = Settings()
    assert settings.slots == os.cpu_count()
    for name in LIMIT_NAMES:
        if (default := getattr(settings.default_limits, name)) is not None:
            assert 0 < default <= getattr(settings.maximum_limits, name)
    assert settings.default_limits.no_output_seconds is None
    assert settings.waived_layers == frozenset()
    assert isinstance(settings.default_limits.to_limits(), Limits)


@pytest.mark.parametrize("kind", [Settings, RuntimeSettings])
def test_each_has_a_sentence(kind: type) -> None:
    (described,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(described, ast.ClassDef)
    for statement, sentence in pairwise(described.body):
        if isinstance(statement, ast.AnnAssign):
            assert isinstance(sentence, ast.Expr), ast.unparse(statement)


def test_each_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(
        monkeypatch,
        address="unix:/run/trialbox.sock",
        slots=3,
        queue_size=0,
        default_limits=limits(wall_seconds=2.5),
        runtimes={"numpy": {"interpreter": "/opt/numpy/bin/python", "environment": {"A": "b"}}},
        waived_layers=["memory_limit", "process_limit"],
        lifeline_fd=7,
        default_case_seconds=0.5,
    )
    assert (settings.address, settings.slots, settings.queue_size) == ("unix:/run/trialbox.sock", 3, 0)
    assert settings.default_limits.wall_seconds == 2.5
    runtime = RuntimeSettings(interpreter="/opt/numpy/bin/python", environment={"A": "b"})
    assert settings.runtimes == {"numpy": runtime}
    assert settings.waived_layers == {"memory_limit", "process_limit"}
    assert (settings.lifeline_fd, settings.default_case_seconds) == (7, 0.5)


@pytest.mark.parametrize("name", LIMIT_NAMES)
def test_a_default_above_the_maximum_is_refused_by_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    most = getattr(Settings().maximum_limits, name)
    lower = limits(no_output_seconds=1) | {name: most / 2 if name.endswith("seconds") else most // 2}
    load(monkeypatch, maximum_limits=Settings().maximum_limits.model_dump() | lower, default_limits=lower)
    too_much = limits() | {name: most}
    with pytest.raises(ValidationError, match=f"DEFAULT_LIMITS.{name}"):
        load(monkeypatch, default_limits=too_much)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slots", 0),
        ("slots", -1),
        ("slots", "many"),
        ("queue_size", -1),
        ("default_case_seconds", 0),
        ("default_evaluation_seconds", -1),
        ("stop_grace_seconds", 0),
        ("first_host_id", 0),
        ("total_memory_bytes", (64 << 20) - 1),
        ("waived_layers", '"memory_limit"'),
        ("waived_layers", ["memory"]),
        ("runtimes", {"x": {}}),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match=name):
        load(monkeypatch, **{name: value})


@pytest.mark.parametrize("value", ["0", "-1", "NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("name", ["wall_seconds", "cpu_seconds", "no_output_seconds"])
@pytest.mark.parametrize("table", ["default_limits", "maximum_limits"])
def test_no_limit_can_be_switched_off(table: str, name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = json.dumps(limits() | {name: "?"}).replace('"?"', value)
    with pytest.raises(ValidationError, match=name):
        load(monkeypatch, **{table: written})


def test_only_a_default_may_leave_silence_unbounded(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, default_limits={"no_output_seconds": None})
    assert settings.default_limits.no_output_seconds is None
    with pytest.raises(ValidationError, match="no_output_seconds"):
        load(monkeypatch, maximum_limits={"no_output_seconds": None})


@pytest.mark.parametrize("table", ["default_limits", "maximum_limits"])
def test_limits_left_out_keep_their_defaults(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = getattr(Settings(), table).model_dump()
    after = getattr(load(monkeypatch, **{table: {"wall_seconds": 10.5}}), table)
    assert after.model_dump() == before | {"wall_seconds": 10.5}


@pytest.mark.parametrize("name", ["default_case_seconds", "default_evaluation_seconds"])
@pytest.mark.parametrize("value", ["inf", "nan"])
def test_no_time_of_an_evaluation_can_be_switched_off(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match=name):
        load(monkeypatch, **{name: value})


@pytest.mark.parametrize(
    ("variable", "value"),
    [("default_limits", {"wall_second": 1}), ("runtimes", {"x": {"interpreter": "/p", "enviroment": {}}})],
)
def test_an_unknown_key_inside_a_setting_is_refused_by_name(
    variable: str, value: dict[str, dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = limits() | value if variable == "default_limits" else value
    with pytest.raises(ValidationError, match=r"wall_second\n|enviroment"):
        load(monkeypatch, **{variable: written})


def test_an_unknown_variable_of_our_prefix_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    # A setting that is misspelt, and so not in force, must not go unnoticed.
    with pytest.raises(ValidationError, match=r"(?i)slotz"):
        load(monkeypatch, slotz=3)


def test_an_unknown_argument_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="slotz"):
        Settings(slotz=3)  # type: ignore[call-arg]  # on purpose


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().slots = 9


@pytest.mark.parametrize(
    "address", ["localhost", "127.0.0.1:65536", "127.0.0.1:-1", ":50051", "unix:", "host:port", ""]
)
def test_an_address_that_nothing_can_listen_on_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    with pytest.raises(ValidationError, match="neither HOST:PORT"):
        load(monkeypatch, address=address)


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:50051", "box:65535", "unix:/run/box/socket"])
def test_hosts_with_ports_and_sockets_by_path_are_taken(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    assert load(monkeypatch, address=address, allow_plaintext="true").address == address


@pytest.mark.parametrize("name", ["PYTHONPATH", "PYTHONHASHSEED", "LD_BIND_NOW"])
def test_a_runtime_sets_no_variable_that_the_server_sets_itself(name: str) -> None:
    with pytest.raises(ValidationError, match=f"sets {name}"):
        Settings(runtimes={"x": RuntimeSettings(interpreter="/p", environment={name: "1"})})


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"runtimes": "{bad"}, ["TRIALBOX_RUNTIMES = '{bad': is not JSON, such as {\"", ": Expecting property name"]),
        ({"waived_layers": "memory_limit"}, ['is not JSON, such as ["memory_limit"]: ']),
        ({"default_limits": {"wall_second": 1}}, ["TRIALBOX_DEFAULT_LIMITS.wall_second = 1: no such setting"]),
        ({"slots": "abc"}, ["TRIALBOX_SLOTS = 'abc': Input should be a valid integer"]),
        (
            {"total_memory_bytes": 1000},
            ["TRIALBOX_TOTAL_MEMORY_BYTES = '1000': Input should be greater than or equal to"],
        ),
        ({"runtimes": {"x": {}}}, ["TRIALBOX_RUNTIMES.x.interpreter: Field required"]),
        (
            {"waived_layers": ["a" * 99]},
            ["TRIALBOX_WAIVED_LAYERS = '[\"aaa", "no layer; the layers are user_namespace, pid"],
        ),
        ({"slotz": 3}, ["TRIALBOX_SLOTZ: no such setting"]),
        ({"address": "here", "slots": 0}, ["TRIALBOX_ADDRESS = 'here': is neither", "\nTRIALBOX_SLOTS = '0': Input"]),
        ({"maximum_limits": {"wall_seconds": 5}}, ["TRIALBOX_DEFAULT_LIMITS.wall_seconds is 10", "above TRIALBOX_MAX"]),
    ],
)
def test_each_fault_is_told_in_one_line_that_names_its_variable(
    environment: dict[str, object], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch, environment)
    with pytest.raises(InvalidSettingsError) as refused:
        settings.load()
    assert all(text in str(refused.value) for text in told)
    assert len(str(refused.value).splitlines()) == len(environment)
    assert "pydantic" not in str(refused.value)
