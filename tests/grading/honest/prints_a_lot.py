# origin: own


def square_perimeter(a):
    for number in range(1000):
        print("thinking about", number)
    return 4 * a
