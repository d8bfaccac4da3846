# stdin: "through the device\n"
print(open("/dev/stdin").read())
