"""junit.xml holds what continuous integration reads, whatever programs write into their messages."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reports import ERROR, FAILED, NOT_RUN, PASSED, TIMED_OUT, plain_task, plus_task, report_of

from trialbox.client import CaseResult, Verdict
from trialbox.synthesis.results import Report
from trialbox.synthesis.results.junit import junit_pieces

OUT_OF_MEMORY = CaseResult(verdict=Verdict.OUT_OF_MEMORY)


def parsed(report: Report) -> ElementTree.Element:
    return ElementTree.fromstring(b"".join(junit_pieces(report)))


def test_each_task_is_a_suite_and_each_case_a_test_case() -> None:
    first, second = plus_task(1, [1], [2]), plain_task(2, 1)
    root = parsed(report_of((first, [PASSED, FAILED]), (first, [PASSED, PASSED]), (second, [ERROR])))
    assert root.tag == "testsuites"
    assert [(suite.tag, suite.get("name")) for suite in root] == [("testsuite", "Mbpp/1"), ("testsuite", "Mbpp/2")]
    assert [(test.get("classname"), test.get("name")) for test in root.iter("testcase")] == [
        ("Mbpp/1", "base/0"),
        ("Mbpp/1", "plus/0"),
        ("Mbpp/1 #1", "base/0"),
        ("Mbpp/1 #1", "plus/0"),
        ("Mbpp/2", "test_list[0]"),
    ]


@pytest.mark.parametrize(
    ("result", "tag"),
    [
        (FAILED, "failure"),
        (ERROR, "error"),
        (TIMED_OUT, "error"),
        (OUT_OF_MEMORY, "error"),
        (NOT_RUN, "skipped"),
    ],
)
def test_a_verdict_becomes_an_element_that_names_it(result: CaseResult, tag: str) -> None:
    (test,) = parsed(report_of((plain_task(1, 1), [result]))).iter("testcase")
    (outcome,) = test
    assert (outcome.tag, outcome.get("type"), outcome.get("message")) == (tag, result.verdict, result.message)


def test_a_passed_case_holds_nothing_but_its_time() -> None:
    (test,) = parsed(report_of((plain_task(1, 1), [PASSED]))).iter("testcase")
    assert (list(test), test.get("time")) == ([], "0.250")


def test_the_counts_add_up() -> None:
    results = [PASSED, FAILED, ERROR, TIMED_OUT, OUT_OF_MEMORY, NOT_RUN]
    root = parsed(report_of((plain_task(1, 6), results), (plain_task(2, 1), [FAILED])))
    first, second = root
    assert first.attrib == {
        **{"name": "Mbpp/1", "tests": "6", "failures": "1", "errors": "3", "skipped": "1"},
        "time": "0.250",
    }
    assert (second.get("tests"), second.get("failures")) == ("1", "1")
    assert root.attrib == {"name": "trialbox", "tests": "7", "failures": "2", "errors": "3", "time": "0.250"}


def test_a_failure_shows_what_was_expected_and_what_came() -> None:
    (failure,) = parsed(report_of((plain_task(1, 1), [FAILED]))).iter("failure")
    assert failure.text == "expected: 2\nactual: 1\ntrust: SEPARATED"


@given(st.text(st.characters(exclude_categories=[]), min_size=1, max_size=20))
def test_any_text_can_be_written_and_read_back(text: str) -> None:
    result = replace(FAILED, message=text, actual=text, expected=text)
    (failure,) = parsed(report_of((plain_task(1, 1), [result]))).iter("failure")
    if text.isprintable():
        assert failure.get("message") == text
        assert failure.text == f"expected: {text}\nactual: {text}\ntrust: SEPARATED"


def test_what_xml_cannot_hold_is_shown_as_an_escape() -> None:
    result = replace(ERROR, message="\x1b[31m\0\ud800\uffff")
    (error,) = parsed(report_of((plain_task(1, 1), [result]))).iter("error")
    assert error.get("message") == "\\x1b[31m\\x00\\ud800\\uffff"
