# origin: own


def square_perimeter(a):
    return 4 + square_perimeter(a - 1) if a > 0 else 0
