# kind: Stub
# origin: own
# attacks: the verdict OUT_OF_MEMORY, which is the kernel's to give
# verdicts: ERROR|OUT_OF_MEMORY


def square_perimeter(a):
    raise MemoryError
