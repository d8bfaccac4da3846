# origin: own
# task: perimeter_within_calls

from fractions import Fraction


def square_perimeter(a):
    answer = Fraction(str(a)) * 4
    return int(answer) if answer.denominator == 1 else float(answer)
