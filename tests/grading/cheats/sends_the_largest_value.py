# kind: Encoding
# origin: own
# beside: encoders.py
# attacks: the memory of the decoder: fifteen million values of one byte
# task: perimeter_once
# verdicts: FAILED|ERROR|TIMED_OUT|OUT_OF_MEMORY

import encoders

ITEMS = 15_000_000


def square_perimeter(a):
    encoders.send(b"\x10" + ITEMS.to_bytes(4, "little") + bytes(ITEMS))
    return -1
