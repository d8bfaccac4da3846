# kind: Encoding
# origin: own
# task: perimeters_once
# attacks: the memory of whoever decodes: fifty megabytes sent would become hundreds
# verdicts: FAILED|ERROR|TIMED_OUT|OUT_OF_MEMORY


def square_perimeters(sides):
    row = [None] * 1000
    return [row] * 50_000
