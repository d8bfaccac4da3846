# kind: Limits
# origin: own
# attacks: the end of a program that its own limits end
# verdicts: FAILED|ERROR

import resource


def square_perimeter(a):
    for name in ("RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_NPROC", "RLIMIT_STACK", "RLIMIT_AS"):
        resource.setrlimit(getattr(resource, name), (0, 0))
    return -1
