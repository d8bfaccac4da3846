# kind: Mutation
# origin: own
# task: in_place
# attacks: the mirror of arguments, and its stack
# verdicts: FAILED|ERROR


def grow(sides):
    sides[:] = [sides, {"sides": sides}, sides]
