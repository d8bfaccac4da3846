# kind: Resources
# origin: published
# task: perimeters
# attacks: the encoding, and the stack of whoever walks through it
# naive: never
# verdicts: FAILED|ERROR


def square_perimeters(sides):
    answer = []
    for _ in range(100_000):
        answer = [answer]
    return answer
