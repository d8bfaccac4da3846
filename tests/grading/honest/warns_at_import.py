# origin: own

import warnings

warnings.simplefilter("always")
warnings.warn("this module is old", DeprecationWarning)


def square_perimeter(a):
    warnings.warn("so is this function")
    return 4 * a
