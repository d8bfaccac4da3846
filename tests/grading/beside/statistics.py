"""For cheats: a module in place of the standard library's, should a test import it from beside the program."""


def mean(values):
    return 10.0


def fmean(values):
    return -1.0
