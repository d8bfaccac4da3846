# origin: own

calls = []


def square_perimeter(a):
    calls.append(a)
    return sum(calls[-1:] * 4)
