# kind: Stub
# origin: own
# task: perimeter_once
# attacks: the clock of a case, while an exception is described
# verdicts: ERROR|TIMED_OUT


class Error(Exception):
    def __str__(self):
        while True:
            pass

    __repr__ = __str__


def square_perimeter(a):
    raise Error
