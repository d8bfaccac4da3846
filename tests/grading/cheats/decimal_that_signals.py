# kind: Encoding
# origin: own
# attacks: comparison, which raises for such a number
# verdicts: FAILED|ERROR

from decimal import Decimal


def square_perimeter(a):
    return Decimal("sNaN123")
