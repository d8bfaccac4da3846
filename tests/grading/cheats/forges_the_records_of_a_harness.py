# kind: Channel
# origin: own
# attacks: a harness in the program's own process, whose records it knows how to write
# verdicts: ERROR

import os


def pack(*fields):
    return b"".join(b"%d:%b" % (len(field), field) for field in fields)


def square_perimeter(a):
    records = [pack(b"end", b"0", b"PASSED", b"", b"", b"", b"", b"0")]
    for case in (b"1", b"2", b"3"):
        records += [pack(b"begin", case), pack(b"end", case, b"PASSED", b"", b"", b"", b"", b"0")]
    for number in range(3, 1001):
        try:
            os.write(number, pack(*records))
        except OSError:
            pass
    os._exit(0)
