"""Tenants: who may use a server, what shows that one is it, and how much of the server it may have."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trialbox.server.scheduler import Share

# Certificates may be good for anybody's token, so that a mesh's or a gateway's is; the same as not to have one.
_NO_NAMES: frozenset[str] = frozenset()


class AccessError(Exception):
    """A caller who may not; `reason` says why, in a word of ours."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class UnauthenticatedError(AccessError):
    """Nothing shows who asks."""


class PermissionDeniedError(AccessError):
    """It is known who asks, and that they may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One that takes turns with others; a number that is None is no bound."""

    name: str
    token_hashes: frozenset[bytes] = frozenset()
    """The SHA-256 of each of its tokens."""
    certificate_names: frozenset[str] = frozenset()
    """The names of client certificates that are it."""
    suspended: bool = False
    share: Share = field(default_factory=Share)
    streams: int | None = None
    """Batch streams that it may have open at once."""
    requests_per_second: float | None = None
    burst: int = 1
    """Requests that may come at once after a pause."""
    maximum_limits: Mapping[str, Any] = field(default_factory=dict)
    """Ceilings of limits, by name, where they are lower than the server's."""


DEFAULT_TENANT = Tenant(name="default")
"""Everybody, where no tenants are set."""


class Tenants:
    """Finds the tenant that credentials stand for.

    Without tenants everybody is DEFAULT_TENANT. Tokens are looked up by a keyed hash of their hash, whose key nobody
    knows: how long that takes tells nothing about the tokens there are.
    """

    def __init__(self, tenants: Iterable[Tenant] | None = None) -> None:
        self._key = os.urandom(32)
        self._open = tenants is None
        self.by_name = {tenant.name: tenant for tenant in tenants or (DEFAULT_TENANT,)}
        self._by_token = {
            self._blinded(token_hash): tenant for tenant in self.by_name.values() for token_hash in tenant.token_hashes
        }
        self._by_certificate = {name: tenant for tenant in self.by_name.values() for name in tenant.certificate_names}

    @property
    def are_set(self) -> bool:
        """Whether there are any, so that callers must show who they are."""
        return not self._open

    def authenticate(self, token: str | None, certificate_names: frozenset[str] = _NO_NAMES) -> Tenant:
        """Return who has this token, or a certificate with these names; raises AccessError."""
        if self._open:
            return DEFAULT_TENANT
        found = {tenant.name: tenant for name in certificate_names if (tenant := self._by_certificate.get(name))}
        if token is not None:
            tenant = self._by_token.get(self._blinded(hashlib.sha256(token.encode()).digest()))
            if tenant is None:
                raise UnauthenticatedError("TOKEN_UNKNOWN", "the token is nobody's here")
            found[tenant.name] = tenant
        if not found:
            if certificate_names:
                told = "the client's certificate is good, but none of its names is a tenant's, and there is no token"
                raise PermissionDeniedError("CERTIFICATE_UNKNOWN", told)
            raise UnauthenticatedError("TOKEN_MISSING", "a token is wanted: authorization: Bearer TOKEN")
        if len(found) > 1:
            told = "token and certificate, or names in the certificate, are different tenants'"
            raise PermissionDeniedError("CREDENTIALS_DISAGREE", told)
        (tenant,) = found.values()
        if tenant.suspended:
            raise PermissionDeniedError("TENANT_SUSPENDED", f"the tenant {tenant.name} is suspended")
        return tenant

    def _blinded(self, token_hash: bytes) -> bytes:
        return hashlib.blake2b(token_hash, key=self._key).digest()
