# kind: Stub
# origin: own
# attacks: the stub of what can't be called
# verdicts: FAILED|ERROR

square_perimeter = 40
