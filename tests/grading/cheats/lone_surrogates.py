# kind: Encoding
# origin: own
# attacks: whatever sends the value on as text
# verdicts: FAILED


def square_perimeter(a):
    return "\ud800\udfff\udc80" * a
