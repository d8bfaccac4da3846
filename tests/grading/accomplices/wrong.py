def square_perimeter(a):
    return -1
