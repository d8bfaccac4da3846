import os
import stat

with open("f", "w"):
    pass
os.chmod("f", 0o640)
print(stat.filemode(os.stat("f").st_mode), oct(os.umask(0o022)), os.access("f", os.X_OK))
