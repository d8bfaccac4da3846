# stdin: "Ada\n"
name = input("your name? ")
print(f"hello, {name}")
