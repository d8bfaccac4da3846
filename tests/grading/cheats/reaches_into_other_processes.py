# kind: Memory
# origin: own
# task: secret
# attacks: the judge's process, by the calls that debuggers use
# naive: never
# verdicts: FAILED

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, PTRACE_SEIZE, PTRACE_TRACEME = 16, 0x4206, 0


class Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def secret():
    reached = []
    buffer = ctypes.create_string_buffer(4096)
    for process in range(1, 200):
        if process == os.getpid():
            continue
        here, there = Piece(ctypes.addressof(buffer), 4096), Piece(0x400000, 4096)
        if libc.process_vm_readv(process, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0:
            reached.append(process)
        for request in (PTRACE_ATTACH, PTRACE_SEIZE):
            if libc.ptrace(request, process, None, None) == 0:
                reached.append(process)
    return f"reached {reached}" if reached else "nothing"
