"""Fake, local and remote keep the same contract."""

import pytest

from trialbox.client import conformance


@pytest.mark.parametrize("case", conformance.CASES, ids=lambda case: case.__name__)
def test_conforms(any_box: conformance.Box, case: conformance.Case) -> None:
    case(any_box)


def test_every_case_is_listed() -> None:
    written = [
        name
        for name, value in vars(conformance).items()
        if callable(value) and getattr(value, "__annotations__", {}).keys() == {"box", "return"}
    ]
    assert [case.__name__ for case in conformance.CASES] == written
