# origin: own
# task: perimeter_within


def square_perimeter(a):
    return 4 * a + 1e-9
