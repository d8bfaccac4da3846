# origin: own


class Καρέ:
    πλευρές = 4


def périmètre(côté, 辺=Καρέ.πλευρές):
    return côté * 辺


def square_perimeter(a):
    return périmètre(a)
