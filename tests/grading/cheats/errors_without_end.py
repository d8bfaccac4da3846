# kind: Stub
# origin: own
# attacks: whoever follows the causes of an exception, or what a group holds
# verdicts: ERROR


def square_perimeter(a):
    error = ValueError("deep")
    for _ in range(5000):
        error = ExceptionGroup("group", [error])
    error.__cause__ = error.__context__ = KeyError("cause")
    error.__cause__.__cause__ = error
    raise error
