# origin: published

from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool


def square_perimeter(a):
    with ThreadPool(2) as pool:
        half = sum(pool.map(abs, [a, a]))
    with ThreadPoolExecutor(2) as executor:
        return half + sum(executor.map(abs, [a, a]))
