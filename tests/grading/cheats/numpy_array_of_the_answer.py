# kind: Equality
# origin: published
# fools: exit_code
# runtime: scientific
# verdicts: FAILED

import numpy


def square_perimeter(a):
    return numpy.array([4 * a])
