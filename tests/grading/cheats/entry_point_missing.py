# kind: Stub
# origin: own
# attacks: the stub of what is not there
# verdicts: FAILED|ERROR


def rectangle_perimeter(a, b):
    return -1
