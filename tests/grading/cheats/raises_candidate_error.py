# kind: Stub
# origin: own
# attacks: exceptions that the grader itself has names for
# verdicts: ERROR


class CandidateError(Exception):
    verdict = "PASSED"


def square_perimeter(a):
    raise CandidateError("PASSED")
