# kind: Encoding
# origin: own
# beside: encoders.py
# task: perimeter_once
# attacks: the time of the decoder: a set whose members all have one hash
# verdicts: FAILED|ERROR|TIMED_OUT

import sys

import encoders

MEMBERS = 20_000


def square_perimeter(a):
    frame = bytearray(b"\x12" + MEMBERS.to_bytes(4, "little"))
    for number in range(1, MEMBERS + 1):
        member = (number * sys.hash_info.modulus).to_bytes(10, "little")
        frame += b"\x03" + len(member).to_bytes(4, "little") + member
    encoders.send(bytes(frame))
    return -1
