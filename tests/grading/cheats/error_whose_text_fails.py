# kind: Stub
# origin: own
# attacks: whoever describes an exception
# verdicts: ERROR


class Error(Exception):
    def __str__(self):
        raise SystemExit(0)

    __repr__ = __str__

    @property
    def args(self):
        raise SystemExit(0)


def square_perimeter(a):
    raise Error
