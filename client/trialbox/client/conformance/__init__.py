"""What every kind of sandbox must do: the fake, the embedded and the remote alike.

Each of `CASES` is a function that takes a sandbox and raises AssertionError where it doesn't hold:

    for case in conformance.CASES:
        case(box)

A FakeSandbox runs nothing, so it is given this suite's own script: `FakeSandbox(conformance.answer)`.
"""

from typing import Final

from trialbox.client.conformance import _grading, _live, _many, _running
from trialbox.client.conformance._script import Box, Case, answer

__all__ = ["CASES", "Box", "Case", "answer"]

CASES: Final[tuple[Case, ...]] = (
    _running.output_comes_back_as_bytes,
    _running.a_program_sees_what_it_was_given,
    _running.an_exit_status_is_told,
    _running.an_uncaught_exception_is_told,
    _running.a_signal_is_told,
    _running.a_limit_is_told_by_its_name,
    _running.files_are_collected_by_pattern,
    _running.every_request_has_a_name_of_its_own,
    _running.what_cannot_be_served_is_refused_by_field,
    _running.a_server_tells_what_it_is,
    _grading.a_right_program_passes,
    _grading.a_wrong_program_fails_with_both_values,
    _grading.a_case_that_hangs_or_dies_takes_no_other_with_it,
    _grading.leaving_early_is_no_pass,
    _grading.floats_are_compared_by_the_tolerance_given,
    _grading.a_suite_without_cases_is_refused,
    _grading.a_limit_that_means_nothing_to_an_evaluation_is_refused,
    _grading.a_value_that_cannot_be_sent_is_refused,
    _many.many_programs_are_each_answered_once,
    _many.many_answers_keep_the_order_asked_for,
    _many.the_input_of_many_is_read_no_further_than_needed,
    _many.one_bad_item_of_many_can_be_passed_over,
    _many.many_pairs_are_graded_each_on_its_suite,
    _live.what_happens_is_told_in_order,
    _live.the_chunks_of_a_stream_are_the_whole_of_it,
    _live.a_program_that_ends_badly_is_told_of_like_any_other,
    _live.what_cannot_be_served_is_refused_before_any_event,
    _live.a_stream_may_be_left_early,
)
