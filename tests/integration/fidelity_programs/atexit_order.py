import atexit

atexit.register(print, "registered first")
atexit.register(print, "registered second")
print("main ends")
