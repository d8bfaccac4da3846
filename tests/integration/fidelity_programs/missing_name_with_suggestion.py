import math

value_of_pi = math.pi
print(value_of_py)
