"""What the server keeps of each tenant: its bounds, its own suites, and what it may still have now."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trialbox.server.model import Limits
from trialbox.server.quotas import Messages, Rate, Streams
from trialbox.server.suites import SuiteStore
from trialbox.server.tenants import Tenant, Tenants
from trialbox.server.validation import Bounds, Validator


class Account:
    """One tenant's."""

    def __init__(self, tenant: Tenant, bounds: Bounds, suites: SuiteStore, messages: Messages) -> None:
        self.tenant = tenant
        self.bounds = _lowered(bounds, tenant.maximum_limits)
        self.suites = suites.of(tenant.name)
        self.validator = Validator(self.bounds, self.suites)
        self.rate = Rate(tenant.requests_per_second, tenant.burst)
        self.streams = Streams(tenant.streams)
        self.messages = messages


class Accounts:
    """One for each tenant that has asked for anything."""

    def __init__(self, bounds: Bounds, suites: SuiteStore, message_bytes: int) -> None:
        self._bounds = bounds
        self._message_bytes = message_bytes
        self._suites = suites
        self._by_name: dict[str, Account] = {}

    def of(self, tenant: Tenant) -> Account:
        """Return a tenant's; one whose file has changed begins anew, with what it has open."""
        known = self._by_name.get(tenant.name)
        if known is not None and known.tenant == tenant:
            return known
        messages = known.messages if known is not None else Messages(self._message_bytes)
        account = Account(tenant, self._bounds, self._suites, messages)
        if known is not None:
            account.streams = known.streams
            account.streams.maximum = tenant.streams
        self._by_name[tenant.name] = account
        return account

    def keep(self, tenants: Tenants) -> None:
        """Forget all others."""
        self._by_name = {name: account for name, account in self._by_name.items() if name in tenants.by_name}


def _lowered(bounds: Bounds, ceilings: Mapping[str, Any]) -> Bounds:
    if not ceilings:
        return bounds
    defaults = {
        name: min(given, ceiling)
        for name, ceiling in ceilings.items()
        if (given := getattr(bounds.default_limits, name)) is not None
    }
    maximum: Limits = replace(bounds.maximum_limits, **ceilings)
    return replace(
        bounds,
        maximum_limits=maximum,
        default_limits=replace(bounds.default_limits, **defaults),
        default_case_seconds=min(bounds.default_case_seconds, maximum.wall_seconds),
    )
