import one

print(one.NAME)
