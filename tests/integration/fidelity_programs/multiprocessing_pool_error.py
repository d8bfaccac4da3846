import multiprocessing


def reciprocal(number):
    return 1 / number


with multiprocessing.Pool(1) as pool:
    try:
        pool.map(reciprocal, [1, 0])
    except ZeroDivisionError as error:
        print("caught", error)
