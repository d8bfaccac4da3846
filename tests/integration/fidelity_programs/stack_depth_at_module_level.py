import inspect

print(len(inspect.stack()))
print([frame.function for frame in inspect.stack()])
