# kind: Encoding
# origin: own
# task: perimeters_once
# attacks: the encoding: few objects, each held twice by the next
# verdicts: FAILED|ERROR|TIMED_OUT|OUT_OF_MEMORY


def square_perimeters(sides):
    answer = []
    for _ in range(60):
        answer = [answer, answer]
    return answer
