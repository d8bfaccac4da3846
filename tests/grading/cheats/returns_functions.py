# kind: Trust
# origin: own
# attacks: trust, which must not fall to SHARED for what a program returns
# verdicts: FAILED


def square_perimeter(a):
    return lambda: 4 * a
