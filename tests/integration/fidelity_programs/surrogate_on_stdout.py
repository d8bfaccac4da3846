print("fine")
print("\udc80")
