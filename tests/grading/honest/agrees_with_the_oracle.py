# origin: own
# task: perimeters_oracle


def square_perimeters(sides):
    answers = []
    while sides:
        answers.append(4 * sides.pop(0))
    return answers
