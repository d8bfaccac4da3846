import inspect

double = lambda x: x * 2
print(inspect.getsource(double))
print(inspect.getmodule(double).__name__)
