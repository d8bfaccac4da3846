"""Who a token and a certificate stand for, together or alone."""

import hashlib

import pytest

from trialbox.server.tenants import AccessError, PermissionDeniedError, Tenant, Tenants, UnauthenticatedError


def made(name: str, *, suspended: bool = False) -> Tenant:
    token_hash = hashlib.sha256(f"{name}'s".encode()).digest()
    return Tenant(
        name=name,
        token_hashes=frozenset({token_hash}),
        certificate_names=frozenset({f"{name}.example"}),
        suspended=suspended,
    )


TENANTS = Tenants([made("a"), made("b"), made("gone", suspended=True)])


@pytest.mark.parametrize(
    ("token", "names"),
    [("a's", set()), (None, {"a.example"}), ("a's", {"a.example"}), ("a's", {"gateway"}), (None, {"x", "a.example"})],
)
def test_a_token_or_a_certificate_is_enough(token: str | None, names: set[str]) -> None:
    assert TENANTS.authenticate(token, frozenset(names)).name == "a"


@pytest.mark.parametrize(
    ("token", "names", "kind", "reason"),
    [
        (None, set(), UnauthenticatedError, "TOKEN_MISSING"),
        ("", set(), UnauthenticatedError, "TOKEN_UNKNOWN"),
        ("A's", set(), UnauthenticatedError, "TOKEN_UNKNOWN"),
        ("nobody's", {"a.example"}, UnauthenticatedError, "TOKEN_UNKNOWN"),
        (None, {"gateway"}, PermissionDeniedError, "CERTIFICATE_UNKNOWN"),
        ("a's", {"b.example"}, PermissionDeniedError, "CREDENTIALS_DISAGREE"),
        (None, {"a.example", "b.example"}, PermissionDeniedError, "CREDENTIALS_DISAGREE"),
        ("gone's", set(), PermissionDeniedError, "TENANT_SUSPENDED"),
        (None, {"gone.example"}, PermissionDeniedError, "TENANT_SUSPENDED"),
    ],
)
def test_all_else_is_refused(token: str | None, names: set[str], kind: type[AccessError], reason: str) -> None:
    with pytest.raises(AccessError) as raised:
        TENANTS.authenticate(token, frozenset(names))
    assert (type(raised.value), raised.value.reason) == (kind, reason)
    assert "'s" not in str(raised.value).replace("nobody's", "").replace("tenant's", "").replace("client's", "")
