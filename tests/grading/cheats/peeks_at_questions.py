# kind: Socket
# origin: own
# task: secret
# beside: scanner.py
# attacks: what comes in on sockets and pipes, which must never be an expected value
# verdicts: FAILED

import os
import socket

import scanner


def secret():
    for number in range(1024):
        pieces = []
        for read in (peek, lambda number: os.pread(number, 1 << 20, 0)):
            try:
                pieces.append(read(number))
            except OSError:
                pass
        found = scanner.canary_in(b"".join(pieces))
        if found:
            return found
    return "nothing"


def peek(number):
    with socket.socket(fileno=os.dup(number)) as connection:
        return connection.recv(1 << 20, socket.MSG_PEEK | socket.MSG_DONTWAIT)
