"""pass@k is the chance that one of k programs passes, and its interval can be trusted to hold it."""

import math
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialbox.synthesis.results import estimate, pass_at_k


@st.composite
def counts(draw: st.DrawFn, most: int = 200) -> tuple[int, int]:
    """A task's number of programs and of those that passed."""
    programs = draw(st.integers(1, most))
    return programs, draw(st.integers(0, programs))


@given(counts(8), st.data())
def test_it_is_the_share_of_all_draws_of_k_programs_that_hold_one_that_passes(
    task: tuple[int, int], data: st.DataObject
) -> None:
    programs, passed = task
    k = data.draw(st.integers(1, programs))
    draws = list(combinations([True] * passed + [False] * (programs - passed), k))
    assert math.isclose(pass_at_k(programs, passed, k), sum(map(any, draws)) / len(draws), abs_tol=1e-12)


@given(counts(), st.data())
def test_it_is_the_published_quotient_of_binomials(task: tuple[int, int], data: st.DataObject) -> None:
    programs, passed = task
    k = data.draw(st.integers(1, programs))
    published = 1 - math.comb(programs - passed, k) / math.comb(programs, k)
    assert math.isclose(pass_at_k(programs, passed, k), published, abs_tol=1e-12)


@given(st.integers(1, 300), st.data())
def test_one_more_that_passes_or_one_more_draw_never_lowers_it(programs: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, programs))
    by_passed = [pass_at_k(programs, passed, k) for passed in range(programs + 1)]
    assert by_passed == sorted(by_passed)
    assert (by_passed[0], by_passed[-1]) == (0, 1)
    passed = data.draw(st.integers(0, programs))
    by_k = [pass_at_k(programs, passed, k) for k in range(1, programs + 1)]
    assert all(later >= earlier - 1e-12 for earlier, later in pairwise(by_k))


def test_many_programs_cost_no_precision() -> None:
    assert math.isclose(pass_at_k(100_000, 1, 100), 0.001)


@pytest.mark.parametrize(("programs", "passed", "k"), [(1, 2, 1), (1, -1, 1), (1, 1, 2), (1, 1, 0), (0, 0, 1)])
def test_what_cannot_be_told_is_refused(programs: int, passed: int, k: int) -> None:
    with pytest.raises(ValueError, match=f"pass@{k} can't be told from {programs} programs"):
        pass_at_k(programs, passed, k)


@given(st.lists(counts(12), min_size=1, max_size=30), st.integers(1, 12))
def test_the_interval_contains_the_estimate_and_comes_out_the_same_again(tasks: list[tuple[int, int]], k: int) -> None:
    found = estimate(tasks, k)
    values = [pass_at_k(programs, passed, k) for programs, passed in tasks if programs >= k]
    if found is None:
        assert values == []
    else:
        assert found.tasks == len(values)
        assert math.isclose(found.value, sum(values) / len(values), abs_tol=1e-12)
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found == estimate(tasks, k)


def test_the_interval_is_as_wide_as_that_of_a_share() -> None:
    found = estimate([(1, number % 2) for number in range(400)], 1)
    assert found is not None
    # 1.96 standard errors of one half of 400.
    assert found.low == pytest.approx(0.5 - 0.049, abs=0.005)
    assert found.high == pytest.approx(0.5 + 0.049, abs=0.005)


def test_where_all_tasks_agree_there_is_no_doubt() -> None:
    found = estimate([(3, 3)] * 5, 2)
    assert found is not None
    assert (found.low, found.value, found.high, found.tasks) == (1, 1, 1, 5)
