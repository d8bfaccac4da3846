# origin: own

import random

random.seed(7)


def square_perimeter(a):
    sides = [a] * 4
    random.shuffle(sides)
    return sum(sides)
