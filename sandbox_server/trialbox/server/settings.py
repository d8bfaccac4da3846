"""The operator's settings, read from TRIALBOX_* environment variables."""

import ipaddress
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from trialbox.server import layers
from trialbox.server.model import Limits
from trialbox.v1 import MINIMUM_LIMITS

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MAXIMUM_SLOTS = 256
"""Each slot has host ids of its own, which one server's range must hold."""

MAXIMUM_SPARE_SLOTS = 64
"""So do spare ones."""

MINIMUM_TOTAL_MEMORY_BYTES = 64 << 20
"""What the programs need that probe the layers."""

_SERVERS_OWN = {"PYTHONPATH", "PYTHONHASHSEED", "LD_BIND_NOW"}
_MIB = 1 << 20
_PREFIX = "TRIALBOX_"
_JSON_EXAMPLES = {
    "default_limits": '{"wall_seconds": 5}',
    "maximum_limits": '{"wall_seconds": 60}',
    "runtimes": '{"scientific": {"interpreter": "/srv/scientific/bin/python"}}',
    "waived_layers": '["memory_limit"]',
}
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _is_host_and_port(address: str) -> bool:
    host, _, port = address.rpartition(":")
    return host not in ("", "unix") and port.isascii() and port.isdigit() and int(port) < 1 << 16


def _checked_address(address: str) -> str:
    if not _is_host_and_port(address) and not re.fullmatch("unix:.+", address):
        raise ValueError("is neither HOST:PORT, with a port from 0 to 65535, nor unix:PATH")
    return address


def _checked_host_and_port(address: str) -> str:
    if not _is_host_and_port(address):
        raise ValueError("is not HOST:PORT, with a port from 0 to 65535")
    return address


def is_local(address: str) -> bool:
    """Whether only this machine reaches it."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or address.startswith("unix:")


class InvalidSettingsError(ValueError):
    """Settings that can't be used; the message has a line for each, which names its variable."""


class LimitSettings(BaseModel, extra="forbid"):
    """One value for each limit."""

    wall_seconds: Seconds
    cpu_seconds: Seconds
    memory_bytes: PositiveInt
    processes: PositiveInt
    open_files: Annotated[int, Field(ge=MINIMUM_LIMITS["open_files"], le=4096)]
    disk_bytes: PositiveInt
    disk_inodes: Annotated[int, Field(ge=MINIMUM_LIMITS["disk_inodes"])]
    output_bytes: PositiveInt
    no_output_seconds: Seconds | None = None

    def to_limits(self) -> Limits:
        """The same as the server's own value."""
        return Limits(**self.model_dump())


class MaximumLimitSettings(LimitSettings):
    """The same, and none of them missing."""

    no_output_seconds: Seconds


class RuntimeSettings(BaseModel, extra="forbid"):
    """An interpreter, or a virtual environment's, that programs may ask for by name."""

    interpreter: str
    """The path of a Python, such as a virtual environment's `bin/python`."""
    environment: dict[str, str] = {}
    """Variables that its programs have; not those that the server itself sets for the interpreter's start."""
    preload: list[Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*$")]] = []
    """Modules that warm jails import before a program comes, so that its own import costs nothing."""
    warm: bool = True
    """Whether programs may run in warm jails; false for an interpreter or modules that can't be forked."""

    @field_validator("environment")
    @classmethod
    def _leaves_the_servers_own(cls, environment: dict[str, str]) -> dict[str, str]:
        for name in sorted(_SERVERS_OWN & environment.keys()):
            raise ValueError(f"sets {name}, which the server sets itself")
        return environment


class Settings(BaseSettings):
    """All a server can be told."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="forbid", frozen=True, enable_decoding=False)

    address: Annotated[str, AfterValidator(_checked_address)] = "127.0.0.1:50051"
    """`host:port`, or `unix:` and the path of a socket."""
    tls_certificate_file: Path | None = None
    """A PEM file with the server's certificate and those between it and its authority; with it the server speaks TLS.
    This and the next two are read again when they change: new connections have what lies there by then."""
    tls_key_file: Path | None = None
    """A PEM file with its key."""
    tls_client_ca_file: Path | None = None
    """A PEM file with authorities: clients must show a certificate of one of them. Left out, none is asked."""
    allow_plaintext: bool = False
    """Whether an address that other machines reach may be served without TLS, such as behind a proxy that speaks it."""
    tenants_file: Path | None = None
    """A TOML file of who may use the server (docs/tenants.md); left out, whoever reaches the address. It is read again
    when it changes, and at SIGHUP."""
    slots: Annotated[int, Field(ge=1, le=MAXIMUM_SLOTS)] = Field(
        default_factory=lambda: min(os.cpu_count() or 1, MAXIMUM_SLOTS)
    )
    """How many programs run at once."""
    spare_slots: Annotated[int, Field(ge=0, le=MAXIMUM_SPARE_SLOTS)] = 1
    """How many more are kept, to get ready for the next programs while others run."""
    queue_size: NonNegativeInt = 256
    """How many unary requests of a tenant may wait for a slot."""
    reserved_slot_seconds: Annotated[float, Field(ge=0, le=60)] = 0.25
    """So long after a tenant's program the last free slot is kept for its next one: others that run already leave it,
    or are refused where none may wait. That costs them one slot at most while it comes and goes. 0 keeps none."""
    total_memory_bytes: Annotated[int, Field(ge=MINIMUM_TOTAL_MEMORY_BYTES)] | None = None
    """What the memory limits of all running programs may sum up to; left out, nine tenths of the memory
    of the machine or of the server's cgroup. No single limit, default or maximum, is above it."""
    judge_memory_bytes: Annotated[int, Field(ge=64 * _MIB)] = 512 * _MIB
    """What a judge may use, which holds a suite, runs its test code and compares answers. There are as many judges
    as slots at most, spare ones included; what they use comes on top of total_memory_bytes."""
    suite_cache_bytes: NonNegativeInt = 256 * _MIB
    """How much memory suites may take that are kept for later requests."""
    message_bytes: PositiveInt = 512 * _MIB
    """How many bytes the messages of one tenant's calls may have that are no batches: requests that wait or run, and
    answers that are yet to be read. A call beyond that is refused. The server needs some three times as much memory."""
    executions_by_jail: PositiveInt = 10_000
    """How many programs a warm jail runs before another takes its place."""
    default_limits: LimitSettings = LimitSettings(
        wall_seconds=10,
        cpu_seconds=10,
        memory_bytes=512 * _MIB,
        processes=64,
        open_files=256,
        disk_bytes=64 * _MIB,
        disk_inodes=4096,
        output_bytes=_MIB,
    )
    """What a program may use that asks for nothing: a JSON object such as `{"wall_seconds": 5}`, with the names
    of LimitSettings. Those left out keep the values given here; without `no_output_seconds` a program may be silent
    for as long as it runs."""
    maximum_limits: MaximumLimitSettings = MaximumLimitSettings(
        wall_seconds=600,
        cpu_seconds=600,
        memory_bytes=4096 * _MIB,
        processes=1024,
        open_files=4096,
        disk_bytes=1024 * _MIB,
        disk_inodes=65536,
        output_bytes=16 * _MIB,
        no_output_seconds=600,
    )
    """The most that a program may ask for, written as `default_limits` are; no default may be above it."""
    default_case_seconds: Seconds = 10
    """What a case of an evaluation may take."""
    default_evaluation_seconds: Seconds = 120
    """What a whole evaluation may take, elapsed and on the processors, by default."""
    runtimes: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")], RuntimeSettings] = {}
    """Runtimes by name; `python`, the default, is the server's own interpreter unless given here.
    A JSON object such as `{"scientific": {"interpreter": "/srv/scientific/bin/python"}}`."""
    first_host_id: PositiveInt | None = None
    """The first of three user and group ids a slot; left out, derived from the process id."""
    waived_layers: frozenset[str] = frozenset()
    """Layers, by doctor's names, that may be missing: a JSON array."""
    self_test_seconds: Annotated[Seconds, Field(ge=1)] = 300
    """How often the server tries every layer anew, which takes slots for a third of a second."""
    reflection: bool = True
    """Whether tools such as grpcurl may ask the server for its services and messages."""
    metrics_address: Annotated[str, AfterValidator(_checked_host_and_port)] | None = None
    """`host:port` where Prometheus reads metrics over HTTP; whoever reaches it reads them. Left out, nobody does."""
    health_address: Annotated[str, AfterValidator(_checked_host_and_port)] | None = None
    """`host:port` where health alone is answered, in plaintext and to anybody: for probes of Kubernetes. There the
    service `liveness` is SERVING while the server answers at all. Left out, health is told at `address` only."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """`debug` adds a line for each request."""
    stop_grace_seconds: Seconds = 10
    """What running requests may take to end when the server is told to stop."""
    maximum_connection_seconds: Annotated[Seconds, Field(ge=1)] | None = None
    """After which a client is asked to connect anew, so that it finds servers that have come since; left out, never.
    What runs then may end, for as long as any program may take."""
    lifeline_fd: int | None = None
    """An inherited socket: the server says there when it is ready, and stops when it closes."""

    @field_validator(*_JSON_EXAMPLES, mode="before")
    @classmethod
    def _from_json(cls, given: Any, info: ValidationInfo) -> Any:
        """Read what a variable holds; limits left out there keep their defaults."""
        name = info.field_name or ""
        if isinstance(given, str):
            try:
                given = json.loads(given)
            except ValueError as error:
                raise ValueError(f"is not JSON, such as {_JSON_EXAMPLES[name]}: {error}") from None
        default = cls.model_fields[name].default
        return default.model_dump() | given if isinstance(default, LimitSettings) and isinstance(given, dict) else given

    @field_validator("waived_layers")
    @classmethod
    def _known(cls, names: frozenset[str]) -> frozenset[str]:
        for name in sorted(names - set(layers.NAMES)):
            raise ValueError(f"{name!r} is no layer; the layers are {', '.join(layers.NAMES)}")
        return names

    @model_validator(mode="before")
    @classmethod
    def _no_unknown_variable(cls, values: Any) -> Any:
        # One that is misspelt, and so not in force, must not go unnoticed.
        known = {f"{_PREFIX}{name}".upper() for name in cls.model_fields}
        unknown = sorted(name for name in os.environ if name.upper().startswith(_PREFIX) and name.upper() not in known)
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: no such setting")
        return values

    @model_validator(mode="after")
    def _safe_to_listen(self) -> Self:
        if (self.tls_certificate_file is None) is not (self.tls_key_file is None):
            raise ValueError(f"{_PREFIX}TLS_CERTIFICATE_FILE and {_PREFIX}TLS_KEY_FILE go together; only one is given")
        if self.tls_client_ca_file is not None and self.tls_key_file is None:
            raise ValueError(f"{_PREFIX}TLS_CLIENT_CA_FILE is given without {_PREFIX}TLS_CERTIFICATE_FILE")
        if self.tls_key_file is None and not is_local(self.address) and not self.allow_plaintext:
            raise ValueError(
                f"{_PREFIX}ADDRESS = {self.address!r}: other machines reach it, and what is sent without TLS can be "
                f"read and changed on the way: set {_PREFIX}TLS_CERTIFICATE_FILE and {_PREFIX}TLS_KEY_FILE, or "
                f"{_PREFIX}ALLOW_PLAINTEXT=true where something else encrypts; 127.0.0.1 and unix:PATH need none"
            )
        return self

    @model_validator(mode="after")
    def _defaults_within_maximum(self) -> Self:
        maximum = self.maximum_limits.model_dump()
        for name, value in self.default_limits.model_dump().items():
            if value is not None and value > maximum[name]:
                raise ValueError(
                    f"{_PREFIX}DEFAULT_LIMITS.{name} is {value}, above {_PREFIX}MAXIMUM_LIMITS.{name}, {maximum[name]}"
                )
        return self


def load() -> Settings:
    """Read the environment; raises InvalidSettingsError."""
    try:
        return Settings()
    except ValidationError as error:
        raise InvalidSettingsError("\n".join(map(_told, error.errors(include_url=False)))) from None


def fault(problem: "ErrorDetails") -> str:
    """What is wrong with a value, in words for who wrote it."""
    return "no such setting" if problem["type"] == "extra_forbidden" else problem["msg"].removeprefix("Value error, ")


def _told(problem: "ErrorDetails") -> str:
    """One line for a fault that pydantic found: the variable, its value, and what is wrong with it."""
    message = fault(problem)
    if not problem["loc"]:  # about several variables, which it names
        return message
    name, *inner = map(str, problem["loc"])
    place = ".".join([f"{_PREFIX}{name.upper()}", *inner])
    return f"{place}: {message}" if problem["type"] == "missing" else f"{place} = {problem['input']!r:.80}: {message}"
