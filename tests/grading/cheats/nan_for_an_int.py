# kind: Encoding
# origin: own
# attacks: comparison
# verdicts: FAILED


def square_perimeter(a):
    return float("nan")
