# origin: published
# task: in_place


def grow(sides):
    for place, side in enumerate(sides):
        sides[place] = 4 * side
