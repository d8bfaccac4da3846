# kind: Exit
# origin: published
# fools: exit_code
# verdicts: ERROR


def square_perimeter(a):
    raise SystemExit
