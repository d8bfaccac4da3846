# kind: Resources
# origin: published
# attacks: the encoding, and the memory of whoever decodes it
# naive: never
# verdicts: FAILED|ERROR|OUT_OF_MEMORY


def square_perimeter(a):
    return bytes(1 << 30)
