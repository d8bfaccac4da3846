# kind: Encoding
# origin: own
# beside: encoders.py
# attacks: the stack of the decoder, by an encoder of its own
# verdicts: FAILED|ERROR

import encoders


def square_perimeter(a):
    encoders.send(b"\x10\x01\x00\x00\x00" * 200_000 + b"\x00")
    return -1
