# origin: published
# task: perimeter_setup


def square_perimeter(a):
    return 4 * a + 1e-9
