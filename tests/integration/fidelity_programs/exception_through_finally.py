try:
    raise ValueError("x")
finally:
    print("on the way out")
