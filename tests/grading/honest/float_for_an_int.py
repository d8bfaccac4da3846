# origin: own


def square_perimeter(a):
    return 4.0 * a
