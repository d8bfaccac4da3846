open("f", "w")
print("no warning by default")
