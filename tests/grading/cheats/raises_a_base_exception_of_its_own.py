# kind: Stub
# origin: own
# attacks: whoever catches exceptions only
# verdicts: ERROR


class Passed(BaseException):
    pass


def square_perimeter(a):
    raise Passed
