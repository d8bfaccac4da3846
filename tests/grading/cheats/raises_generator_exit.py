# kind: Stub
# origin: own
# attacks: exceptions that mean something to those who run code
# verdicts: ERROR


def square_perimeter(a):
    raise GeneratorExit
