# kind: Encoding
# origin: own
# beside: encoders.py
# attacks: the decoder, by an encoder of its own
# verdicts: FAILED|ERROR

import encoders

MALFORMED = [
    b"",
    b"\x99",
    b"\x03\xff\xff\xff\xff\x01",
    b"\x06\x02\x00\x00\x00\xff\xfe",
    b"\x12\x02\x00\x00\x00\x01\x01",
    b"\x12\x01\x00\x00\x00\x10\x00\x00\x00\x00",
    b"\x14\x01\x00\x00\x00\x14\x00\x00\x00\x00\x00",
    b"\x09" + b"\x03\x01\x00\x00\x00\x00" * 3,
    b"\x00\x00",
    b"\x10\x01\x00\x00\x00",
]


def square_perimeter(a):
    encoders.send(MALFORMED[a % len(MALFORMED)])
    return -1
