handle = open("left_open.txt", "w")
handle.write("buffered")
import os

print(os.path.getsize("left_open.txt"))
