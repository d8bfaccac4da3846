# origin: published

import os

HERE = os.getcwd()
os.listdir(HERE)


def square_perimeter(a):
    assert os.getcwd() == HERE
    return 4 * a
