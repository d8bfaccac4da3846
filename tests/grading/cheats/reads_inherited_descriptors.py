# kind: Memory
# origin: own
# task: secret
# beside: scanner.py
# attacks: whatever descriptor the program was left
# verdicts: FAILED|ERROR|TIMED_OUT

import os

import scanner


def secret():
    for number in range(1024):
        try:
            os.set_blocking(number, False)
        except OSError:
            continue
        for read in (
            lambda: os.pread(number, 1 << 24, 0),
            lambda: os.read(number, 1 << 20),
            lambda: os.read(os.open(f"/proc/self/fd/{number}", os.O_RDONLY | os.O_NONBLOCK), 1 << 20),
        ):
            try:
                found = scanner.canary_in(read() or b"")
            except OSError:
                continue
            if found:
                return found
        os.set_blocking(number, True)
    return "nothing"
