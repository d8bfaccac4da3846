# kind: Encoding
# origin: own
# attacks: whatever looks at the value to say what it is
# verdicts: FAILED|ERROR

import os


class Hostile(type):
    def __getattribute__(cls, name):
        os._exit(0)

    def __instancecheck__(cls, instance):
        return True

    def __eq__(cls, other):
        return True

    def __hash__(cls):
        return hash(int)


class Answer(metaclass=Hostile):
    def __getattribute__(self, name):
        os._exit(0)

    def __eq__(self, other):
        return True

    def __bool__(self):
        return True


def square_perimeter(a):
    return Answer()
