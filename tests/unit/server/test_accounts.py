"""What is kept of a tenant lasts as long as the tenant is the same, and holds it to its own ceilings."""

from dataclasses import replace

import pytest
from checked_requests import BOUNDS

from trialbox.server.accounts import Accounts
from trialbox.server.quotas import QuotaExceededError
from trialbox.server.suites import SuiteStore
from trialbox.server.tenants import Tenant, Tenants

TENANT = Tenant(name="a", streams=1, requests_per_second=0.001)


@pytest.fixture
def accounts() -> Accounts:
    return Accounts(BOUNDS, SuiteStore(1000), message_bytes=1000)


def test_a_file_that_is_read_again_gives_nobody_a_new_burst(accounts: Accounts) -> None:
    accounts.of(TENANT).rate.take()
    again = replace(TENANT)
    accounts.keep(Tenants([again]))
    with pytest.raises(QuotaExceededError):
        accounts.of(again).rate.take()


def test_a_changed_tenant_begins_anew_with_the_streams_that_it_has_open(accounts: Accounts) -> None:
    wider = replace(TENANT, streams=2, burst=2)
    with accounts.of(TENANT).streams.one(1.0):
        account = accounts.of(wider)
        account.rate.take()
        account.rate.take()
        with account.streams.one(1.0), pytest.raises(QuotaExceededError, match="streams is 2"):
            account.streams.one(1.0).__enter__()


def test_a_changed_tenant_holds_what_its_open_calls_hold(accounts: Accounts) -> None:
    held = accounts.of(TENANT).messages.hold(1000, 1.0)
    changed = replace(TENANT, streams=2)
    with pytest.raises(QuotaExceededError, match="hold 1000 bytes"):
        accounts.of(changed).messages.hold(1, 1.0)
    held.release()
    accounts.of(changed).messages.hold(1, 1.0)


def test_one_who_is_gone_is_forgotten(accounts: Accounts) -> None:
    accounts.of(TENANT).rate.take()
    accounts.keep(Tenants([replace(TENANT, name="b")]))
    accounts.of(TENANT).rate.take()


def test_ceilings_lower_defaults_that_are_above_them_and_raise_none(accounts: Accounts) -> None:
    bounds = accounts.of(replace(TENANT, maximum_limits={"wall_seconds": 2, "processes": 15})).bounds
    assert bounds.maximum_limits == replace(BOUNDS.maximum_limits, wall_seconds=2, processes=15)
    assert bounds.default_limits == replace(BOUNDS.default_limits, wall_seconds=2)
    assert bounds.default_case_seconds == 2
