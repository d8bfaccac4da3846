# origin: published
# runtime: scientific

import numpy


def square_perimeter(a):
    return int(numpy.full(4, a).sum())
