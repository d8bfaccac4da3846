# kind: Mutation
# origin: own
# task: in_place
# attacks: the mirror of arguments, which must not take what is returned for them
# verdicts: FAILED


def grow(sides):
    return [4 * side for side in sides]
