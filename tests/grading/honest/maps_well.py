# origin: own
# task: perimeter_mapped


def square_perimeter(a):
    return 4 * a
