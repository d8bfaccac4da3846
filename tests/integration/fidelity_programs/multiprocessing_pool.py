import multiprocessing


def square(number):
    return number * number


with multiprocessing.Pool(2) as pool:
    print(pool.map(square, range(10)))
    print(sorted(pool.imap_unordered(square, range(5))))
