# kind: Stub
# origin: own
# attacks: the memory of whoever describes an exception
# naive: never
# verdicts: ERROR|OUT_OF_MEMORY


def square_perimeter(a):
    raise ValueError("\ud800" * 50_000_000)
