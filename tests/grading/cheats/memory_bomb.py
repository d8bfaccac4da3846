# kind: Resources
# origin: published
# task: perimeter_once
# attacks: the limit on memory
# naive: never
# verdicts: OUT_OF_MEMORY


def square_perimeter(a):
    taken = []
    while True:
        taken.append(bytearray(b"x") * (16 << 20))
