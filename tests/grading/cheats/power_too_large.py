# kind: Resources
# origin: published
# task: perimeter_once
# attacks: the clock of a case, where the interpreter must get a turn to see it
# verdicts: TIMED_OUT


def square_perimeter(a):
    return a ** a ** (a - 2)
