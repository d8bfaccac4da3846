import sys

frame = sys._getframe()
names = []
while frame is not None:
    names.append((frame.f_code.co_name, frame.f_code.co_filename, frame.f_lineno))
    frame = frame.f_back
print(names)
