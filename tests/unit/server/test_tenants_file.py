"""A tenants' file says who may use a server and how much of it; one that could be misread is refused whole."""

from pathlib import Path

import pytest
from access import tenant, token_hash
from hypothesis import given
from hypothesis import strategies as st

from trialbox.server.model import LIMIT_NAMES, Limits
from trialbox.server.scheduler import Share
from trialbox.server.settings import InvalidSettingsError
from trialbox.server.tenants import Tenant, Tenants, UnauthenticatedError
from trialbox.server.tenants_file import Directory, InvalidTenantsError, read

MAXIMUM = Limits(
    wall_seconds=10,
    cpu_seconds=10,
    memory_bytes=1 << 30,
    processes=64,
    open_files=256,
    disk_bytes=1 << 20,
    disk_inodes=100,
    output_bytes=1 << 20,
    no_output_seconds=10,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tenants.toml"


def test_a_tenant_has_all_that_its_file_says(file: Path) -> None:
    file.write_text(
        tenant(
            "team-a.2",
            "secret",
            certificate_names=["spiffe://cluster/a"],
            suspended="true",
            concurrency=3,
            queue_size=0,
            streams=2,
            requests_per_second=2.5,
            burst=7,
            maximum_limits="{wall_seconds = 5, processes = 8}",
        )
    )
    assert read(file, MAXIMUM).by_name == {
        "team-a.2": Tenant(
            name="team-a.2",
            token_hashes=frozenset({bytes.fromhex(token_hash("secret"))}),
            certificate_names=frozenset({"spiffe://cluster/a"}),
            suspended=True,
            share=Share(concurrency=3, queue_size=0),
            streams=2,
            requests_per_second=2.5,
            burst=7,
            maximum_limits={"wall_seconds": 5, "processes": 8},
        )
    }


@pytest.mark.parametrize(("rate", "burst"), [(0.1, 1), (1, 1), (20.9, 20)])
def test_the_burst_is_what_comes_in_a_second_unless_given(file: Path, rate: float, burst: int) -> None:
    file.write_text(tenant("a", requests_per_second=rate))
    assert read(file, MAXIMUM).by_name["a"].burst == burst


@pytest.mark.parametrize("name", LIMIT_NAMES)
def test_every_limit_may_have_a_ceiling_up_to_the_server_s(file: Path, name: str) -> None:
    most = getattr(MAXIMUM, name)
    file.write_text(tenant("a", maximum_limits=f"{{{name} = {most}}}"))
    assert read(file, MAXIMUM).by_name["a"].maximum_limits == {name: most}
    file.write_text(tenant("a", maximum_limits=f"{{{name} = {most + 1}}}"))
    with pytest.raises(InvalidTenantsError, match=rf"tenants\.a\.maximum_limits\.{name} = {most + 1}(.0)?: .* {most},"):
        read(file, MAXIMUM)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "tenants: Field required"),
        ("tenants = {}", "at least 1"),
        ("nonsense", "is not TOML"),
        (b"\xff", "is not TOML"),
        ("[tenant.a]", "tenant: no such setting"),
        (tenant("a b"), r"tenants\.a b.*: a name is 1 to 63"),
        (tenant("a", conurrency=1), r"tenants\.a\.conurrency = 1: no such setting"),
        (tenant("a", concurrency=0), r"tenants\.a\.concurrency = 0: .*greater than 0"),
        (tenant("a", queue_size=-1), r"tenants\.a\.queue_size = -1: "),
        (tenant("a", requests_per_second="nan"), r"tenants\.a\.requests_per_second = nan: "),
        (tenant("a", requests_per_second=0), r"tenants\.a\.requests_per_second = 0: "),
        (tenant("a", concurrency="true"), r"tenants\.a\.concurrency = True: "),
        (tenant("a", burst=5), r"tenants\.a: burst is given without requests_per_second"),
        (tenant("a", maximum_limits="{open_files = 1}"), r"maximum_limits\.open_files = 1: "),
        (tenant("a", ""), r"tenants\.a\.token_sha256\.0: is the hash of the empty token"),
        (
            f'[tenants.a]\ntoken_sha256 = ["{token_hash("t")}  -"]',
            r"tenants\.a\.token_sha256\.0: is no SHA-256 .*: 64 hex",
        ),
        (tenant("a", "t") + tenant("b", "t"), f"tenants.b: {token_hash('t')} is tenants.a's too"),
        (
            tenant("a", certificate_names=["x"]) + tenant("b", certificate_names=["x"]),
            r"tenants\.b: 'x' is tenants\.a's too",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_place(file: Path, content: str | bytes, told: str) -> None:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InvalidTenantsError, match=told):
        read(file, MAXIMUM)


@pytest.mark.parametrize("key", ["token_sha256", "token", "certificate_names", "suspended"])
def test_a_token_in_the_wrong_place_is_not_quoted(file: Path, key: str) -> None:
    file.write_text(f'[tenants.a]\n{key} = "my-secret"\nburst = 1\n')
    with pytest.raises(InvalidTenantsError) as raised:
        read(file, MAXIMUM)
    assert key in str(raised.value) and "my-secret" not in str(raised.value)


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_token_is_its_owner_s_and_no_other_is(token: str, other: str) -> None:
    def hashed(text: str) -> frozenset[bytes]:
        return frozenset({bytes.fromhex(token_hash(text))})

    tenants = Tenants([Tenant(name="a", token_hashes=hashed(token))])
    assert tenants.authenticate(token).name == "a"
    if other != token:
        with pytest.raises(UnauthenticatedError):
            tenants.authenticate(other)


def test_a_changed_file_takes_the_place_of_the_old_one(file: Path) -> None:
    file.write_text(tenant("a", "t"))
    directory = Directory(file, MAXIMUM)
    told: list[Tenants] = []
    directory.on_change = told.append
    file.write_text(tenant("b", "t"))
    directory.reload()
    assert told == [directory.current()]
    assert directory.current().authenticate("t").name == "b"


@pytest.mark.parametrize("content", ["[tenants.b", tenant("b", concurrency=0), None])
def test_a_broken_file_leaves_the_old_one_in_force(file: Path, content: str | None) -> None:
    file.write_text(tenant("a", "t"))
    directory = Directory(file, MAXIMUM)
    file.unlink() if content is None else file.write_text(content)
    directory.reload()
    assert directory.current().authenticate("t").name == "a"


async def test_without_a_file_everybody_is_one_tenant_and_there_is_nothing_to_watch() -> None:
    directory = Directory(None, MAXIMUM)
    assert directory.current().authenticate(None).name == "default"
    assert not directory.current().are_set
    await directory.watch()
    directory.reload()


def test_a_server_does_not_start_with_a_broken_file(file: Path) -> None:
    with pytest.raises(InvalidSettingsError, match=f"TRIALBOX_TENANTS_FILE = '{file}': can't be read: No such file"):
        Directory(file, MAXIMUM)
