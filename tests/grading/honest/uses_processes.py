# origin: own

import multiprocessing


def square_perimeter(a):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return sum(pool.map(abs, [a] * 4))
