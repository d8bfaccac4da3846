"""Suites are known by what is in them, as many as there is room for."""

import hashlib
import threading

import pytest

from trialbox.server.grading import Check, Suite
from trialbox.server.suites import OwnedSuites, SuiteStore, UnknownSuiteError

_BYTES = 1000
_TOLD = 3
"""How much of the room a byte of a suite takes."""


def suite(name: str = "") -> Suite:
    return Suite(cases=(Check(source=name.encode()),))


def written(name: str, size: int = 100) -> bytes:
    """A suite as it came, which takes three times its size."""
    return name.encode().ljust(size)


def known(store: OwnedSuites, *names: str) -> list[str]:
    """Those of the suites that are kept; asking makes them the ones used last."""
    return [name for name in names if store.find(written(name)) is not None]


def test_a_suite_is_found_by_its_content_and_by_its_id() -> None:
    store = SuiteStore(_BYTES).of("")
    assert store.find(written("a")) is None
    kept = store.add(written("a"), suite("a"))
    assert kept.suite_id == hashlib.sha256(written("a")).digest()
    assert kept.cases == suite("a").cases
    assert store.find(written("a")) is store.get(kept.suite_id) is kept


def test_an_id_of_none_is_told_by_its_first_digits() -> None:
    store = SuiteStore(_BYTES).of("")
    kept = store.add(written("a"), suite("a"))
    wrong = bytes([kept.suite_id[0] ^ 1, *kept.suite_id[1:]])
    for suite_id in (wrong, b"", kept.suite_id[:31], kept.suite_id + b"\0"):
        with pytest.raises(UnknownSuiteError, match=f"suite {suite_id.hex()[:16]} is not known"):
            store.get(suite_id)


def test_a_suite_that_comes_twice_is_kept_once() -> None:
    store = SuiteStore(_BYTES).of("")
    first = store.add(written("a"), suite("a"))
    assert store.add(written("a"), suite("a")) is first
    store.add(written("b"), suite("b"))
    store.add(written("c"), suite("c"))
    assert known(store, "a", "b", "c") == ["a", "b", "c"]


def test_where_room_is_short_the_one_not_used_for_longest_goes() -> None:
    store = SuiteStore(_BYTES).of("")
    for name in "abc":
        store.add(written(name), suite(name))
    assert known(store, "a") == ["a"]
    store.add(written("d"), suite("d"))
    assert known(store, "a", "b", "c", "d") == ["a", "c", "d"]
    store.add(written("e", 2 * 100), suite("e"))
    assert known(store, "a", "c", "d") == ["d"]


def test_a_suite_too_large_to_be_kept_has_no_id_and_costs_no_other_its_place() -> None:
    store = SuiteStore(_BYTES).of("")
    store.add(written("a"), suite("a"))
    large = store.add(written("b", _BYTES // _TOLD + 1), suite("b"))
    assert (large.suite_id, large.cases) == (b"", suite("b").cases)
    assert store.find(written("b", _BYTES // _TOLD + 1)) is None
    assert known(store, "a") == ["a"]
    store.grew(large)


def test_what_oracles_gave_takes_room_too() -> None:
    store = SuiteStore(_BYTES).of("")
    a, b, c = (store.add(written(name), suite(name)) for name in "abc")
    for _ in range(10):  # the same, told of again
        c.expected.setdefault("python", {})[0] = bytes(100)
        store.grew(c)
    assert known(store, "a", "b", "c") == ["a", "b", "c"]
    c.expected.setdefault("python", {})[1] = b"x"
    store.grew(c)
    assert known(store, "a", "b", "c") == ["b", "c"]
    b.expected.setdefault("python", {})[0] = bytes(300)
    store.grew(b)
    store.grew(a)  # which is not kept any more
    assert known(store, "b", "c") == ["c"]


def test_a_suite_that_grows_too_large_goes() -> None:
    store = SuiteStore(_BYTES).of("")
    kept = store.add(written("a"), suite("a"))
    kept.expected.setdefault("python", {})[0] = bytes(_BYTES)
    store.grew(kept)
    assert known(store, "a") == []
    for name in "bcd":
        store.add(written(name), suite(name))
    assert known(store, "b", "c", "d") == ["b", "c", "d"]


def test_without_room_nothing_is_kept() -> None:
    store = SuiteStore(0).of("")
    assert store.add(written("a"), suite("a")).suite_id == b""
    assert store.find(written("a")) is None


def test_several_threads_may_use_it_at_once() -> None:
    store = SuiteStore(20 * _BYTES).of("")
    names = [f"suite {number}" for number in range(100)]
    wrong: list[str] = []
    start = threading.Barrier(4)

    def use() -> None:
        start.wait()
        for name in names * 5:
            kept = store.find(written(name)) or store.add(written(name), suite(name))
            kept.expected.setdefault("python", {}).setdefault(0, bytes(20))
            store.grew(kept)
            if kept.cases != suite(name).cases:
                wrong.append(name)

    threads = [threading.Thread(target=use, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    kept = known(store, *names)
    assert len(kept) == 20 * _BYTES // 320
    # Nothing was counted twice: there is room for as many as ever.
    others = [f"other {number}" for number in range(66)]
    for name in others:
        store.add(written(name), suite(name))
    assert known(store, *others) == others
