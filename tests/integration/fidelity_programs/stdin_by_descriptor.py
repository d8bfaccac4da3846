# stdin: "through the descriptor\n"
print(open(0).read())
