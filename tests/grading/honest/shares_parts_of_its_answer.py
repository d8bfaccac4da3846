# origin: own
# task: perimeters

import functools


@functools.lru_cache(maxsize=None)
def perimeter(side):
    return 4 * side


def square_perimeters(sides):
    return [perimeter(side) for side in sides]
