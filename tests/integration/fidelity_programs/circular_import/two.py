import one

NAME = one.NAME
