# kind: Stub
# origin: own
# attacks: the message that names the exception
# verdicts: ERROR

Error = type("Ab\nnormal\x1b[2J" + "x" * 1_000_000, (Exception,), {})


def square_perimeter(a):
    raise Error("\ud800\0\x1b[2J")
