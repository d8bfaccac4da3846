# origin: own


def sum(numbers, start=0):
    total = start
    for number in numbers:
        total = total + number
    return total


def print(*texts):
    pass


input = print


def square_perimeter(a):
    print(a)
    return sum([a] * 4)
