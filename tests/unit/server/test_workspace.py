"""Files go into the workspace and come out of it, whatever a hostile program left there."""

import fnmatch
import importlib
import os
import re
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trialbox.server.guest import frames

workspace = importlib.import_module("trialbox.server.guest.workspace")

_NOBODY = 65534
_names = st.sampled_from(["a", "b", "ab", "x.txt", ".hidden", "ä", "a b", "[", "a\nb"])
_paths = st.lists(_names, min_size=1, max_size=4).map(tuple)
_pattern_parts = st.sampled_from(["a", "b", "*", "a*", "?", "*.txt", "[ab]", "[!a]*", "[", "**", "*b", "ä"])
_patterns = st.tuples(st.lists(_pattern_parts, max_size=3), _pattern_parts.filter(lambda part: part != "**")).map(
    lambda parts: (*parts[0], parts[1])
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace of its own for the test."""
    monkeypatch.setattr(workspace, "ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def collect(*patterns: str | bytes, maximum_bytes: int = 1 << 20) -> dict[bytes, tuple[str, bytes]]:
    """What the helper in the jail reports: for each name why not, and the content."""
    encoded = [os.fsencode(pattern) for pattern in patterns]
    with os.fdopen(os.memfd_create("results"), "w+b") as results:
        workspace.collect_files(encoded, maximum_bytes, results.fileno())
        results.seek(0)
        fields = frames.unpack(results.read())
    names = fields[::3]
    assert len(set(names)) == len(names)
    return {
        name: (refusal.decode(), content)
        for name, refusal, content in zip(names, fields[1::3], fields[2::3], strict=True)
    }


def collected(*patterns: str | bytes) -> set[str]:
    """The names of what was collected; nothing may have been refused."""
    found = collect(*patterns)
    assert {refusal for refusal, _ in found.values()} <= {""}
    return set(map(os.fsdecode, found))


@pytest.fixture
def tree(root: Path) -> Path:
    for path in ("a.txt", "b.txt", "c.md", ".hidden", "out/x.txt", "out/deep/x.txt", "out/deep/er/y.txt", "ab/x.txt"):
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.encode())
    return root


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", {"a.txt", "b.txt", "c.md", ".hidden"}),
        ("*.txt", {"a.txt", "b.txt"}),
        ("?.md", {"c.md"}),
        ("[ab].txt", {"a.txt", "b.txt"}),
        ("[!a].txt", {"b.txt"}),
        ("a.txt", {"a.txt"}),
        ("A.txt", set()),
        ("out", set()),
        ("out/*", {"out/x.txt"}),
        ("*/x.txt", {"out/x.txt", "ab/x.txt"}),
        ("out/*/*", {"out/deep/x.txt"}),
        ("**/x.txt", {"out/x.txt", "out/deep/x.txt", "ab/x.txt"}),
        ("out/**/*.txt", {"out/x.txt", "out/deep/x.txt", "out/deep/er/y.txt"}),
        ("**/deep/**/y.*", {"out/deep/er/y.txt"}),
        ("**/a.txt", {"a.txt"}),
        ("a.txt/**/x", set()),
    ],
)
@pytest.mark.usefixtures("tree")
def test_a_pattern_picks_these_files(pattern: str, expected: set[str]) -> None:
    assert collected(pattern) == expected


@pytest.mark.usefixtures("tree")
def test_two_stars_at_the_end_pick_all_files_below() -> None:
    assert collected("out/**") == {"out/x.txt", "out/deep/x.txt", "out/deep/er/y.txt"}


@pytest.mark.usefixtures("tree")
def test_two_stars_twice_are_as_two_stars_once() -> None:
    assert collected("**/**/x.txt") == collected("**/x.txt")


@pytest.mark.usefixtures("tree")
def test_a_file_that_several_patterns_pick_is_collected_once() -> None:
    found = collect("*.txt", "a.*", "**/a.txt")
    assert found == {b"a.txt": ("", b"a.txt"), b"b.txt": ("", b"b.txt")}


def _picks(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    if not pattern or not path:
        return not pattern and not path
    if pattern[0] == "**":
        return _picks(pattern[1:], path) or _picks(pattern, path[1:])
    return fnmatch.fnmatchcase(path[0], pattern[0]) and _picks(pattern[1:], path[1:])


@given(st.sets(_paths, max_size=6), st.lists(_patterns, min_size=1, max_size=2))
@example(paths={("a", "b")}, patterns=[("**", "**", "b")])
def test_collection_agrees_with_a_simpler_matcher(paths: set[tuple[str, ...]], patterns: list[tuple[str, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(workspace, "ROOT", folder)
        for path in paths:
            place = Path(folder, *path)
            if not any(parent.is_file() for parent in place.parents) and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.touch()
        files = {place.relative_to(folder).parts for place in Path(folder).rglob("*") if place.is_file()}
        expected = {"/".join(path) for path in files if any(_picks(pattern, path) for pattern in patterns)}
        assert collected(*map("/".join, patterns)) == expected


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1))
def test_any_pattern_of_one_part_can_be_matched(pattern: str) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(workspace, "ROOT", folder)
        Path(folder, "name").touch()
        # Two stars as a whole part have a meaning of their own, see above.
        if pattern != "**":
            assert bool(collected(pattern)) == fnmatch.fnmatchcase("name", pattern)


def test_what_is_left_of_a_pattern_does_not_multiply_with_depth() -> None:
    pattern = [workspace.ANY_DEPTH, re.compile("a")] * 8
    left = [pattern]
    for _ in range(workspace.MAXIMUM_DEPTH // 2):
        _, left = workspace._match(left, "a")
        assert len(left) <= len(pattern)


def test_links_are_not_followed(root: Path) -> None:
    secret = root.parent / "secret"
    secret.mkdir(exist_ok=True)
    (secret / "key").write_text("outside")
    (root / "file").symlink_to(secret / "key")
    (root / "folder").symlink_to(secret)
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nowhere")
    found = collect("**/*")
    assert set(found) == {b"file", b"folder", b"loop", b"dangling"}
    assert all(refusal and content == b"" for refusal, content in found.values())


def test_only_regular_files_are_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)  # a socket's address is a short path
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        (root / "plain").write_bytes(b"content")
        found = collect("*")
    assert found[b"plain"] == ("", b"content")
    assert found[b"fifo"] == ("not a regular file", b"")
    assert found[b"socket"][0] and not found[b"socket"][1]


def test_a_sparse_terabyte_is_refused_by_its_size(root: Path) -> None:
    with (root / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    assert collect("*") == {b"sparse": (f"{1 << 40} bytes are more than may be collected", b"")}


def test_the_bound_is_over_all_files_together(root: Path) -> None:
    for name, size in (("1", 6), ("2", 5), ("3", 4), ("4", 0), ("5", 1)):
        (root / name).write_bytes(b"x" * size)
    found = collect("*", maximum_bytes=10)
    assert {name: len(content) for name, (refusal, content) in found.items() if not refusal} == {
        b"1": 6,
        b"3": 4,
        b"4": 0,
    }
    assert found[b"2"][0] == "5 bytes are more than may be collected"
    assert found[b"5"][0] == "1 bytes are more than may be collected"


def test_folders_too_deep_are_named_and_not_entered(root: Path) -> None:
    deepest = root.joinpath(*["d"] * (workspace.MAXIMUM_DEPTH + 1))
    deepest.mkdir(parents=True)
    (deepest / "file").touch()
    (deepest.parent / "file").touch()
    found = collect("**/file")
    inside = b"d/" * workspace.MAXIMUM_DEPTH
    assert found == {inside + b"file": ("", b""), inside + b"d": ("too deep", b"")}


def test_the_search_ends_after_so_many_entries_and_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "MAXIMUM_ENTRIES", 5)
    for number in range(9):
        (root / str(number)).touch()
    found = collect("*")
    assert [name for name, (refusal, _) in found.items() if not refusal] == [b"0", b"1", b"2", b"3", b"4"]
    assert found[b"5"] == ("too many files to look at", b"")
    assert len(found) == 6


def test_names_come_back_as_the_program_gave_them(root: Path) -> None:
    names = [b"new\nline", b"\xff\xfe", b"3:x", "ünï".encode(), b" ", b"*", b"-", b"\\"]
    for name in names:
        Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_bytes(name)
    assert collect("*") == {name: ("", name) for name in names}


@pytest.fixture
def as_nobody(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take on an unprivileged id, as the helper in a jail has one."""
    if os.geteuid() != 0:
        pytest.skip("root alone can take on another id")
    for place in (root, *root.rglob("*")):
        os.chown(place, _NOBODY, _NOBODY, follow_symlinks=False)
    monkeypatch.chdir(root)
    monkeypatch.setattr(workspace, "ROOT", ".")
    os.seteuid(_NOBODY)
    yield
    os.seteuid(0)


@pytest.mark.usefixtures("tree", "as_nobody")
def test_what_may_not_be_opened_is_refused_and_the_rest_collected() -> None:
    Path("a.txt").chmod(0)
    Path("out").chmod(0)
    found = collect("**/*.txt")
    assert found[b"a.txt"] == found[b"out"] == ("Permission denied", b"")
    assert found[b"ab/x.txt"] == ("", b"ab/x.txt")


@pytest.mark.usefixtures("tree", "as_nobody")
def test_a_folder_that_may_be_listed_but_not_entered_is_refused_and_the_rest_collected() -> None:
    Path("out").chmod(0o400)
    found = collect("**/*.txt")
    assert found[b"ab/x.txt"] == ("", b"ab/x.txt")
    assert all(name.startswith(b"out") for name, (refusal, _) in found.items() if refusal)


@given(st.dictionaries(_paths.map("/".join), st.binary(max_size=50), max_size=5))
def test_what_is_written_is_collected(files: dict[str, bytes]) -> None:
    files = {path: content for path, content in files.items() if not any(f"{path}/" in other for other in files)}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(workspace, "ROOT", folder)
        patch.chdir(folder)
        workspace.write_files(files)
        assert collect("**/*") == {path.encode(): ("", content) for path, content in files.items()}


def test_writing_follows_no_link_and_replaces_nothing(root: Path) -> None:
    outside = root.parent / "outside"
    outside.write_bytes(b"before")
    (root / "link").symlink_to(outside)
    (root / "dangling").symlink_to(root.parent / "made")
    (root / "there").write_bytes(b"before")
    for name in ("link", "dangling", "there"):
        with pytest.raises(FileExistsError):
            workspace.write_files({name: b"after"})
    assert outside.read_bytes() == (root / "there").read_bytes() == b"before"
    assert not (root.parent / "made").exists()
