# origin: published

check = result = results = expected = candidate = answer = None
inputs, outputs, details, status, progress = [], [], [], 0, 0


def check_solution(candidate):
    return candidate is not None


def square_perimeter(a):
    global result
    result = 4 * a
    return result
