# kind: Encoding
# origin: own
# task: perimeters
# attacks: whoever would read it to its end
# verdicts: FAILED

import itertools


def square_perimeters(sides):
    return (4 for _ in itertools.count())
