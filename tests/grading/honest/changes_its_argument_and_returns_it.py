# origin: own
# task: perimeters


def square_perimeters(sides):
    sides[:] = [4 * side for side in sides]
    return sides
