# kind: Channel
# origin: own
# beside: wiretap.py
# attacks: the socket between the fork server and the host
# verdicts: FAILED|ERROR

import os

import wiretap


def square_perimeter(a):
    for number in wiretap.writable():
        for packet in (b"ready", b"confined 1", b"loaded 1", b"end 1  0 0 0 0 0 0", b"collected 1", b"lost 1"):
            os.write(number, packet)
    return -1
