# kind: Resources
# origin: published
# task: perimeters
# attacks: the encoding, and whatever shows the value
# verdicts: FAILED|ERROR


def square_perimeters(sides):
    answer = []
    answer.append(answer)
    return answer
