# kind: Mutation
# origin: own
# task: in_place
# attacks: the mirror of arguments, and its memory
# naive: never
# verdicts: FAILED|ERROR|TIMED_OUT|OUT_OF_MEMORY


def grow(sides):
    row = [0] * 1000
    sides[:] = [row] * 1_000_000
