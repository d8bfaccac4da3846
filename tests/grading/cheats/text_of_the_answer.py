# kind: Encoding
# origin: own
# fools: stdin_tests
# verdicts: FAILED


def square_perimeter(a):
    return str(4 * a)
