# origin: published

import sys

sys.setrecursionlimit(20_000)


def square_perimeter(a, sides=4):
    def add(times):
        return a + add(times - 1) if times > 1 else a

    deep = 5000
    return add(deep) // deep * sides
