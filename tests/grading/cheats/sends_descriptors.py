# kind: Socket
# origin: own
# beside: wiretap.py
# attacks: the reader's table of descriptors
# verdicts: FAILED|ERROR|TIMED_OUT

import os
import socket

import wiretap


def square_perimeter(a):
    gifts = [os.open("/dev/null", os.O_RDONLY) for _ in range(50)]
    for connection in wiretap.sockets():
        for _ in range(20):
            try:
                socket.send_fds(connection, [b"\0"], gifts, socket.MSG_DONTWAIT)
            except OSError:
                break
    return -1
