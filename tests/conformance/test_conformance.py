"""Fake, local and remote keep the same contract."""

import pytest

from trialbox.client import conformance


@pytest.mark.parametrize("case", conformance.CASES, ids=lambda case: case.__name__)
def test_conforms(any_box: conformance.Box, case: conformance.Case) -> None:
    case(any_box)


def test_every_case_is_listed() -> None:
    written = [
        value
        for module in (conformance._running, conformance._grading, conformance._many, conformance._live)
        for value in vars(module).values()
        if getattr(value, "__annotations__", {}).keys() == {"box", "return"}
    ]
    assert list(conformance.CASES) == written
