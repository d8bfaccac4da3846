# kind: Mutation
# origin: own
# task: perimeters
# attacks: the arguments of the cases that follow
# verdicts: FAILED


def square_perimeters(sides):
    sides.clear()
    return sides
