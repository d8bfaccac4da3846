import two

NAME = two.NAME
