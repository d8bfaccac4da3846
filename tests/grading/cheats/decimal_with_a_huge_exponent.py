# kind: Encoding
# origin: own
# attacks: comparison, which may want all digits
# verdicts: FAILED|ERROR

from decimal import Decimal


def square_perimeter(a):
    return Decimal("1e999999999")
