# origin: own

import builtins

builtins.four = 4
builtins.print = lambda *texts, **options: None
builtins.sum, honest_sum = (lambda numbers: honest_sum(numbers)), builtins.sum


def square_perimeter(a):
    return sum([a] * four)
