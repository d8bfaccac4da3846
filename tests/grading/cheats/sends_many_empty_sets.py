# kind: Encoding
# origin: own
# beside: encoders.py
# task: perimeter_once
# attacks: the memory of the decoder: five bytes sent become two hundred
# verdicts: FAILED|ERROR|TIMED_OUT|OUT_OF_MEMORY

import encoders

ITEMS = 3_000_000


def square_perimeter(a):
    encoders.send(b"\x10" + ITEMS.to_bytes(4, "little") + b"\x12\0\0\0\0" * ITEMS)
    return -1
