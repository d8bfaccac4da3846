from .. import area


def circle(radius):
    return 3 * area.square(radius)
