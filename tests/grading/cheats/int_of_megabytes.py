# kind: Encoding
# origin: own
# attacks: whatever shows the value: its digits take minutes
# verdicts: FAILED


def square_perimeter(a):
    return 1 << (20_000_000 + a)
