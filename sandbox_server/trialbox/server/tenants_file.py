"""The tenants' file: read, checked, and read again when it changes."""

import asyncio
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import structlog
from pydantic import AfterValidator, BaseModel, Field, PositiveInt, ValidationError, model_validator

from trialbox.server.model import LIMIT_NAMES, Limits
from trialbox.server.renewal import states
from trialbox.server.scheduler import Share
from trialbox.server.settings import InvalidSettingsError, Seconds, fault
from trialbox.server.tenants import Tenant, Tenants
from trialbox.v1 import MINIMUM_LIMITS

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_LOOK_SECONDS = 1.0
# Of the empty token: lines of a script whose token was empty; whoever sends none would be this tenant.
_EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

_log = structlog.get_logger(__name__)


def _checked_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", name):
        raise ValueError("a name is 1 to 63 letters, digits, '.', '-' and '_', a letter or digit first")
    return name


def _checked_hash(text: str) -> str:
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise ValueError("is no SHA-256 of a token: 64 hexadecimal digits are wanted, those that sha256sum prints")
    if text.lower() == _EMPTY_SHA256:
        raise ValueError("is the hash of the empty token")
    return text


class InvalidTenantsError(ValueError):
    """A tenants' file that can't be used; the message has a line for each fault, which names its place."""


class _Limits(BaseModel, extra="forbid", frozen=True, strict=True):
    """Ceilings; those left out are the server's."""

    wall_seconds: Seconds | None = None
    cpu_seconds: Seconds | None = None
    memory_bytes: PositiveInt | None = None
    processes: PositiveInt | None = None
    open_files: Annotated[int, Field(ge=MINIMUM_LIMITS["open_files"])] | None = None
    disk_bytes: PositiveInt | None = None
    disk_inodes: Annotated[int, Field(ge=MINIMUM_LIMITS["disk_inodes"])] | None = None
    output_bytes: PositiveInt | None = None
    no_output_seconds: Seconds | None = None


class _Tenant(BaseModel, extra="forbid", frozen=True, strict=True):
    """One tenant; a quota left out is no bound."""

    token_sha256: list[Annotated[str, AfterValidator(_checked_hash)]] = []
    """The SHA-256 of each of its tokens, in hexadecimal."""
    certificate_names: list[Annotated[str, Field(min_length=1)]] = []
    """Client certificates that are it: by a subject alternative name, or where they have none their common name."""
    suspended: bool = False
    """Known, and refused."""
    concurrency: PositiveInt | None = None
    """Executions and evaluations at once; more wait."""
    queue_size: Annotated[int, Field(ge=0)] | None = None
    """Unary requests that may wait, where the server's own bound is higher."""
    streams: PositiveInt | None = None
    """Batch streams open at once."""
    requests_per_second: Seconds | None = None
    """Executions and evaluations that may begin in a second, in the long run."""
    burst: PositiveInt | None = None
    """How many may come at once after a pause; left out, what comes in a second."""
    maximum_limits: _Limits = _Limits()

    @model_validator(mode="after")
    def _burst_of_a_rate(self) -> Self:
        if self.burst is not None and self.requests_per_second is None:
            raise ValueError("burst is given without requests_per_second")
        return self

    def named(self, name: str) -> Tenant:
        """The same as the server's own value."""
        rate = self.requests_per_second
        return Tenant(
            name=name,
            token_hashes=frozenset(map(bytes.fromhex, self.token_sha256)),
            certificate_names=frozenset(self.certificate_names),
            suspended=self.suspended,
            share=Share(concurrency=self.concurrency, queue_size=self.queue_size),
            streams=self.streams,
            requests_per_second=rate,
            burst=self.burst if self.burst is not None else max(1, int(rate or 1)),
            maximum_limits=self.maximum_limits.model_dump(exclude_none=True),
        )


class _File(BaseModel, extra="forbid", strict=True):
    tenants: Annotated[dict[Annotated[str, AfterValidator(_checked_name)], _Tenant], Field(min_length=1)]


def read(path: Path, maximum_limits: Limits) -> Tenants:
    """Read a tenants' file; raises InvalidTenantsError for what can't be read, or allows more than the server."""
    try:
        given = tomllib.loads(path.read_bytes().decode())
        tenants = [tenant.named(name) for name, tenant in _File.model_validate(given).tenants.items()]
    except OSError as error:
        raise InvalidTenantsError(f"can't be read: {error.strerror}") from None
    except ValidationError as error:
        raise InvalidTenantsError("\n".join(map(_told, error.errors(include_url=False)))) from None
    except ValueError as error:  # of UTF-8, or of TOML
        raise InvalidTenantsError(f"is not TOML: {error}") from None
    faults = [*_shared(tenants), *_above(tenants, maximum_limits)]
    if faults:
        raise InvalidTenantsError("\n".join(faults))
    return Tenants(tenants)


def _shared(tenants: list[Tenant]) -> list[str]:
    """What would be two tenants."""
    faults = []
    owners: dict[bytes | str, str] = {}
    for tenant in tenants:
        credentials: list[bytes | str] = [*tenant.token_hashes, *tenant.certificate_names]
        for credential in credentials:
            owner = owners.setdefault(credential, tenant.name)
            if owner != tenant.name:
                told = credential.hex() if isinstance(credential, bytes) else repr(credential)
                faults.append(f"tenants.{tenant.name}: {told:.80} is tenants.{owner}'s too")
    return faults


def _above(tenants: list[Tenant], maximum_limits: Limits) -> list[str]:
    return [
        f"tenants.{tenant.name}.maximum_limits.{name} = {tenant.maximum_limits[name]}: "
        f"the server's own is {getattr(maximum_limits, name)}, and a tenant's can't be above it"
        for tenant in tenants
        for name in LIMIT_NAMES
        if tenant.maximum_limits.get(name, 0) > getattr(maximum_limits, name)
    ]


def _told(problem: "ErrorDetails") -> str:
    """One line for a fault that pydantic found. It quotes numbers only: other values may be a token out of place."""
    place, value = ".".join(map(str, problem["loc"])), problem["input"]
    quoted = f" = {value!r}" if isinstance(value, int | float) else ""
    return f"{place}{quoted}: {fault(problem)}"


class Directory:
    """The tenants in force: those of a file, with which it keeps up, or where there is none everybody.

    A file that can't be used changes nothing.
    """

    def __init__(self, path: Path | None, maximum_limits: Limits) -> None:
        """Read the file; raises InvalidSettingsError."""
        self._path = path
        self._maximum_limits = maximum_limits
        self._seen = states(self._path)
        try:
            self._tenants = Tenants() if path is None else read(path, maximum_limits)
        except InvalidTenantsError as error:
            raise InvalidSettingsError(f"TRIALBOX_TENANTS_FILE = '{path}': {error}") from None
        self.on_change: Callable[[Tenants], object] = lambda tenants: None
        """Told of other tenants."""

    def current(self) -> Tenants:
        """Return those in force."""
        return self._tenants

    async def watch(self) -> None:
        """Look every second whether there is another file; returns at once where there is none to look at."""
        while self._path is not None:
            await asyncio.sleep(_LOOK_SECONDS)
            if states(self._path) != self._seen:
                self.reload()

    def reload(self) -> None:
        """Read the file again."""
        if self._path is None:
            return
        self._seen = states(self._path)
        try:
            self._tenants = read(self._path, self._maximum_limits)
        except InvalidTenantsError as error:
            _log.error("tenants_not_reloaded", file=str(self._path), error=str(error), meaning="the old ones stay")
            return
        _log.info("tenants_reloaded", file=str(self._path), tenants=len(self._tenants.by_name))
        self.on_change(self._tenants)
