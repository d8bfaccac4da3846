# kind: Socket
# origin: own
# beside: wiretap.py
# attacks: the reader's waiting, by data out of band
# verdicts: FAILED|ERROR|TIMED_OUT

import socket

import wiretap


def square_perimeter(a):
    for connection in wiretap.sockets():
        try:
            connection.send(b"!", socket.MSG_OOB)
        except OSError:
            pass
    return -1
