# kind: Encoding
# origin: own
# attacks: whatever shows the value: str() of it raises ValueError
# verdicts: FAILED


def square_perimeter(a):
    return 10**5000
